"""Asks a site's own command for its backups, and looks at what lies where it says they lie.

The command is run as declared, word for word, as the declared user, and says at most 1 MiB. Where a
folder is declared, what lies in it is looked at as its user: size, time, real path, first bytes.
"""

import stat
import time
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import Final

from readiness.model.errors import NotUnderstood, ProbeError
from readiness.model.printable import one_line
from readiness.probes.commands import LOOKS
from readiness.probes.declared import run_declared
from readiness.probes.ssh import ObserveSession
from readiness.site.subjects import BackupList, Home
from readiness.systems.answer import Answer
from readiness.systems.asker import Asker, Askers, Connections, by_itself
from readiness.systems.backup_list.content import (
    EMPTY,
    LOOKED_AT,
    MARKS,
    UNKNOWN,
    folder_shown_by,
    shown_by,
)
from readiness.systems.backup_list.reading import (
    LISTING,
    PLACES,
    Listing,
    Lying,
    Places,
    home_of,
    read_list,
    sample,
)
from readiness.systems.hosts.asking.mounts import MOUNTS
from readiness.systems.hosts.reading import TIMER
from readiness.systems.hosts.reading.mounts import read_mount

LIMIT: Final = 25.0  # seconds; a tool may have to open a repository far away
STAT, REALPATH, HEAD = LOOKS
GONE: Final = (b"No such file or directory", b"Not a directory")


@dataclass(frozen=True)
class _Status:
    """What `stat` says of a path: mode, size and time of what it leads to."""

    mode: int
    size: int
    modified: float | None

    @property
    def what(self) -> str:
        """The kind, as `Lying` has it."""
        if stat.S_ISREG(self.mode):
            return "file"
        return "folder" if stat.S_ISDIR(self.mode) else "other"


def _run(session: ObserveSession, line: str) -> Answer:
    return session.run(line, remember=False, timeout=LIMIT)


def _must(session: ObserveSession, line: str) -> bytes:
    answer = _run(session, line)
    if answer.exit_code != 0:
        raise NotUnderstood(f"{session.where}: {line[:60]}: {answer.complaint}")
    return answer.stdout


def listed(session: ObserveSession, user: str, argv: Sequence[str], asked: float) -> Listing:
    """What the site's command lists.

    Raises:
        ProbeError: it could not be run, did not end well or in time, or is no list.
    """
    answer = run_declared(session, user, argv, timeout=LIMIT)
    if answer.exit_code != 0:
        complaint = one_line(answer.complaint, 200)
        raise NotUnderstood(
            f"{session.where}: {argv[0]} ended with {answer.exit_code}: {complaint}"
        )
    return read_list(answer.text, asked, where=session.where)


def statuses(
    session: ObserveSession, user: str, paths: Sequence[str]
) -> Mapping[str, _Status | None]:
    """What lies at each path, None where nothing does; a path that can't be asked is left out."""
    answer = _run(session, f"sudo -n -u {user} {STAT} {' '.join(paths)}")
    found: dict[str, _Status | None] = {}
    for line in answer.text.splitlines():
        try:
            mode, size, modified, path = line.split("/", 3)
            found[path] = _Status(int(mode, 16), int(size), float(modified))
        except ValueError as error:
            raise NotUnderstood(f"{session.where}: stat is unreadable: {error}") from error
    complaints = answer.stderr.splitlines()
    for path in paths:
        about = [one for one in complaints if f"'{path}'".encode() in one]
        if path not in found and any(word in one for one in about for word in GONE):
            found[path] = None
    if not found:
        raise NotUnderstood(f"{session.where}: {STAT}: {answer.complaint}")
    return found


def firsts(session: ObserveSession, user: str, sizes: Mapping[str, int]) -> Mapping[str, bytes]:
    """The first bytes of files of these sizes.

    Each has as many as its size says, so that no content can pass for the heading of another.
    """
    if not sizes:
        return {}
    said = _must(session, f"sudo -n -u {user} {HEAD} {' '.join(sizes)}")
    found: dict[str, bytes] = {}
    for path, size in sizes.items():
        heading = f"==> {path} <==\n".encode()
        if not said.startswith(heading):
            raise NotUnderstood(f"{session.where}: {path} changed while it was looked at")
        end = len(heading) + min(size, LOOKED_AT)
        found[path], said = said[len(heading) : end], said[end + 1 :]
    return found


def _real(session: ObserveSession, user: str, paths: Sequence[str]) -> Mapping[str, str]:
    """Where each path leads to, symbolic links followed."""
    if not paths:
        return {}
    said = _must(session, f"sudo -n -u {user} {REALPATH} {' '.join(paths)}")
    lines = said.decode("utf-8", "replace").splitlines()
    if len(lines) != len(paths):
        raise NotUnderstood(f"{session.where}: realpath is unreadable")
    return dict(zip(paths, lines, strict=True))


def looked_at(session: ObserveSession, home: Home, paths: Mapping[str, str]) -> list[Lying]:
    """What lies at places of one folder, by path.

    Raises:
        ProbeError: nobody could look.
    """
    user, found = home.user, statuses(session, home.user, list(paths))
    there = {path: one for path, one in found.items() if one is not None}
    sizes = {path: one.size for path, one in there.items() if one.what == "file" and one.size}
    first = firsts(session, user, sizes)
    real = _real(session, user, list(there))
    mounts = _must(session, MOUNTS).decode("utf-8", "replace")
    folders = [path for path, one in there.items() if one.what == "folder"]
    inside = {path: _inside(session, user, path) for path in folders}
    lying = []
    for path, one in found.items():
        if one is None:
            lying.append(Lying(paths[path], home.machine.name, "nothing", 0, None, EMPTY, None))
            continue
        shown, done = shown_by(first.get(path, b"")), one.modified
        if one.what != "file":
            shown, done = inside.get(path, (UNKNOWN, None))
        mount = read_mount(mounts, real[path], where=session.where)
        name = home.machine.name
        lying.append(Lying(paths[path], name, one.what, one.size, done, shown, mount))
    return lying


def _inside(session: ObserveSession, user: str, folder: str) -> tuple[str, float | None]:
    """What a folder is, and when it was done."""
    marks = {f"{folder}/{mark}": mark for mark in MARKS}
    found = statuses(session, user, list(marks))
    there = {marks[path]: one.modified or 0.0 for path, one in found.items() if one}
    return folder_shown_by(there)


def _listing(connections: Connections, one: BackupList) -> Listing:
    """The list, after the timer has said what it had ended by then."""
    if one.backup.timer is not None:
        with suppress(ProbeError):
            connections.ask(TIMER.of(one.backup.timer), one.machine)
    session = connections.session(one.machine)
    return listed(session, one.backup.user, one.backup.lists, time.time())


def _places(connections: Connections, one: BackupList) -> Places:
    """What lies where its backups are said to lie, as far as folders are declared."""
    listing = connections.ask(LISTING, one).reading
    of_home: dict[Home, dict[str, str]] = {}
    for place in sample(listing):
        if found := home_of(place, one.homes):
            of_home.setdefault(found[0], {})[found[1]] = place
    lying = [
        seen
        for home, paths in of_home.items()
        for seen in looked_at(connections.session(home.machine), home, paths)
    ]
    return Places(tuple(lying))


ASKERS: Final[Askers] = (
    Asker(LISTING, _listing, together=by_itself),
    Asker(PLACES, _places, together=by_itself),
)
