"""Replication's effect: a row that is written is there."""

from collections.abc import Callable

from readiness.catalogue import check
from readiness.claim import Found, derive, holds
from readiness.drills.canary import CanaryRow
from readiness.model import Severity, Tier
from readiness.subjects import Cluster


@check(
    "PG-013",
    "A row written on the primary is on every standby within the declared lag",
    clauses=("infra.database-ha/standbys-replay", "infra.database-ha/lag-within-limits"),
    each="database_cluster",
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
