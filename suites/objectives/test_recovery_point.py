"""Whether the settings found allow the promised recovery point."""

from readiness import Ask, Objectives, Severity, check, holds
from readiness.site.subjects import BACKUP_REPOSITORY, BackupRepository
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
