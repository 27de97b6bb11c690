"""Restore the newest backup elsewhere: what it holds, how exact it is, and how long it took."""

from collections.abc import Callable

from readiness import Environment, Found, Objectives, Severity, Tier, check, holds
from readiness.drills.restore import BEFORE, Restored
from readiness.site.subjects import (
    BACKUP_REPOSITORY,
    DATABASE_CLUSTER,
    BackupRepository,
    Cluster,
    backups_of,
)

Drill = Callable[[BackupRepository], Found[Restored]]

READS = (
    "digests of every table, worked out in the live database and in the copy",
    "pgbackrest repo-ls on the repository's machine",
)
RIGHTS = "a login that reads every table, the touch login, and a system user on the spare machine"
DISTURBS = "reads every table of the primary once, completes a segment of WAL, restores elsewhere"
LIMIT = 7200.0


def went_well(restore_drill: Drill, repository: BackupRepository) -> Found[Restored]:
    """The restore, once claimed that nothing failed on the spare machine."""
    found = restore_drill(repository)
    problem = found.reading.problem or "none"
    assert holds(found.fact("problem of the restore", problem), "==", "none")
    return found


@check(
    "BKP-010",
    "A restored backup holds every row and every object that the live database held",
    clauses=("ops.backup/restore-proves-content",),
    each=BACKUP_REPOSITORY,
    declared=("restore", "touch schema", "touch login"),
    severity=Severity.CRITICAL,
    tier=Tier.LOAD,
    limit=LIMIT,
    risk="The server starts on the restored files, and a table of them is empty.",
    reads=READS,
    rights=RIGHTS,
    disturbs=DISTURBS,
    remedy="see which of them differ; what PostgreSQL does not write to its WAL is not in a backup",
)
def test_content(backup_repository: BackupRepository, restore_drill: Drill) -> None:
    """Tables by count and content, sequences, definitions, grants, roles: none differs."""
    found = went_well(restore_drill, backup_repository)
    read = found.reading
    assert holds(found.fact("tables compared", read.tables), ">=", 1)
    assert holds(found.fact("rows compared", read.rows), ">=", 1)
    assert holds(found.fact("objects compared", read.objects), ">=", 1)
    assert holds(found.fact("tables that differ", read.differing_tables), "==", ())
    assert holds(found.fact("sequences that differ", read.differing_sequences), "==", ())
    assert holds(found.fact("objects that differ", read.differing_objects), "==", ())
    # What nobody can compare proves nothing, and is no finding either.
    words = f"what changed while it was read ({', '.join(read.not_compared) or 'nothing'})"
    assert holds(found.fact(words, None if read.not_compared else "compared"), "==", "compared")


@check(
    "BKP-011",
    "A restore to a position in the WAL is exact to the transaction",
    clauses=("ops.recovery/point-in-time-exact",),
    each=DATABASE_CLUSTER,
    declared=("backups", "restore", "touch schema", "touch login"),
    severity=Severity.HIGH,
    tier=Tier.LOAD,
    limit=LIMIT,
    risk="The mistake that the restore should undo is restored with the rest.",
    reads=READS,
    rights=RIGHTS,
    disturbs=DISTURBS,
    remedy="see the copy's log for where recovery ended, and the restore's target options",
)
def test_point_in_time(database_cluster: Cluster, site: Environment, restore_drill: Drill) -> None:
    """The row committed before the position is there, the one committed after it is not."""
    ours = backups_of(site, database_cluster)
    for repository in ours:
        found = went_well(restore_drill, repository)
        words = f"of the two rows, those that the copy at {found.reading.target} holds"
        assert holds(found.fact(words, found.reading.marks), "==", (BEFORE,))


@check(
    "BKP-012",
    "The restored copy is cut off from the live system",
    clauses=("ops.backup/restore-proves-content",),
    each=BACKUP_REPOSITORY,
    declared=("restore", "touch schema", "touch login"),
    severity=Severity.CRITICAL,
    tier=Tier.LOAD,
    limit=LIMIT,
    risk="A copy that archives or joins the cluster damages what it was made to prove.",
    reads=(*READS, "settings of the copy, sockets of its machine, replicas of every member"),
    rights=RIGHTS,
    disturbs=DISTURBS,
    remedy="see what the copy runs with: its settings must not come from the restored files",
)
def test_isolated(backup_repository: BackupRepository, restore_drill: Drill) -> None:
    """It is of this system, out of recovery, and nobody reaches it or is reached by it."""
    found = went_well(restore_drill, backup_repository)
    own = found.reading.isolation
    assert holds(found.fact("copy asked about itself", own is not None), "==", True)
    assert own is not None
    system = found.fact("system identifier of the copy", own.system_identifier)
    assert holds(system, "==", found.reading.system_identifier)
    assert holds(found.fact("copy in recovery", own.in_recovery), "==", False)
    assert holds(found.fact("listen_addresses of the copy", own.listen_addresses), "==", "")
    assert holds(found.fact("archive_mode of the copy", own.archive_mode), "==", "off")
    assert holds(found.fact("primary_conninfo of the copy set", own.primary_conninfo), "==", False)
    assert holds(found.fact("receivers of the copy", own.receivers), "==", 0)
    assert holds(found.fact("contacts of the copy", found.reading.contacts), "==", ())


@check(
    "OBJ-004",
    "A restore is done and proven within the promised recovery time",
    clauses=("slo.objectives/settings-consistent",),
    each=BACKUP_REPOSITORY,
    declared=("restore", "touch schema", "touch login"),
    severity=Severity.CRITICAL,
    tier=Tier.LOAD,
    limit=LIMIT,
    risk="The site stays down for longer than was promised, with everything done right.",
    reads=READS,
    rights=RIGHTS,
    disturbs=DISTURBS,
    remedy="restore from nearer or with more processes, or promise a longer recovery time",
)
def test_in_time(
    backup_repository: BackupRepository, restore_drill: Drill, objectives: Objectives
) -> None:
    """From the start of the restore until its content was proven."""
    found = went_well(restore_drill, backup_repository)
    assert holds(found.fact("restore time", found.reading.time), "<=", objectives.recovery_time)
