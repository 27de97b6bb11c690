"""Effects of replication, and of what stands before it: a row arrives, a commit waits."""

from collections.abc import Callable

from readiness.catalogue import check
from readiness.claim import Found, derive, holds
from readiness.drills.canary import CanaryRow
from readiness.drills.paths import Paths
from readiness.model import Severity, Tier
from readiness.subjects import Cluster


@check(
    "PG-013",
    "A row written on the primary is on every standby within the declared lag",
    clauses=("infra.database-ha/standbys-replay", "infra.database-ha/lag-within-limits"),
    each="database_cluster",
    declared=("standby", "failover drill", "touch login"),
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
    each="database_cluster",
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
            assert holds(found.fact(f"read-only through {name}", one.read_only), "==", "off")
            waits = found.fact(f"synchronous_commit through {name}", one.synchronous_commit)
            assert holds(waits, "==", direct.synchronous_commit)
    for name, path in pooled.items():
        fresh = found.fact(f"a new session through {name} ({path.problem})", path.fresh or None)
        assert holds(fresh, "==", True)
