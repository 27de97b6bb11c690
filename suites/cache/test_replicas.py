"""Whether each replica has what the master has, and could take its place."""

from readiness import Ask, Environment, NotRun, NotUnderstood, Severity, check, derive, holds
from readiness.systems.redis.declared import NODE, CacheNode, cache_of, first_port
from readiness.systems.redis.reading import DOOR, STATE
from readiness.systems.sentinel.reading import SENTINEL

RIGHTS = "a Redis user with +info, +command, +acl|whoami and +acl|dryrun only"
ROLES = ["master", "slave"]


@check(
    "CACHE-004",
    "Every replica's link to the master is up, and what it has is near what the master has",
    clauses=("infra.cache/replicas-follow",),
    each=NODE,
    declared=("replica",),
    severity=Severity.CRITICAL,
    risk="A replica that answers and does not follow is promoted with old sessions or none.",
    reads=("INFO at every declared member",),
    rights=RIGHTS,
    remedy="see that replica's log for why its link breaks: the replication user, TLS, the network",
)
def test_replica_follows(cache_node: CacheNode, site: Environment, ask: Ask) -> None:
    """Both ends say so: the replica's link is up and fresh, the master has its word just now."""
    here, cache = ask(STATE, cache_node), cache_node.cache
    assert holds(here.fact("role", here.reading.role), "in", ROLES)
    if here.reading.role == "master":
        return
    link = here.reading.link
    assert link is not None
    assert holds(here.fact("its link to the master", link.status), "==", "up")
    assert holds(here.fact("a full copy running", link.syncing), "==", False)
    assert holds(here.fact("seconds without the master", link.idle), "<=", cache.lag_time)
    name = site.server(link.address, link.port, cache.port)
    assert holds(here.fact("its master", name), "in", cache.members)
    nodes = cache_of(site, cache_node).nodes
    master = ask(STATE, next(one for one in nodes if one.machine.name == name))
    role = derive("role of its master", cache_node.id, master.reading.role, here, master)
    assert holds(role, "==", "master")
    shared = here.reading.history == master.reading.history
    assert holds(derive("the master's history", cache_node.id, shared, here, master), "==", True)
    behind = max(0, master.reading.offset - link.offset)
    assert holds(
        derive("bytes behind the master", cache_node.id, behind, here, master),
        "<=",
        cache.lag_bytes,
    )
    mine = [
        one
        for one in master.reading.followers
        if site.server(one.address, one.port, cache.port) == cache_node.machine.name
    ]
    states = derive("state as the master sees it", cache_node.id, [m.state for m in mine], master)
    assert holds(states, "==", ["online"])
    said = derive("seconds since the master heard it", cache_node.id, mine[0].lag, master)
    assert holds(said, "<=", cache.lag_time)


@check(
    "CACHE-005",
    "Every replica may become the master, as it says and as every Sentinel sees it",
    clauses=("infra.cache/promotable",),
    each=NODE,
    declared=("replica", "sentinel"),
    severity=Severity.CRITICAL,
    risk="When the master goes there is nobody to promote, or nobody may log in to who is: no "
    "session until somebody comes.",
    reads=(
        "INFO at the member",
        "ACL DRYRUN there of what Sentinel orders and a replica says, for the users that they are",
        "ACL USERS there and at the master",
        "SENTINEL REPLICAS at every Sentinel",
    ),
    rights=RIGHTS,
    remedy="give it a replica-priority above 0, let it announce itself, give it the users of "
    "the master and their rights, and see why Sentinel thinks it down",
)
def test_replica_may_take_over(cache_node: CacheNode, site: Environment, ask: Ask) -> None:
    """Above priority 0, with its data, well to each Sentinel; it would obey and be followed.

    Whoever may log in at the master may there, by name: a user that is missing is locked out by a
    failover, and one that was removed is back.
    """
    here, cache = ask(STATE, cache_node), cache_node.cache
    assert holds(here.fact("role", here.reading.role), "in", ROLES)
    assert holds(here.fact("still loading its data", here.reading.loading), "==", False)
    if here.reading.role == "master":
        return
    link = here.reading.link
    assert link is not None
    assert holds(here.fact("its priority", link.priority), ">", 0)
    assert holds(here.fact("announced to Sentinel", link.announced), "==", True)
    assert holds(here.fact("takes writes of its own", not link.read_only), "==", False)
    whole = cache_of(site, cache_node)
    for node in whole.sentinels:
        seen = ask(SENTINEL, node)
        mine = [
            one
            for one in seen.reading.replicas
            if site.server(one.seen.address, one.seen.port, cache.port) == cache_node.machine.name
        ]
        name = cache_node.machine.name
        assert holds(seen.fact(f"replicas that are {name}", len(mine)), "==", 1)
        (one,) = mine
        assert holds(seen.fact(f"state of {name}", list(one.seen.flags)), "==", ["slave"])
        assert holds(seen.fact(f"role that {name} reports", one.reported), "==", "slave")
        assert holds(seen.fact(f"link of {name} to the master", one.link), "==", "ok")
        assert holds(seen.fact(f"priority of {name}", one.priority), ">", 0)
    must_be_declared(cache_node, "promotes_as", whole.watch.promotes_as)
    port = ask(DOOR, first_port(cache_node))
    orders = port.fact("orders of Sentinel that it refuses", port.reading.promoter_lacks)
    assert holds(orders, "==", ())
    must_be_declared(cache_node, "replicates_as", cache.replicates_as)
    words = port.fact("words of a replica that it refuses", port.reading.follower_lacks)
    assert holds(words, "==", ())
    master = ask(DOOR, first_port(the_master(cache_node, site, ask)))
    users = derive("its users", cache_node.id, port.reading.users, port, master)
    assert holds(users, "==", master.reading.users)


def the_master(node: CacheNode, site: Environment, ask: Ask) -> CacheNode:
    """The member that says that it is the master.

    Raises:
        NotUnderstood: none or more than one does.
    """
    everyone = cache_of(site, node).nodes
    found = [one for one in everyone if ask(STATE, one).reading.role == "master"]
    if len(found) != 1:
        raise NotUnderstood(f"{node.id}: {len(found)} members say that they are the master")
    return found[0]


def must_be_declared(node: CacheNode, key: str, user: str | None) -> None:
    """Nobody is tried where it is not said who.

    Raises:
        NotRun: it is not declared which user that is.
    """
    if user is None:
        raise NotRun(
            f"{node.id}: {key} is not declared: whose rights are to be tried",
            declare=f"`{key}` of the cache {node.cache.name}",
        )


@check(
    "CACHE-006",
    "Every Redis refuses writes as a master that too few replicas follow",
    clauses=("infra.cache/isolated-master-stops",),
    each=NODE,
    declared=("replica",),
    severity=Severity.HIGH,
    risk="A master that is cut off goes on taking sessions, and all of them are lost when it is "
    "back.",
    reads=("INFO replication: min_slaves_good_slaves, which is there only when it is on",),
    rights=RIGHTS,
    remedy="set min-replicas-to-write and min-replicas-max-lag on every member: each can become "
    "the master",
)
def test_isolated_master_stops(cache_node: CacheNode, ask: Ask) -> None:
    """It counts its good replicas before a write, and as the master has enough of them now."""
    here = ask(STATE, cache_node)
    counts = here.fact("it counts good replicas", here.reading.good_replicas is not None)
    assert holds(counts, "==", True)
    if here.reading.role == "master":
        assert holds(
            here.fact("good replicas", here.reading.good_replicas),
            ">=",
            cache_node.cache.good_replicas,
        )
