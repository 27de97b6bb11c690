"""Backups that a tool of the site's lists, and what lies where it says that they lie.

The list is believed by nobody: it says where to look. Of what lies there size, time, kind, file
system and first bytes are seen; of the bytes no more is kept than what they show.
"""

import json
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from statistics import median
from typing import Annotated, Any, Final

from readiness.model.errors import NotUnderstood
from readiness.model.printable import one_line
from readiness.site.subjects import BACKUP_LIST, BackupList, Home
from readiness.systems.hosts.reading.mounts import Mount
from readiness.systems.marks import VOLATILE
from readiness.systems.token import Source

MOST_BACKUPS: Final = 10_000  # of one list: a year's hourly ones, and no more than people keep
MOST_TEXT: Final = 500  # characters of a place
MOST_BYTES: Final = 2**63
RECENT: Final = 20  # of the newest whole ones each is looked at
SPREAD: Final = 20  # and so many of the others, spread evenly
FITS: Final = 300.0  # seconds that a file may be older than the end that the list gives it
CLOCKS: Final = 60.0  # seconds that the clocks of two machines may differ
KINDS: Final = ("full", "incremental", "snapshot")
WHOLE: Final = ("full", "snapshot")  # restored from without another one
NEIGHBOURS: Final = 7  # of those before the newest, the ones that its size is compared with
_TIME: Final = re.compile(r"\d{4}-\d\d-\d\d[Tt ]\d\d:\d\d:\d\d(?:\.\d{1,9})?(?:[Zz]|[+-]\d\d:\d\d)")
_HERE: Final = re.compile(r"([a-z0-9][a-z0-9._-]*):((?:/[A-Za-z0-9@+=:,._-]+)+)")
_USER_OF_URL: Final = re.compile(r"(?<=://)[^/@]*@")
# File systems of another machine, and how their source names it (fstab(5) of each).
_SERVERS: Final[Mapping[str, str]] = {
    "nfs": r"\[?([^\]]+?)\]?:/.*",
    "nfs4": r"\[?([^\]]+?)\]?:/.*",
    "cifs": r"//([^/]+)/.*",
    "smb3": r"//([^/]+)/.*",
    "fuse.sshfs": r"(?:[^@]*@)?\[?([^\]]+?)\]?:.*",
}
# File systems of the machine itself; of any other nobody can tell whose disk it is.
_OWN: Final = frozenset({
    "bcachefs", "btrfs", "exfat", "ext2", "ext3", "ext4", "f2fs", "fuseblk", "jfs", "ntfs3",
    "overlay", "ramfs", "tmpfs", "vfat", "xfs", "zfs",
})  # fmt: skip


@dataclass(frozen=True)
class Listed:
    """One backup as the list has it; `end` in epoch seconds."""

    end: float
    size: int  # bytes
    place: str
    encrypted: bool
    kind: str


@dataclass(frozen=True)
class Listing:
    """The list, the oldest first; `asked` by the clock of who looked."""

    asked: Annotated[float, VOLATILE]
    backups: Annotated[tuple[Listed, ...], VOLATILE]

    @property
    def whole(self) -> tuple[Listed, ...]:
        """Those that need no other one."""
        return tuple(one for one in self.backups if one.kind in WHOLE)


@dataclass(frozen=True)
class Lying:
    """What lies at a place. `what` is `nothing`, `file`, `folder` or `other`."""

    place: str
    machine: str
    what: str
    size: int  # of a file, in bytes
    # When it was done, in epoch seconds of its machine; None: that does not show
    modified: float | None
    begins: str  # what its first bytes, or the files in it, show
    mount: Mount | None  # the file system that it really lies on

    @property
    def server(self) -> str | None:
        """The name or address of the machine that keeps it; None where nobody can tell."""
        if self.mount is None:
            return None
        if self.mount.kind in _OWN:
            return self.machine
        match = re.fullmatch(_SERVERS.get(self.mount.kind, "(?!)"), self.mount.source)
        return match[1] if match else None


@dataclass(frozen=True)
class Places:
    """What was seen where backups are said to lie; places that nobody may look at are not in it."""

    lying: Annotated[tuple[Lying, ...], VOLATILE]

    def at(self, place: str) -> Lying | None:
        """What lies there, if somebody looked."""
        return next((one for one in self.lying if one.place == place), None)


def read_list(text: str, asked: float, *, where: str) -> Listing:
    """Read what the site's command printed.

    Raises:
        NotUnderstood: it is no such list; the message says what was there instead.
    """
    try:
        found = json.loads(text)
    except (ValueError, RecursionError):
        shown = one_line(text, 40) or "nothing"
        raise NotUnderstood(f"{where}: the list of backups: expected JSON, found {shown}") from None
    if not isinstance(found, list):
        raise NotUnderstood(f"{where}: the list of backups: expected an array of objects")
    if len(found) > MOST_BACKUPS:
        raise NotUnderstood(f"{where}: the list of backups: more than {MOST_BACKUPS} entries")
    try:
        read = [_listed(one, asked) for one in found]
    except ValueError as error:
        raise NotUnderstood(f"{where}: the list of backups: {error}") from None
    return Listing(asked, tuple(sorted(read, key=lambda one: one.end)))


def _listed(found: Any, asked: float) -> Listed:
    if not isinstance(found, dict):
        raise ValueError("expected an object for each backup")  # noqa: TRY004 - told above
    size = _typed(found, "bytes", int)
    if not 0 <= size < MOST_BYTES:
        raise ValueError("expected `bytes` to be a number of bytes")
    kind = _typed(found, "kind", str)
    if kind not in KINDS:
        raise ValueError(f"expected `kind` to be one of {', '.join(KINDS)}")
    end = _time(_typed(found, "end", str))
    # By a clock that runs ahead every backup is young.
    if end > asked + CLOCKS:
        raise ValueError("expected `end` to be in the past, found a time to come")
    return Listed(
        end=end,
        size=size,
        place=_place(_typed(found, "place", str)),
        encrypted=_typed(found, "encrypted", bool),
        kind=kind,
    )


def _typed(found: Mapping[str, Any], key: str, wanted: type) -> Any:
    """The value of a key, which has exactly that type: true is no number."""
    if key not in found:
        raise ValueError(f"expected `{key}` of each backup, found none")
    value = found[key]
    if type(value) is not wanted:
        names = {int: "a whole number", str: "a text", bool: "true or false"}
        raise ValueError(f"expected `{key}` to be {names[wanted]}")
    return value


def _time(text: str) -> float:
    if not _TIME.fullmatch(text):
        shown = one_line(text, 40)
        raise ValueError(f"expected `end` to be a time with its zone (RFC 3339), found '{shown}'")
    return datetime.fromisoformat(text.upper()).timestamp()


def _place(text: str) -> str:
    """Where it is said to lie, without a login that a URL may have, or what follows the path."""
    if not text or len(text) > MOST_TEXT or not text.isprintable():
        raise ValueError(f"expected `place` to be a text of 1 to {MOST_TEXT} characters")
    if "://" in text:
        text = _USER_OF_URL.sub("", text).partition("?")[0].partition("#")[0]
    return text


def home_of(place: str, homes: Iterable[Home]) -> tuple[Home, str] | None:
    """The declared folder that a place lies in, and its path there; None: nobody may look."""
    match = _HERE.fullmatch(place)
    if match is None or "/../" in f"{match[2]}/":
        return None
    machine, path = match[1], match[2]
    for one in homes:
        inside = path == one.folder or path.startswith(f"{one.folder}/")
        if one.machine.name == machine and inside:
            return one, path
    return None


def sample(listing: Listing) -> tuple[str, ...]:
    """The places that are looked at: of the newest whole backups, and some of the others."""
    newest = dict.fromkeys(one.place for one in reversed(listing.whole[-RECENT:]))
    places = dict.fromkeys(one.place for one in reversed(listing.backups))
    others = [one for one in places if one not in newest]
    if len(others) > SPREAD:
        step = (len(others) - 1) / (SPREAD - 1)
        others = [others[round(number * step)] for number in range(SPREAD)]
    return (*newest, *others)


def lies_there(listed: Listed, seen: Lying) -> bool:
    """Whether what was seen may be what is listed, by its time, and a file by its size."""
    fits = seen.modified is not None and listed.end - seen.modified <= FITS
    return fits and (seen.what == "folder" or 0 < seen.size == listed.size)


def least_size(newest: Listed, before: Iterable[Listed], percent: int) -> int | None:
    """The bytes that the newest has at least, going by those before it; None: there are none."""
    alike = [one for one in before if one.kind == newest.kind and one.end < newest.end]
    near = sorted(alike, key=lambda one: one.end)[-NEIGHBOURS:]
    return int(median(one.size for one in near)) * percent // 100 if near else None


def says(found: Listing) -> str:
    """What answered, for a person."""
    return f"listed, {len(found.backups)} backups, {len(found.whole)} of them whole"


LISTING: Final[Source[BackupList, Listing]] = Source("backup-list", BACKUP_LIST, Listing, says=says)
PLACES: Final[Source[BackupList, Places]] = Source("backup-places", BACKUP_LIST, Places)
SOURCES: Final = (LISTING, PLACES)
