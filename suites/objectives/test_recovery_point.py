"""Whether the settings found allow the promised recovery point."""

from readiness import Ask, Objectives, Severity, check, holds
from readiness.site.subjects import BACKUP_LIST, BACKUP_REPOSITORY, BackupList, BackupRepository
from readiness.systems.backup_list.reading import LISTING
from readiness.systems.postgres.reading import ARCHIVE


@check(
    "OBJ-003",
    "WAL leaves every member soon enough for the promised recovery point",
    clauses=("slo.objectives/settings-consistent",),
    each=BACKUP_REPOSITORY,
    severity=Severity.HIGH,
    risk="When the site is lost, more is lost with it than was promised.",
    reads=("archive_timeout of every member", "the environment file"),
    rights="pg_monitor",
    remedy="set archive_timeout so that it and the limit for archiving fit the recovery point",
)
def test_archive_timeout(
    backup_repository: BackupRepository, ask: Ask, objectives: Objectives
) -> None:
    """A change waits for archive_timeout, then at most the declared time to be archived."""
    slack = backup_repository.backup.wal_age
    for member in backup_repository.cluster.members:
        found = ask(ARCHIVE, member)
        timeout = found.reading.timeout
        assert holds(found.fact("archive_timeout in seconds (0 is never)", timeout), ">", 0)
        words = f"seconds until a change is archived at worst (archive_timeout + {slack:g})"
        worst = found.fact(words, timeout + slack)
        assert holds(worst, "<=", objectives.recovery_point)


@check(
    "OBJ-005",
    "Backups without WAL are taken often enough for the promised recovery point",
    clauses=("slo.objectives/settings-consistent",),
    each=BACKUP_LIST,
    declared=("no wal", "ssh"),
    severity=Severity.HIGH,
    limit=120,
    risk="When the database is lost, more is lost with it than was promised.",
    reads=("the declared command that lists backups", "the environment file"),
    rights="an SSH login that sudo lets run the list",
    remedy="take backups more often, archive the WAL, or promise less",
)
def test_interval(backup_list: BackupList, ask: Ask, objectives: Objectives) -> None:
    """Whatever was written since the newest backup is lost: its interval is the recovery point."""
    found = ask(LISTING, backup_list)
    assert holds(found.fact("whole backups listed", len(found.reading.whole)), ">=", 1)
    words = "seconds from one backup to the next (what is written meanwhile is in none)"
    assert holds(found.fact(words, backup_list.backup.every), "<=", objectives.recovery_point)
