"""What a pgBackRest repository holds, by its own listing; nothing is taken on trust from a server.

Asked over SSH as a user that may list (`info`, `repo-ls`) and see the first eight bytes of a file.
Formats: pgBackRest command reference, `info` and `repo-ls` with `--output=json`; a file encrypted
with aes-256-cbc begins with OpenSSL's `Salted__`.
"""

import json
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Annotated, Any, Final

from readiness.model.errors import NotUnderstood
from readiness.site.subjects import BACKUP_REPOSITORY, DATABASE_MEMBER, BackupRepository, Member
from readiness.systems.hosts.reading.mounts import Mount
from readiness.systems.marks import BOUNDED, VOLATILE
from readiness.systems.postgres.reading.state import Lsn
from readiness.systems.token import Source, Sources

SALTED: Final = "53616c7465645f5f"
SAMPLE: Final = 40  # files of each kind whose first bytes are read
Database = tuple[int | None, int]  # a repository's key, and the number that it gave the database
_WAL: Final = re.compile(
    r"(?P<archive>[^/]+)/[0-9A-F]{16}/(?P<name>[0-9A-F]{24})-[0-9a-f]{40}(?:\.\w+)?"
)
_HISTORY: Final = re.compile(r"(?P<archive>[^/]+)/(?P<name>[0-9A-F]{8})\.history(?:\.\w+)?")
_HEADING: Final = re.compile(rb"(?:^|\n)==> (/[^\n]+) <==\n")


@dataclass(frozen=True)
class BackupSet:
    """One backup as the repository describes it. Times in epoch seconds of its machine."""

    label: Annotated[str, VOLATILE]
    kind: Annotated[str, VOLATILE]  # full, diff, incr
    system_identifier: str  # of the database that was backed up
    archive: Annotated[str, VOLATILE]  # the archive that its WAL is in, as 15-1
    # Pages with wrong checksums; None: it does not say. False is written, too, where no page was
    # looked at (2.45): of a database without data checksums, or with --no-checksum-page.
    error: Annotated[bool | None, BOUNDED]
    started: Annotated[float, VOLATILE]
    stopped: Annotated[float, VOLATILE]
    start: Annotated[Lsn | None, VOLATILE]
    stop: Annotated[Lsn | None, VOLATILE]
    first_wal: Annotated[str, VOLATILE]
    last_wal: Annotated[str, VOLATILE]
    size: Annotated[int, VOLATILE]  # of the database, in bytes
    stored: Annotated[int, VOLATILE]  # in the repository
    databases: tuple[str, ...]  # by name; only of the newest full backup
    # The key of the one that holds it; None: it does not say
    repository: Annotated[int | None, VOLATILE] = None


@dataclass(frozen=True)
class Held:
    """One of the repositories that a stanza has."""

    key: int  # repo1 is 1
    status: Annotated[int, BOUNDED]  # 0 is ok
    cipher: str
    # The last segment in the archive of the present database; empty: none
    last_wal: Annotated[str, VOLATILE]
    archive: str = ""  # that archive, as 15-2; empty: it has none, or nobody asked


@dataclass(frozen=True)
class Stanza:
    """`info`: what the repositories say they hold of one database."""

    status: Annotated[int, BOUNDED]  # 0 is ok
    message: Annotated[str, BOUNDED]
    cipher: str
    backups: tuple[BackupSet, ...]
    repositories: tuple[Held, ...] | None = None  # by key; None: it does not say

    def of(self, key: int) -> tuple[BackupSet, ...]:
        """The backups in one of the repositories."""
        return tuple(one for one in self.backups if one.repository == key)

    @property
    def first(self) -> tuple[BackupSet, ...]:
        """The backups in the first repository: the one whose files pgBackRest lists."""
        return self.of(self.repositories[0].key) if self.repositories else self.backups

    @property
    def newest_full(self) -> BackupSet | None:
        """The full backup in the first repository that ended last."""
        return newest_full(self.first)

    def oldest(self, system_identifier: str) -> BackupSet | None:
        """The backup of that system in the first repository that began first.

        After an upgrade a repository keeps backups of the system before it.
        """
        own = (one for one in self.first if one.system_identifier == system_identifier)
        return min(own, key=lambda one: one.started, default=None)

    @property
    def archive(self) -> str:
        """The archive of the present database in the first repository; empty: it does not say."""
        return self.repositories[0].archive if self.repositories else ""


@dataclass(frozen=True)
class File:
    """One file below the listed folder; its time in epoch seconds."""

    path: str
    size: int
    time: float


@dataclass(frozen=True)
class Segment:
    """One archived segment of WAL."""

    archive: str
    name: str  # timeline and position, 24 hexadecimal digits
    size: int
    time: float


@dataclass(frozen=True)
class RepositoryReading:
    """Everything that was seen of one repository; `asked` by the clock of who looked."""

    asked: Annotated[float, VOLATILE]
    stanza: Stanza
    segments: Annotated[tuple[Segment, ...], VOLATILE]
    histories: Annotated[tuple[str, ...], VOLATILE]  # archive/timeline
    files: Annotated[tuple[File, ...], VOLATILE]  # of the newest full backup
    # Path and its first eight bytes in hexadecimal
    headers: Annotated[tuple[tuple[str, str], ...], VOLATILE]
    mount: Mount
    below: tuple[Mount, ...] = ()  # file systems that folders inside it lie on


def newest_full(backups: Iterable[BackupSet]) -> BackupSet | None:
    """The full backup that ended last."""
    full = [one for one in backups if one.kind == "full"]
    return max(full, key=lambda one: one.stopped, default=None)


def read_info(text: str, stanza: str, *, where: str) -> Stanza:
    """Read `info --output=json`."""
    try:
        (found,) = [one for one in json.loads(text) if one["name"] == stanza]
        # Each repository numbers its databases by itself: the same id may be another system there.
        systems = {_database(one): str(one["system-id"]) for one in found["db"]}
        archives = {_database(one["database"]): one["id"] for one in found["archive"]}
        return Stanza(
            status=int(found["status"]["code"]),
            message=found["status"]["message"],
            cipher=found.get("cipher", "none"),
            backups=tuple(_backup(one, systems, archives) for one in found["backup"]),
            repositories=_repositories(found),
        )
    except (ValueError, KeyError, TypeError) as error:
        raise NotUnderstood(f"{where}: pgBackRest's info is unreadable: {error!r}") from error


def _database(found: Any) -> Database:
    """Which database: pgBackRest before 2.32 has one repository and gives it no key."""
    return found.get("repo-key"), found["id"]


def _repositories(found: Any) -> tuple[Held, ...] | None:
    """The repositories by key; pgBackRest before 2.32 has one and does not list it."""
    if "repo" not in found:
        return None
    held = (
        Held(one["key"], int(one["status"]["code"]), one["cipher"], *_end(found, one["key"]))
        for one in found["repo"]
    )
    return tuple(sorted(held, key=lambda one: one.key))


def _end(found: Any, key: int) -> tuple[str, str]:
    """The last segment of the present database's archive, and that archive.

    After an upgrade a repository has an archive for each database; the last one counts.
    """
    present = max((one["id"] for one in found["db"] if one["repo-key"] == key), default=None)
    own = [one for one in found["archive"] if _database(one["database"]) == (key, present)]
    last = max(own, key=lambda one: one["max"] or "", default={"max": "", "id": ""})
    return last["max"] or "", last["id"]


def _backup(
    found: Any, systems: Mapping[Database, str], archives: Mapping[Database, str]
) -> BackupSet:
    lsn, wal, size = found.get("lsn") or {}, found["archive"], found["info"]
    return BackupSet(
        label=found["label"],
        kind=found["type"],
        system_identifier=systems[_database(found["database"])],
        archive=archives.get(_database(found["database"]), ""),
        error=None if found["error"] is None else bool(found["error"]),
        started=float(found["timestamp"]["start"]),
        stopped=float(found["timestamp"]["stop"]),
        start=Lsn.parse(lsn["start"]) if "start" in lsn else None,
        stop=Lsn.parse(lsn["stop"]) if "stop" in lsn else None,
        first_wal=wal["start"] or "",
        last_wal=wal["stop"] or "",
        size=int(size["size"]),
        stored=int(size["repository"]["delta"]),
        databases=tuple(one["name"] for one in found.get("database-ref") or ()),
        repository=found["database"].get("repo-key"),
    )


def read_listing(text: str, *, where: str) -> tuple[File, ...]:
    """Read `repo-ls --recurse --output=json`: its files, not its folders and links."""
    try:
        return tuple(
            File(path, int(one["size"]), float(one["time"]))
            for path, one in json.loads(text).items()
            if one["type"] == "file"
        )
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise NotUnderstood(f"{where}: pgBackRest's listing is unreadable: {error!r}") from error


def segments_of(files: Iterable[File]) -> tuple[Segment, ...]:
    """The complete segments among archived files; a partial one can't be restored from."""
    found = [(_WAL.fullmatch(one.path), one) for one in files]
    return tuple(
        Segment(match["archive"], match["name"], one.size, one.time)
        for match, one in sorted(found, key=lambda pair: pair[1].path)
        if match
    )


def histories_of(files: Iterable[File]) -> tuple[str, ...]:
    """The timelines whose history is archived, as archive/timeline."""
    found = [_HISTORY.fullmatch(one.path) for one in files if one.size]
    return tuple(sorted(f"{match['archive']}/{match['name']}" for match in found if match))


def read_headers(output: bytes) -> tuple[tuple[str, str], ...]:
    """Read `head -v -c 8 FILE…`: a heading with the path, then the bytes."""
    pieces = _HEADING.split(output)[1:]
    return tuple(
        (path.decode("ascii", "replace"), content[:8].hex())
        for path, content in zip(pieces[::2], pieces[1::2], strict=True)
    )


def sample(files: Sequence[str]) -> tuple[str, ...]:
    """At most `SAMPLE` of them, spread evenly, the first and the last among them."""
    if len(files) <= SAMPLE:
        return tuple(files)
    step = (len(files) - 1) / (SAMPLE - 1)
    return tuple(files[round(number * step)] for number in range(SAMPLE))


def says(found: RepositoryReading) -> str:
    """What answered, for a person."""
    stanza = found.stanza
    newest = stanza.newest_full
    label = newest.label if newest else "none"
    return f"listed, {len(stanza.backups)} backups, newest full {label}"


REPOSITORY: Final[Source[BackupRepository, RepositoryReading]] = Source(
    "repository", BACKUP_REPOSITORY, RepositoryReading, says=says
)
# What a repository answers a member, by that member's own settings and certificate.
REPOSITORY_ANSWER: Final[Sources[BackupRepository, Member, Stanza]] = Sources(
    "repository-answer", DATABASE_MEMBER, Stanza, label=lambda one: one.id
)
SOURCES: Final = (REPOSITORY, REPOSITORY_ANSWER)
