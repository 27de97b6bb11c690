"""Whether a restore would have something to start from: recent, whole, encrypted, elsewhere."""

from readiness import Ask, Found, Severity, check, derive, holds
from readiness.site.subjects import BACKUP_REPOSITORY, BackupRepository
from readiness.systems.hosts.reading import ADDRESSES, TIMER
from readiness.systems.hosts.reading.mounts import VOLATILE
from readiness.systems.pgbackrest.reading import (
    REPOSITORY,
    SALTED,
    BackupSet,
    RepositoryReading,
    newest_full,
)
from readiness.systems.postgres.reading import ARCHIVE
from readiness.systems.postgres.reading.archive import Archiving

INFO = "pgbackrest info and repo-ls on the repository's machine"
RIGHTS = "an SSH login that sudo lets list the repository as its owner"
# A service in any other state still runs, and its backup is not in the repository yet.
ENDED = ("inactive", "failed")
# Seconds: a backup is dated by the database's clock, a timer by its own machine's.
CLOCKS = 60
# What may show whether the pages of a backup are right.
CHECKSUMS = "their checksums, when the backup is taken"
RESTORE = "a restore only, the database has no data checksums"
# Gone with the machine that holds it, or on another machine: no repository can stand there.
REMOTE = ("nfs", "nfs4", "cifs", "smb3", "9p", "fuse.sshfs", "ceph", "glusterfs")


def primary(repository: BackupRepository, ask: Ask) -> Found[Archiving]:
    """The one member that writes."""
    found = [ask(ARCHIVE, member) for member in repository.cluster.members]
    writing = [one for one in found if not one.reading.in_recovery]
    assert holds(derive("members that write", repository.id, len(writing), *found), "==", 1)
    return writing[0]


@check(
    "BKP-001",
    "The newest full backup in each repository is recent, whole and of this very database",
    clauses=("ops.backup/age",),
    each=BACKUP_REPOSITORY,
    declared=("ssh",),
    severity=Severity.CRITICAL,
    risk="What is restored is days old, empty, or another system's database.",
    reads=(INFO, "sizes and system identifier of every database member"),
    rights=f"{RIGHTS}; pg_monitor",
    remedy="see why the newest is none: the backup's log, its schedule, the cluster it is of; "
    "where two members write, stop the wrong one first (PG-001); then take a full backup",
)
def test_newest_backup(backup_repository: BackupRepository, ask: Ask) -> None:
    """Its end, its system, its errors, its size, its databases, and the bytes that lie there.

    Of further repositories that the stanza has, what `info` tells: nobody lists their files.
    """
    live = primary(backup_repository, ask)
    found = ask(REPOSITORY, backup_repository)
    stanza, newest = found.reading.stanza, found.reading.stanza.newest_full
    assert holds(found.fact("status", stanza.status), "==", 0)
    assert holds(found.fact("full backups", newest is not None), "==", True)
    assert newest is not None
    recent_and_whole(backup_repository, found, live, newest)
    label, name = newest.label, backup_repository.cluster.database.database
    assert holds(found.fact(f"databases in {label}", newest.databases), "includes", (name,))
    lying = sum(one.size for one in found.reading.files)
    assert holds(found.fact(f"bytes that lie in {label}", lying), ">=", max(newest.stored, 1))
    several = stanza.repositories
    listed = found.fact("repositories", None if several is None else len(several))
    assert holds(listed, ">=", 1)
    for one in (several or ())[1:]:
        where = f"repository {one.key}"
        assert holds(found.fact(f"status of {where}", one.status), "==", 0)
        latest = newest_full(stanza.of(one.key))
        assert holds(found.fact(f"full backups in {where}", latest is not None), "==", True)
        assert latest is not None
        recent_and_whole(backup_repository, found, live, latest, f" of {where}")


def recent_and_whole(
    repository: BackupRepository,
    found: Found[RepositoryReading],
    live: Found[Archiving],
    backup: BackupSet,
    where: str = "",
) -> None:
    """A full backup is young, of the live system, not too small, and no page is reported wrong."""
    declared, label = repository.backup, f"{backup.label}{where}"
    age = found.fact(
        f"seconds since the end of {label}", round(found.reading.asked - backup.stopped)
    )
    assert holds(age, "<=", declared.age)
    # A clock that runs ahead would make every backup young.
    assert holds(age, ">=", -60)
    system = derive(
        f"system identifier in {label}", found.subject, backup.system_identifier, found, live
    )
    assert holds(system, "==", live.reading.system_identifier)
    pages_are_right(found, live, backup, label)
    least = live.reading.size * declared.smallest_percent // 100
    size = derive(f"bytes of the database in {label}", found.subject, backup.size, found, live)
    assert holds(size, ">=", least)


def pages_are_right(
    found: Found[RepositoryReading], live: Found[Archiving], backup: BackupSet, label: str
) -> None:
    """No page of a backup is reported wrong; where pages carry no checksum, a restore has to show.

    pgBackRest 2.45 reports no error, too, where it looked at no page, and does not list whether it
    did (the option checksum-page is in the manifest, beside the key that the files are read with).
    """
    checksums = bool(backup.error) or live.reading.data_checksums
    shown = None if checksums is None else CHECKSUMS if checksums else RESTORE
    words = f"what shows whether pages of {label} are right"
    basis = derive(words, found.subject, shown, found, live)
    assert holds(basis, "in", (CHECKSUMS, RESTORE))
    if shown == CHECKSUMS:
        name = f"errors in {label} (none is also said with checksum-page off: a restore shows it)"
        assert holds(found.fact(name, backup.error), "==", False)


@check(
    "BKP-002",
    "Full backups are taken on schedule by a timer that will elapse again",
    clauses=("ops.backup/schedule-met",),
    each=BACKUP_REPOSITORY,
    declared=("ssh",),
    severity=Severity.HIGH,
    risk="The last backup was the last one, and nobody will notice until it is needed.",
    reads=(INFO, "systemctl list-timers and show"),
    rights=RIGHTS,
    remedy="enable and start the timer, and see why its service last failed, or what it does "
    "instead of a full backup",
)
def test_schedule(backup_repository: BackupRepository, ask: Ask) -> None:
    """The timer is on, due within the interval, its service did not fail; no backup was missed.

    A service may end well and do nothing: once it has ended, a full backup began when it did.
    """
    declared = backup_repository.backup
    found = ask(REPOSITORY, backup_repository)
    full = sorted(one.stopped for one in found.reading.stanza.first if one.kind == "full")
    assert holds(found.fact("full backups", len(full)), ">=", 1)
    timed = ask(TIMER.of(declared.timer), backup_repository.machine)
    now = found.reading.asked
    assert holds(timed.fact(f"{declared.timer} active", timed.reading.active), "==", "active")
    assert holds(timed.fact(f"{declared.timer} enabled", timed.reading.enabled), "==", "enabled")
    following = timed.reading.next
    due = None if following is None else round(following - now)
    assert holds(timed.fact("timer due again", due is not None), "==", True)
    assert holds(timed.fact("seconds until it is due", due), "<=", declared.every)
    ended = timed.fact(f"last end of {timed.reading.service or 'no service'}", timed.reading.result)
    assert holds(ended, "==", "success")
    gaps = [later - earlier for earlier, later in zip(full, [*full[1:], now], strict=True)]
    longest = round(max(gaps)) if gaps else None
    assert holds(found.fact("seconds between full backups at most", longest), "<=", declared.age)
    last, state = timed.reading.last, timed.reading.service_state
    if last is not None and state in (None, *ENDED):
        began = max(one.started for one in found.reading.stanza.first if one.kind == "full")
        name = f"seconds from the start of the newest full backup to the last {declared.timer}"
        passed = None if state is None else round(last - began)
        missed = derive(name, backup_repository.id, passed, found, timed)
        assert holds(missed, "<=", CLOCKS)


@check(
    "BKP-003",
    "Every file looked at in the repository is encrypted",
    clauses=("ops.backup/encrypted",),
    each=BACKUP_REPOSITORY,
    declared=("encryption", "ssh"),
    severity=Severity.CRITICAL,
    risk="Whoever gets hold of the repository reads every student's record.",
    reads=("the first eight bytes of files of the newest full backup and of the newest WAL",),
    rights=RIGHTS,
    remedy="set repo-cipher-type, and begin a new repository: what lies there stays readable",
)
def test_encrypted(backup_repository: BackupRepository, ask: Ask) -> None:
    """By their bytes and not by a setting: each begins as what OpenSSL encrypted."""
    found = ask(REPOSITORY, backup_repository)
    newest = found.reading.stanza.newest_full
    paths = [path for path, _ in found.reading.headers]
    of_backup = [path for path in paths if newest and f"/{newest.label}/" in path]
    of_wal = [path for path in paths if "/archive/" in path]
    assert holds(found.fact("files of the newest backup looked at", len(of_backup)), ">=", 1)
    assert holds(found.fact("files of the archive looked at", len(of_wal)), ">=", 1)
    plain = [path for path, header in found.reading.headers if header != SALTED]
    assert holds(found.fact("files that are not encrypted", plain), "==", [])
    # Of several repositories, `mixed`: one is not encrypted. The files are those of the first.
    assert holds(found.fact("cipher", found.reading.stanza.cipher), "not in", ("none", "mixed"))


@check(
    "BKP-004",
    "The repository lies on another machine than the database, on a disk of its own",
    clauses=("ops.backup/off-host-copy",),
    each=BACKUP_REPOSITORY,
    declared=("ssh",),
    severity=Severity.CRITICAL,
    risk="What destroys the database destroys its backups with it.",
    reads=("/proc/mounts and addresses of the repository's machine", INFO),
    rights=RIGHTS,
    remedy="move the repository to a machine, and a disk, that shares nothing with the database",
)
def test_elsewhere(backup_repository: BackupRepository, ask: Ask) -> None:
    """Neither name nor address of a member, and no file system in memory or of another machine."""
    members = backup_repository.cluster.machines
    found = ask(REPOSITORY, backup_repository)
    assert holds(found.fact("full backups", bool(found.reading.stanza.newest_full)), "==", True)
    name = found.fact("machine", backup_repository.machine.name)
    assert holds(name, "not in", [one.name for one in members])
    held = ask(ADDRESSES, backup_repository.machine)
    theirs = [address for one in members for address in one.addresses]
    assert holds(held.fact("addresses", held.reading), "without", theirs)
    # A part of it may lie elsewhere: the archive on a disk of its own, or on none.
    for mount in (found.reading.mount, *found.reading.below):
        kind = found.fact(f"file system at {mount.point}", mount.kind)
        assert holds(kind, "not in", (*VOLATILE, *REMOTE))
