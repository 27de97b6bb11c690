"""What kind of thing each field of an observation is, for comparing two runs.

What rooms read is marked where it is declared (`readiness.systems.marks`).
"""

from collections.abc import Iterator
from functools import cache
from typing import Any, Final

from readiness.systems.every import SOURCES
from readiness.systems.marks import Drift, drift_of

Path = tuple[str, ...]
"""The source, names of fields and keys; `[]` stands for any place in a list."""

_ROOMS: Final = {one.name: one for one in SOURCES}
# What a check notes of the `environment file`: somebody wrote it, and it is no room's.
_WRITTEN: Final = "environment"


def shown(path: Path) -> str:
    """A path as people read it: `source.field.sub[]`."""
    return "".join(one if one == "[]" else f".{one}" for one in path).removeprefix(".")


def declared_kind(path: Path) -> Drift | None:
    """What the room's reading says about a field; None when nothing."""
    source, *fields = path
    room = _ROOMS.get(source)
    if room is not None:
        return room.drift or drift_of(room.reading, tuple(fields))
    return Drift.FIXED if source == _WRITTEN else None


@cache
def kind_of(path: Path) -> Drift:
    """The kind of a field; one that nobody declared is fixed, so that it is seen.

    What a site's own checks read is for their claims to judge: we can't know what of it moves.
    """
    return declared_kind(path) or (Drift.FIXED if path[0] in _ROOMS else Drift.BOUNDED)


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
