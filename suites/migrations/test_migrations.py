"""The release's own migrations, tried on a restored copy: up, down, up."""

from collections.abc import Callable

from readiness import Environment, Found, NotRun, Severity, Tier, check, holds
from readiness.drills.migrations import Migrated
from readiness.drills.restore import Restored
from readiness.site.subjects import DATABASE_CLUSTER, BackupRepository, Cluster, backups_of

Drill = Callable[[BackupRepository], Found[Restored]]

READS = (
    "digests of every table of the copy after each migration",
    "exit codes of the declared commands",
)
RIGHTS = "what a restore drill needs, and the declared commands without a network"
DISTURBS = "what a restore drill disturbs; the migrations change nothing but the copy"
LIMIT = 7200.0


def on_copies(
    cluster: Cluster, site: Environment, drill: Drill
) -> list[tuple[Found[Restored], Migrated]]:
    """What the migrations did on each restored copy of a cluster."""
    ours = [
        one
        for one in backups_of(site, cluster)
        if one.backup.restore and one.backup.restore.migrations
    ]
    if not ours:
        raise NotRun(f"{cluster.id}: no migrations are declared for a restored copy")
    tried = []
    for repository in ours:
        found = drill(repository)
        done = found.reading.migrated
        if done is None:
            raise NotRun(f"{cluster.id}: there is no copy to migrate: {found.reading.problem}")
        tried.append((found, done))
    return tried


@check(
    "MIG-001",
    "The release's migrations run up, down and up again, and each does something",
    clauses=("test.migrations/up-down-up",),
    each=DATABASE_CLUSTER,
    declared=("backups", "migrations", "touch schema", "touch login"),
    severity=Severity.HIGH,
    tier=Tier.LOAD,
    limit=LIMIT,
    risk="A release that fails can't be taken back, and it is found out at night.",
    reads=READS,
    rights=RIGHTS,
    disturbs=DISTURBS,
    remedy="run the declared commands by hand on a restored copy",
)
def test_up_down_up(database_cluster: Cluster, site: Environment, restore_drill: Drill) -> None:
    """None fails; down changes what the tool recorded, and something besides that record."""
    for found, done in on_copies(database_cluster, site, restore_drill):
        failed = found.fact("migrations that failed", done.problems)
        assert holds(failed, "==", ())
        recorded = found.fact("down changed what the tool recorded", done.recorded)
        assert holds(recorded, "==", True)
        assert done.undone is not None
        undone = found.fact("what else down changed", len(done.undone))
        assert holds(undone, ">=", 1)


@check(
    "MIG-002",
    "Down and up again lead to the same schema, rows, sequences and grants",
    clauses=("test.migrations/state-compared",),
    each=DATABASE_CLUSTER,
    declared=("backups", "migrations", "touch schema", "touch login"),
    severity=Severity.HIGH,
    tier=Tier.LOAD,
    limit=LIMIT,
    risk="Taking a release back loses rows or rights, and nothing says so.",
    reads=READS,
    rights=RIGHTS,
    disturbs=DISTURBS,
    remedy="write a down that loses nothing, and bring what was changed by hand into a migration",
)
def test_states(database_cluster: Cluster, site: Environment, restore_drill: Drill) -> None:
    """The second up equals the first; where the first changed something, down equals before."""
    for found, done in on_copies(database_cluster, site, restore_drill):
        looked = done.first_and_second_up is not None
        assert holds(found.fact("compared after each direction", looked), "==", True)
        again = found.fact(
            "differences between the first up and the second", done.first_and_second_up
        )
        assert holds(again, "==", ())
        if done.pending:
            back = found.fact(
                "differences between before the first up and after down",
                done.before_and_after_down,
            )
            assert holds(back, "==", ())
