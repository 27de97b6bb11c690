"""Whether every change since the oldest backup could be replayed, and goes on being archived."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from readiness import Ask, Fact, Found, NotUnderstood, Severity, check, derive, holds
from readiness.measure import wal
from readiness.site.subjects import BACKUP_REPOSITORY, BackupRepository, Member
from readiness.systems.patroni.reading import PATRONI, MemberReading
from readiness.systems.pgbackrest.reading import (
    REPOSITORY,
    REPOSITORY_ANSWER,
    BackupSet,
    RepositoryReading,
)
from readiness.systems.postgres.reading import ARCHIVE, POSTGRES
from readiness.systems.postgres.reading.archive import Archiving, HeldSegment
from readiness.systems.postgres.reading.state import ServerState

INFO = "pgbackrest info and repo-ls on the repository's machine"
RIGHTS = "an SSH login that sudo lets list the repository as its owner; pg_monitor"


def primary(repository: BackupRepository, ask: Ask) -> tuple[Member, Found[Archiving]]:
    """The one member that writes, and how it archives."""
    found = [(member, ask(ARCHIVE, member)) for member in repository.cluster.members]
    writing = [one for one in found if not one[1].reading.in_recovery]
    number = derive("members that write", repository.id, len(writing), *(one[1] for one in found))
    assert holds(number, "==", 1)
    return writing[0]


def archived(found: Found[RepositoryReading], backup: BackupSet) -> dict[str, int]:
    """The segments of the backup's own archive that are not empty: name to number of files."""
    names = [
        one.name for one in found.reading.segments if one.archive == backup.archive and one.size
    ]
    return {name: names.count(name) for name in names}


def kept(server: Archiving) -> list[HeldSegment]:
    """The segments that the server still means to archive: what it calls archived, it may drop."""
    last = wal.segment_archived(server.last_archived)
    if not last:
        return list(server.segments)
    done = wal.named(last, server.segment_size).number
    return [
        one for one in server.segments if wal.named(one.name, server.segment_size).number > done
    ]


@dataclass(frozen=True)
class Timelines:
    """Which timeline is written, where those before it ended (a position each), and who says so."""

    last: int
    ends: Mapping[int, int]
    said: Found[Any]


def timelines(said: Found[MemberReading] | Found[ServerState], oldest: BackupSet) -> Timelines:
    """The timelines since the oldest backup, as the automation tells them, or the server.

    The server tells which it writes, and no more: the file that holds where the others ended is a
    superuser's to read.

    Raises:
        NotUnderstood: there is more than one timeline since that backup, and no automation.
    """
    if isinstance(said.reading, MemberReading):
        ends = {one.timeline: one.position for one in said.reading.history}
        return Timelines(max([*ends, 0]) + 1, ends, said)
    begun, now = int(oldest.first_wal[:8], 16), said.reading.timeline
    if begun != now:
        raise NotUnderstood(
            f"{said.subject}: the oldest backup is of timeline {begun}, {now} is written now, and "
            "without an automation nothing tells where the one ended: take a full backup, and let "
            "the older ones expire"
        )
    return Timelines(now, {}, said)


def unarchived(
    found: Found[RepositoryReading], live: Found[Archiving], times: Timelines, oldest: BackupSet
) -> list[str]:
    """Every segment from the oldest backup to the one that is written now that is not there."""
    server = live.reading
    assert server.current is not None
    until = server.current // server.segment_size
    held = archived(found, oldest)
    return wal.missing(oldest.first_wal, until, times.ends, times.last, held, server.segment_size)


@check(
    "BKP-005",
    "WAL is archived without a gap from the oldest backup to the segment that is written now",
    clauses=("ops.backup/wal-continuous",),
    each=BACKUP_REPOSITORY,
    declared=("ssh",),
    severity=Severity.CRITICAL,
    limit=60,
    risk="A restore stops at the gap, whatever was archived after it.",
    reads=(INFO, "pg_ls_waldir() on every member", "GET /history of the automation, if any"),
    rights=RIGHTS,
    remedy="see the archiver's error on the primary; after a gap take a full backup at once",
)
def test_continuous(
    backup_repository: BackupRepository,
    ask: Ask,
) -> None:
    """What is not archived is still on the primary and younger than the limit; histories too."""
    member, live = primary(backup_repository, ask)
    said = ask(PATRONI, member) if member.database.patroni else ask(POSTGRES, member)
    found = ask(REPOSITORY, backup_repository)
    oldest = found.reading.stanza.oldest(live.reading.system_identifier)
    backups = derive("backups of this system", found.subject, oldest is not None, found, live)
    assert holds(backups, "==", True)
    assert oldest is not None
    times = timelines(said, oldest)
    basis = (found, live, times.said)
    held = derive("segments archived", found.subject, len(archived(found, oldest)), *basis)
    assert holds(held, ">=", 1)
    absent = unarchived(found, live, times, oldest)
    written = {one.name: one.written for one in kept(live.reading)}
    gone = [name for name in absent if name not in written]
    lost = derive("segments neither archived nor on the primary", found.subject, gone, *basis)
    assert holds(lost, "==", [])
    waits = wal.oldest_wait(absent, written, live.reading.clock)
    words = f"seconds that complete WAL waits on {member.machine.name} ({len(absent)} segments)"
    waiting = derive(words, found.subject, None if waits is None else round(waits, 1), *basis)
    assert holds(waiting, "<=", backup_repository.backup.wal_age)
    assert holds(histories(found, times, oldest), "==", [])


def histories(
    found: Found[RepositoryReading], times: Timelines, oldest: BackupSet
) -> Fact[list[str]]:
    """The timelines begun since the oldest backup whose history is not in the archive."""
    begun = int(oldest.first_wal[:8], 16)
    ended = [one for one in times.ends if one >= begun]
    wanted = [f"{oldest.archive}/{one + 1:08X}" for one in ended]
    absent = [one for one in wanted if one not in found.reading.histories]
    return derive("histories of timelines not archived", found.subject, absent, found, times.said)


@check(
    "BKP-006",
    "What the primary calls archived lies in each repository, and its last attempt went well",
    clauses=("ops.backup/wal-continuous",),
    each=BACKUP_REPOSITORY,
    declared=("ssh",),
    severity=Severity.CRITICAL,
    risk="An archive command that always succeeds throws every change away, silently.",
    reads=(INFO, "pg_stat_archiver on every member"),
    rights=RIGHTS,
    remedy="see the archiver's error on the member that is named, and to which repositories it "
    "archives; where two members write, stop the wrong one first (PG-001); then take a full backup",
)
def test_really_archived(backup_repository: BackupRepository, ask: Ask) -> None:
    """The segment that it archived last, asked before the repository was, is there, not empty.

    Of further repositories that the stanza has, `info` tells the last segment that they hold.
    """
    member, live = primary(backup_repository, ask)
    found = ask(REPOSITORY, backup_repository)
    name, server = member.machine.name, live.reading
    # A system that the stanza was upgraded from left segments of the same names.
    own = found.reading.stanza.archive
    lasting = [
        one for one in found.reading.segments if one.size and (not own or one.archive == own)
    ]
    assert holds(derive("segments archived", found.subject, len(lasting), found, live), ">=", 1)
    said = server.last_archived
    claimed = live.fact(f"anything archived by {name}", bool(said))
    assert holds(claimed, "==", True)
    names = {one.name for one in lasting}
    # A timeline's history or a partial segment says nothing of whole segments.
    if segment := wal.segment_archived(said):
        last = derive(f"last segment archived by {name}", found.subject, segment, live, found)
        assert holds(last, "in", names)
    else:
        assert holds(live.fact(f"what {name} archived last", said), "!=", "")
    failed, went = server.last_failed_time, server.last_archived_time
    worse = failed is not None and (went is None or failed > went)
    why = f"last attempt of {name} failed ({server.last_failed or 'none'})"
    assert holds(live.fact(why, worse), "==", False)
    assert holds(behind(found, live), "==", [])


def behind(found: Found[RepositoryReading], live: Found[Archiving]) -> Fact[list[int]]:
    """The repositories, by key, that end before the segment that the primary archived last.

    A segment counts as archived when every repository has it, so that none can be behind.
    """
    several, said = found.reading.stanza.repositories, live.reading.last_archived
    least = wal.segment_archived(said) or "0"
    late = None if not several else [one.key for one in several if one.last_wal < least]
    words = f"repositories that end before {wal.segment_archived(said) or said}"
    return derive(words, found.subject, late, found, live)


@check(
    "BKP-007",
    "Every member would archive to this repository if it were the primary",
    clauses=("ops.backup/wal-continuous",),
    each=BACKUP_REPOSITORY,
    declared=("ssh",),
    severity=Severity.CRITICAL,
    risk="After a failover nothing is archived, and the last backup is all there is.",
    reads=("archive settings of every member", "pgbackrest info on every member"),
    rights="pg_monitor; an SSH login that sudo lets ask pgBackRest for info on each member",
    remedy="give that member the archive settings, pgBackRest configuration and certificate",
)
def test_every_member_would_archive(
    backup_repository: BackupRepository,
    ask: Ask,
) -> None:
    """Archiving is on as on the primary, and the repository answers it with the newest backup."""
    _, live = primary(backup_repository, ask)
    found = ask(REPOSITORY, backup_repository)
    newest = found.reading.stanza.newest_full
    assert holds(found.fact("full backups", newest is not None), "==", True)
    assert newest is not None
    for member in backup_repository.cluster.members:
        own = ask(ARCHIVE, member)
        assert holds(own.fact("archive_mode", own.reading.mode), "in", ("on", "always"))
        assert holds(own.fact("command or library set", own.reading.configured), "==", True)
        digest = own.fact("digest of the archive command", own.reading.digest)
        assert holds(digest, "==", live.reading.digest)
        answer = ask(REPOSITORY_ANSWER.of(backup_repository), member)
        assert holds(answer.fact("status of the repository", answer.reading.status), "==", 0)
        systems = {one.system_identifier for one in answer.reading.backups}
        alike = answer.fact("systems whose backups it is told of", sorted(systems))
        # Those of a system that the stanza was upgraded from stay until they expire.
        assert holds(alike, "includes", [own.reading.system_identifier])
        labels = [one.label for one in answer.reading.backups]
        assert holds(answer.fact("backups that it is told of", labels), "includes", [newest.label])
