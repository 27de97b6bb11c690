"""Whether sessions survive a restart, and a full memory."""

from readiness import Ask, Environment, Severity, check, derive, holds
from readiness.systems.redis.declared import NODE, CacheNode, CachePort, cache_of
from readiness.systems.redis.reading import DOOR, STATE

RIGHTS = "a Redis user with +info, +command, +acl|whoami and +acl|dryrun only"


@check(
    "CACHE-007",
    "Every Redis writes what it acknowledges to disk, and its last writes went well",
    clauses=("infra.cache/persistence",),
    each=NODE,
    severity=Severity.HIGH,
    risk="A restart of that node logs everybody out; a master that comes back empty makes its "
    "replicas empty too.",
    reads=("INFO persistence", "ACL DRYRUN of changes for the user default"),
    rights=RIGHTS,
    remedy="CONFIG SET appendonly yes on that node and CONFIG REWRITE; see its disk and log for "
    "writes that failed, then BGREWRITEAOF; let the user default be off and keep its rights",
)
def test_persistence_works(cache_node: CacheNode, ask: Ask) -> None:
    """What is declared is on, its last writes ended well, and a restart would read all of it.

    The append-only file is read back as the user `default`, on or off: what a transaction wrote
    and that user may not do is dropped without an error (redis issue 14541).
    Of snapshots it is the changes since the last one that count: one that is idle needs no other.
    A server that nobody wrote to since its start shows neither that it saves nor that it does not.
    """
    here, cache = ask(STATE, cache_node), cache_node.cache
    assert holds(here.fact("still loading its data", here.reading.loading), "==", False)
    if cache.persistence == "aof":
        assert holds(here.fact("append-only file in use", here.reading.aof_enabled), "==", True)
        assert holds(here.fact("last write to it", here.reading.aof_last_write), "==", "ok")
        assert holds(here.fact("last rewrite of it", here.reading.aof_last_rewrite), "==", "ok")
        port = ask(DOOR, CachePort(cache_node, cache_node.machine.addresses[0]))
        lacks = port.fact("changes that reading it back would drop", port.reading.default_lacks)
        assert holds(lacks, "==", ())
    assert holds(here.fact("last snapshot", here.reading.rdb_last_save), "==", "ok")
    if cache.persistence == "snapshots":
        age = here.fact("seconds that changes may be unsaved", here.reading.seconds_unsaved)
        assert holds(age, "<=", cache.snapshot_age)
        empty = " (empty and never written to: log in once)" if here.reading.never_written else ""
        seen = here.fact(f"a snapshot since its start{empty}", here.reading.has_snapshot)
        assert holds(seen, "==", True)


@check(
    "CACHE-008",
    "Every Redis has a memory limit with room below it, and never drops a session to make room",
    clauses=("infra.cache/eviction-fits-sessions",),
    each=NODE,
    severity=Severity.HIGH,
    risk="Under load users are logged out at random, or the machine runs out of memory.",
    reads=("INFO memory and stats at every declared member",),
    rights=RIGHTS,
    remedy="set maxmemory, the same on every member, and a declared maxmemory-policy on that node; "
    "after keys were dropped, find out why and CONFIG RESETSTAT",
)
def test_eviction_fits_sessions(cache_node: CacheNode, site: Environment, ask: Ask) -> None:
    """Policy as declared, limit set and within the machine, room left, and nothing ever dropped.

    No other member may have a higher limit: this one, promoted, would be full at once.
    """
    here, cache = ask(STATE, cache_node), cache_node.cache
    most = here.reading.most_memory
    assert holds(
        here.fact("its policy when memory is full", here.reading.policy), "in", cache.eviction
    )
    assert holds(here.fact("its memory limit in bytes", most), ">", 0)
    assert holds(here.fact("memory limit in bytes", most), "<", here.reading.machine_memory)
    used = here.fact("percent of its memory in use", 100 * here.reading.used_memory / most)
    assert holds(used, "<=", cache.memory_used)
    assert holds(here.fact("keys dropped to make room", here.reading.evicted), "==", 0)
    everyone = [ask(STATE, one) for one in cache_of(site, cache_node).nodes]
    highest = max(one.reading.most_memory for one in everyone)
    limit = derive("its memory limit beside the highest", cache_node.id, most, here, *everyone)
    assert holds(limit, ">=", highest)
