"""What a pgBackRest repository holds, by its own listing; nothing is taken on trust from a server.

Asked over SSH as a user that may list (`info`, `repo-ls`) and see the first eight bytes of a file.
Formats: pgBackRest command reference, `info` and `repo-ls` with `--output=json`; a file encrypted
with aes-256-cbc begins with OpenSSL's `Salted__`.
"""

import json
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Final

from readiness.errors import NotUnderstood
from readiness.probes.mounts import MOUNTS, Mount, mounts_below, read_mount
from readiness.probes.postgres_state import Lsn
from readiness.probes.ssh import ObserveSession

SALTED: Final = "53616c7465645f5f"
PGBACKREST: Final = "/usr/bin/pgbackrest"
SAMPLE: Final = 40  # files of each kind whose first bytes are read
LIMIT: Final = 25.0  # seconds; a listing reads a whole folder
Database = tuple[int | None, int]  # a repository's key, and the number that it gave the database
_WAL: Final = re.compile(
    r"(?P<archive>[^/]+)/[0-9A-F]{16}/(?P<name>[0-9A-F]{24})-[0-9a-f]{40}(?:\.\w+)?"
)
_HISTORY: Final = re.compile(r"(?P<archive>[^/]+)/(?P<name>[0-9A-F]{8})\.history(?:\.\w+)?")
_HEADING: Final = re.compile(rb"(?:^|\n)==> (/[^\n]+) <==\n")


@dataclass(frozen=True)
class BackupSet:
    """One backup as the repository describes it. Times in epoch seconds of its machine."""

    label: str
    kind: str  # full, diff, incr
    system_identifier: str  # of the database that was backed up
    archive: str  # the archive that its WAL is in, as 15-1
    # Pages with wrong checksums; None: it does not say. False is written, too, where no page was
    # looked at (2.45): of a database without data checksums, or with --no-checksum-page.
    error: bool | None
    started: float
    stopped: float
    start: Lsn | None
    stop: Lsn | None
    first_wal: str
    last_wal: str
    size: int  # of the database, in bytes
    stored: int  # in the repository
    databases: tuple[str, ...]  # by name; only of the newest full backup
    repository: int | None = None  # the key of the one that holds it; None: it does not say


@dataclass(frozen=True)
class Held:
    """One of the repositories that a stanza has."""

    key: int  # repo1 is 1
    status: int  # 0 is ok
    cipher: str
    last_wal: str  # the last segment in the archive of the present database; empty: none
    archive: str = ""  # that archive, as 15-2; empty: it has none, or nobody asked


@dataclass(frozen=True)
class Stanza:
    """`info`: what the repositories say they hold of one database."""

    status: int  # 0 is ok
    message: str
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

    asked: float
    stanza: Stanza
    segments: tuple[Segment, ...]
    histories: tuple[str, ...]  # archive/timeline
    files: tuple[File, ...]  # of the newest full backup
    headers: tuple[tuple[str, str], ...]  # path and its first eight bytes in hexadecimal
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


def _said(session: ObserveSession, command: str) -> bytes:
    answer = session.run(command, remember=False, timeout=LIMIT)
    if answer.exit_code != 0:
        asked = command.partition(PGBACKREST)[2].strip() or command[:60]
        raise NotUnderstood(f"{session.where}: {asked}: {answer.complaint}")
    return answer.stdout


def info(session: ObserveSession, user: str, stanza: str, label: str = "") -> Stanza:
    """What the repository says it holds, as this machine is answered.

    Raises:
        ProbeError: it could not be asked, or answered something else.
    """
    one = f" --set={label}" if label else ""
    command = f"sudo -n -u {user} {PGBACKREST} --stanza={stanza} --output=json{one} info"
    text = _said(session, command).decode("utf-8", "replace")
    return read_info(text, stanza, where=session.where)


def listing(session: ObserveSession, user: str, folder: str) -> tuple[File, ...]:
    """Every file below a folder of the repository, as it lies there."""
    command = f"sudo -n -u {user} {PGBACKREST} --output=json --recurse repo-ls {folder}"
    text = _said(session, command).decode("utf-8", "replace")
    return read_listing(text, where=session.where)


def repository(
    session: ObserveSession, user: str, stanza: str, path: str, asked: float
) -> RepositoryReading:
    """Everything about a repository.

    Raises:
        ProbeError: a part of it could not be found out.
    """
    told = info(session, user, stanza)
    newest = told.newest_full
    if newest is not None:
        # Only asked for one backup does pgBackRest name its databases.
        detailed = info(session, user, stanza, newest.label).backups
        better = {(one.label, one.repository): one for one in detailed}
        backups = tuple(better.get((one.label, one.repository), one) for one in told.backups)
        told = replace(told, backups=backups)
    archived = listing(session, user, f"archive/{stanza}")
    stored = listing(session, user, f"backup/{stanza}")
    mounts = _said(session, MOUNTS).decode("utf-8", "replace")
    own = [one for one in stored if newest and one.path.startswith(f"{newest.label}/")]
    looked_at = (
        *(f"{path}/archive/{stanza}/{one.path}" for one in _newest(archived)),
        *sample([f"{path}/backup/{stanza}/{one.path}" for one in own if one.size]),
    )
    headers: tuple[tuple[str, str], ...] = ()
    if looked_at:
        words = " ".join(looked_at)
        headers = read_headers(_said(session, f"sudo -n -u {user} /usr/bin/head -v -c 8 {words}"))
    return RepositoryReading(
        asked=asked,
        stanza=told,
        segments=segments_of(archived),
        histories=histories_of(archived),
        files=tuple(own),
        headers=headers,
        mount=read_mount(mounts, path, where=session.where),
        below=mounts_below(mounts, path),
    )


def _newest(archived: Iterable[File]) -> list[File]:
    held = sorted((one for one in archived if one.size), key=lambda one: one.time)
    return held[-SAMPLE:]
