"""Who is master, who follows whom, and whether every Sentinel sees the same."""

from readiness import Ask, Environment, Found, Severity, check, derive, holds
from readiness.systems.redis.declared import CACHE, CacheCluster
from readiness.systems.redis.reading import STATE, RedisState
from readiness.systems.sentinel.reading import SENTINEL


def one_master(cache: CacheCluster, ask: Ask) -> tuple[str, dict[str, Found[RedisState]]]:
    """The one member that says that it is the master, and what every member says."""
    found = {one.machine.name: ask(STATE, one) for one in cache.nodes}
    masters = [name for name, one in found.items() if one.reading.role == "master"]
    who = derive("masters", cache.id, masters, *found.values())
    assert holds(who, "in", [[name] for name in found])
    return masters[0], found


@check(
    "CACHE-001",
    "The cache has one master, and the declared replicas follow it and nobody else does",
    clauses=("infra.cache/topology-as-declared",),
    each=CACHE,
    severity=Severity.CRITICAL,
    risk="Two masters each take sessions that the other loses; a stranger gets all of them.",
    reads=("INFO at every declared member",),
    rights="a Redis user with +info, +command, +acl|whoami and +acl|dryrun only",
    remedy="ask every member for its ROLE; point a stray one at the master, and remove replicas "
    "that nobody declared",
)
def test_one_master_and_its_replicas(cache: CacheCluster, site: Environment, ask: Ask) -> None:
    """One says master, the others name it as theirs, it lists exactly them, they list nobody."""
    master, found = one_master(cache, ask)
    port, everyone = cache.cache.port, tuple(found.values())
    count = len({one.reading.run_id for one in everyone})
    assert holds(derive("different servers", cache.id, count, *everyone), "==", len(found))
    for name in sorted(set(found) - {master}):
        link = found[name].reading.link
        follows = link and site.server(link.address, link.port, port)
        assert holds(found[name].fact(f"master of {name}", follows), "==", master)
    others = sorted(set(found) - {master})
    listed = followers(found[master], site, port)
    assert holds(found[master].fact("replicas of the master", listed), "==", others)
    # A replica serves replicas too; those its master does not list, and Sentinel never sees.
    for name in others:
        below = followers(found[name], site, port)
        assert holds(found[name].fact(f"replicas of {name}", below), "==", [])


def followers(found: Found[RedisState], site: Environment, port: int) -> list[str]:
    """Who follows a member, as it lists them."""
    return sorted(site.server(one.address, one.port, port) for one in found.reading.followers)


@check(
    "CACHE-002",
    "Every Sentinel watches the one master and exactly its declared replicas",
    clauses=("infra.cache/topology-as-declared",),
    each=CACHE,
    declared=("any sentinel",),
    severity=Severity.CRITICAL,
    risk="Clients ask any Sentinel; one that watches another master sends them there, and a "
    "replica that it doesn't know is never promoted.",
    reads=("INFO at every declared member", "SENTINEL MASTERS and REPLICAS at every Sentinel"),
    rights="a Sentinel user with +sentinel|masters, +sentinel|replicas and the like only",
    remedy="see what that Sentinel monitors; SENTINEL RESET the name there once all is well",
)
def test_sentinels_watch_the_master(cache: CacheCluster, site: Environment, ask: Ask) -> None:
    """At every Sentinel: its master is who says so itself, its replicas are the others."""
    master, found = one_master(cache, ask)
    port, others = cache.cache.port, sorted(set(found) - {master})
    for node in cache.sentinels:
        one = ask(SENTINEL, node)
        names = one.fact("masters that it watches", list(one.reading.names))
        assert holds(names, "includes", [node.sentinels.watches])
        seen = one.reading.watched and one.reading.watched.seen
        told = seen and site.server(seen.address, seen.port, port)
        assert holds(one.fact("master that it tells clients", told), "==", master)
        known = sorted(site.server(r.seen.address, r.seen.port, port) for r in one.reading.replicas)
        assert holds(one.fact("replicas that it knows", known), "==", others)
