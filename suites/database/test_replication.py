"""Effects of replication, and of what stands before it: a row arrives, a commit waits."""

from collections.abc import Callable

from readiness import Found, Severity, Tier, check, derive, holds
from readiness.drills.canary import CanaryRow
from readiness.drills.paths import Paths
from readiness.drills.pools import Kept
from readiness.site.subjects import DATABASE_CLUSTER, Cluster


@check(
    "PG-013",
    "A row written on the primary is on every standby within the declared lag",
    clauses=("infra.database-ha/standbys-replay", "infra.database-ha/lag-within-limits"),
    each=DATABASE_CLUSTER,
    declared=("standby", "touch schema", "touch login"),
    severity=Severity.CRITICAL,
    tier=Tier.TOUCH,
    limit=60.0,
    risk="On an idle site positions agree although nothing would be replayed.",
    reads=("one synthetic row in a table of its own, which is dropped again",),
    rights="the touch login, owner of a schema of its own",
    disturbs="creates, fills and drops a table in the touch login's schema",
    remedy="see PG-003 and PG-007 for the standby that did not get the row",
)
def test_row_reaches_every_standby(
    database_cluster: Cluster, canary: Callable[[Cluster], Found[CanaryRow]]
) -> None:
    """One synthetic row appears on each member that is not the primary."""
    found = canary(database_cluster)
    seconds = found.reading.seconds
    others = set(database_cluster.database.members) - {found.reading.primary}
    assert holds(found.fact("standbys asked", set(seconds)), "==", others)
    for name, waited in seconds.items():
        arrived = derive(f"row on {name} in time", database_cluster.id, waited is not None, found)
        assert holds(arrived, "==", True)


@check(
    "PG-014",
    "A session through any pooler ends at the primary and commits as safely as a direct one",
    clauses=("infra.database-ha/client-path-follows-primary",),
    each=DATABASE_CLUSTER,
    declared=("failover drill", "touch login"),
    severity=Severity.CRITICAL,
    tier=Tier.TOUCH,
    limit=60.0,
    risk="What the members guarantee is taken away on the way to them, for one pooler's clients.",
    reads=("a session with the primary and some through every declared pooler, settings only",),
    rights="the touch login, as a client of the database and of each pooler",
    disturbs="opens at most a dozen sessions through each pooler and asks for their settings",
    remedy="see the pooler's configuration on that machine: server, connect_query, users",
)
def test_sessions_through_poolers(
    database_cluster: Cluster, client_paths: Callable[[Cluster], Found[Paths]]
) -> None:
    """Each session is with the same server and database as a direct one, writes and waits alike."""
    found = client_paths(database_cluster)
    direct, pooled = found.reading.direct, found.reading.pooled
    assert holds(found.fact("poolers asked", len(pooled)), ">=", 1)
    for name, path in pooled.items():
        for one in path.sessions:
            where = found.fact(f"what is behind the pooler of {name}", one.where)
            assert holds(where, "==", direct.where)
            user = found.fact(f"user behind the pooler of {name}", one.user)
            assert holds(user, "==", direct.user)
            assert holds(found.fact(f"read-only through {name}", one.read_only), "==", "off")
            waits = found.fact(f"synchronous_commit through {name}", one.synchronous_commit)
            assert holds(waits, "==", direct.synchronous_commit)
    for name, path in pooled.items():
        fresh = found.fact(f"a new session through {name} ({path.problem})", path.fresh or None)
        assert holds(fresh, "==", True)


# From the weakest to the strongest (PostgreSQL 15, table 20.1); each keeps what those before it do.
COMMITS = ("off", "local", "remote_write", "on", "remote_apply")


def as_safe_as(commit: str) -> tuple[str, ...] | None:
    """The settings of synchronous_commit that keep as much as this one."""
    return COMMITS[COMMITS.index(commit) :] if commit in COMMITS else None


@check(
    "PG-026",
    "The sessions that poolers keep for the application commit as safely as a direct one",
    clauses=("infra.database-ha/kept-sessions-as-given",),
    each=DATABASE_CLUSTER,
    declared=("failover drill", "touch login", "application login"),
    severity=Severity.CRITICAL,
    tier=Tier.TOUCH,
    limit=60.0,
    risk="One client's SET stays with the session, and the next clients' commits are lost with the "
    "primary although every server says that commits wait.",
    reads=("the sessions that are idle in the application's pools, settings only",),
    rights="the application's own login, as a client of each pooler",
    disturbs="takes at most 24 idle sessions of the application from each pooler, up to five "
    "times, for half a second at most, and gives them back as they were",
    remedy="find the client that says SET without LOCAL; RECONNECT at that pooler (or restart it); "
    "server_reset_query_always = 1, or pool_mode = session, keeps it from coming back",
)
def test_kept_sessions(
    database_cluster: Cluster, kept_sessions: Callable[[Cluster], Found[Kept]]
) -> None:
    """Each idle session of the application is with the primary, and writes and waits as it does.

    What a client holds each time is not seen: how many sessions that were stands beside.
    """
    found = kept_sessions(database_cluster)
    direct = found.reading.direct
    assert holds(found.fact("pools asked", len(found.reading.pools)), ">=", 1)
    for pool in found.reading.pools:
        at = f"kept for {pool.user} by the pooler of {pool.machine}"
        for one in pool.sessions:
            where = found.fact(f"what is behind a session {at}", one.where)
            assert holds(where, "==", direct.where)
            assert holds(found.fact(f"user of a session {at}", one.user), "==", pool.user)
            assert holds(found.fact(f"read-only in a session {at}", one.read_only), "==", "off")
            waits = found.fact(f"synchronous_commit in a session {at}", one.synchronous_commit)
            assert holds(waits, "in", as_safe_as(direct.synchronous_commit))
    for pool in found.reading.pools:
        others = f"{len(pool.sessions)} seen, {pool.unseen} never given"
        why = f"; {pool.problem}" if pool.problem else ""
        whole = found.fact(
            f"every idle session kept for {pool.user} by the pooler of {pool.machine} "
            f"({others}{why})",
            pool.emptied or None,
        )
        assert holds(whole, "==", True)
