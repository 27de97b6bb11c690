"""What kind of thing each field of an observation is, for comparing two runs.

What rooms read is marked where it is declared (`readiness.systems.marks`); what has no room yet is
in a table here.
"""

from collections.abc import Iterator
from fnmatch import fnmatchcase
from functools import cache
from typing import Any, Final

from readiness.systems.every import SOURCES
from readiness.systems.marks import Drift, drift_of

Path = tuple[str, ...]
"""The source, names of fields and keys; `[]` stands for any place in a list."""

# The first pattern that fits decides; `[]` stands for any place in a list. By source.
_VOLATILE: Final = (
    "scan.began", "scan.seconds",
)  # fmt: skip
_BOUNDED: Final = (
    "scan.connections", "scan.towards[[]].*",
)  # fmt: skip
_FIXED: Final = (
    "environment*",
)  # fmt: skip
_TABLE: Final = (
    (_VOLATILE, Drift.VOLATILE), (_BOUNDED, Drift.BOUNDED), (_FIXED, Drift.FIXED),
)  # fmt: skip


_ROOMS: Final = {one.name: one for one in SOURCES}
_TABLED: Final = frozenset(
    pattern.partition(".")[0].partition("[")[0].rstrip("*")
    for patterns, _ in _TABLE
    for pattern in patterns
)


def shown(path: Path) -> str:
    """A path as people read it: `source.field.sub[]`."""
    return "".join(one if one == "[]" else f".{one}" for one in path).removeprefix(".")


def declared_kind(path: Path) -> Drift | None:
    """What the room's reading or the table says about a field; None when nothing."""
    source, *fields = path
    room = _ROOMS.get(source)
    if room is not None:
        return room.drift or drift_of(room.reading, tuple(fields))
    text = shown(path)
    for patterns, kind in _TABLE:
        if any(fnmatchcase(text, pattern) for pattern in patterns):
            return kind
    return None


@cache
def kind_of(path: Path) -> Drift:
    """The kind of a field; one that nobody declared is fixed, so that it is seen.

    What a site's own checks read is for their claims to judge: we can't know what of it moves.
    """
    ours = path[0] in _TABLED or path[0] in _ROOMS
    return declared_kind(path) or (Drift.FIXED if ours else Drift.BOUNDED)


def leaves(path: Path, reading: Any) -> Iterator[tuple[Path, Any]]:
    """Every value of a reading with its path, lists without their places."""
    if isinstance(reading, dict):
        for name, value in reading.items():
            yield from leaves((*path, name), value)
    elif isinstance(reading, list):
        for value in reading:
            yield from leaves((*path, "[]"), value)
    else:
        yield path, reading
