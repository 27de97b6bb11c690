"""Whether the Sentinels could really agree that the master is gone, and choose another."""

from readiness import Ask, Environment, Found, Objectives, Severity, check, derive, holds
from readiness.systems.redis.declared import CACHE, CacheCluster
from readiness.systems.sentinel.reading import SENTINEL, SentinelState, Watched

# Sentinel asks whom it promotes once a second whether that is done, and gives up after the timeout.
LEAST_TIMEOUT = 2000


@check(
    "CACHE-003",
    "Every Sentinel reaches the others on machines of their own, and a majority decides in time",
    clauses=("infra.cache/quorum-on-distinct-hosts",),
    each=CACHE,
    declared=("voters",),
    severity=Severity.CRITICAL,
    risk="When the master goes nobody is promoted, or not in time, or each half of a cut promotes "
    "its own; under a second name one Sentinel may decide alone.",
    reads=("SENTINEL MYID, MASTERS, SENTINELS and CKQUORUM, INFO sentinel at every Sentinel",),
    rights="a Sentinel user with +sentinel|myid, +sentinel|masters, +sentinel|sentinels, "
    "+sentinel|ckquorum and the like only",
    remedy="run each declared Sentinel on its own machine with the declared quorum and a "
    "failover-timeout that fits the recovery time; SENTINEL RESET the name where one is listed "
    "that is no more, and SENTINEL REMOVE a second name",
)
def test_quorum_on_distinct_hosts(
    cache: CacheCluster, site: Environment, ask: Ask, objectives: Objectives
) -> None:
    """Each is another one, finds exactly the others well, has the quorum, and one name for it.

    One that is chosen to promote has the time for it, and a failover that came to nothing is tried
    again within the recovery time.
    """
    found = {one.machine.name: ask(SENTINEL, one) for one in cache.sentinels}
    ids = {name: one.reading.run_id for name, one in found.items()}
    count = derive("different Sentinels", cache.id, len(set(ids.values())), *found.values())
    assert holds(count, "==", len(cache.watch.machines))
    for name, one in found.items():
        rest = sorted(set(found) - {name})
        _knows_the_others(cache, site, one, {other: ids[other] for other in rest})
        _is_able(cache, one)
    for one in found.values():
        _has_one_name(cache, site, one)
        _tries_in_time(one, objectives)


def _knows_the_others(
    cache: CacheCluster,
    site: Environment,
    found: Found[SentinelState],
    ids: dict[str, str],
) -> None:
    """Exactly the other declared ones, each by its own address and id, answering now."""
    port, seen = cache.watch.port, found.reading.others
    names = [site.server(one.address, one.port, port) for one in seen]
    assert holds(found.fact("other Sentinels", sorted(names)), "==", sorted(ids))
    for name, other in zip(names, seen, strict=True):
        same = found.fact(f"{name} is the one that it knows", other.run_id == ids[name])
        assert holds(same, "==", True)
        assert holds(found.fact(f"state of {name}", list(other.flags)), "==", ["sentinel"])
        silent = found.fact(f"milliseconds that {name} is silent", other.answered_ms_ago)
        assert holds(silent, "<=", cache.watch.down_after * 1000)


def _is_able(cache: CacheCluster, found: Found[SentinelState]) -> None:
    """It sees the master well, would give it up in time, and could authorise a failover."""
    declared, reading = cache.watch, found.reading
    watched: Watched | None = reading.watched
    assert holds(found.fact("quorum", watched and watched.quorum), "==", declared.quorum)
    flags = watched and list(watched.seen.flags)
    assert holds(found.fact("state of the master", flags), "==", ["master"])
    after = found.fact("milliseconds until it gives up", watched and watched.down_after_ms)
    assert holds(after, "<=", declared.down_after * 1000)
    assert holds(found.fact("looking on only (TILT)", reading.tilt), "==", False)
    plays = found.fact("failures that it plays", reading.simulates or "none")
    assert holds(plays, "in", ["none", "0"])
    usable = f"OK {len(declared.machines)} usable Sentinels"
    said = found.fact("its answer to CKQUORUM", reading.quorum.partition(".")[0])
    assert holds(said, "==", usable)


def _has_one_name(cache: CacheCluster, site: Environment, found: Found[SentinelState]) -> None:
    """It knows this cache by the declared name only; what else it watches is another cache's."""
    declared, masters = cache.cache, found.reading.masters
    names = masters and sorted(
        one.name
        for one in masters
        if site.server(one.address, one.port, declared.port) in declared.members
    )
    assert holds(found.fact("names for this cache", names), "==", [cache.watch.watches])


def _tries_in_time(found: Found[SentinelState], objectives: Objectives) -> None:
    """Its failover-timeout: one attempt may take that long, and the next begins after twice that.

    The times are those of the Sentinel documentation of Redis 7.
    """
    watched = found.reading.watched
    timeout = watched and watched.failover_timeout_ms
    attempt = found.fact("milliseconds until it gives a failover up", timeout)
    assert holds(attempt, ">=", LEAST_TIMEOUT)
    again = watched and (watched.down_after_ms + 2 * watched.failover_timeout_ms) / 1000
    words = "seconds until it tries a failover again (down-after + 2 x failover-timeout)"
    assert holds(found.fact(words, again), "<=", objectives.recovery_time)
