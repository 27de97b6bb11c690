"""Arithmetic of WAL segments: which must be archived, and on which timeline.

A segment's name is timeline, high and low part of its number, eight hexadecimal digits each
(PostgreSQL, "WAL Internals"). Positions are bytes since the beginning of the log.
"""

import re
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

_PART: Final = 8
_FOUR_GIB: Final = 2**32


@dataclass(frozen=True)
class Named:
    """A segment by its timeline and its number since the beginning of the log."""

    timeline: int
    number: int


def named(name: str, size: int) -> Named:
    """Read a segment's name.

    Raises:
        ValueError: not such a name.
    """
    timeline, high, low = (int(name[at : at + _PART], 16) for at in (0, _PART, 2 * _PART))
    return Named(timeline, high * (_FOUR_GIB // size) + low)


def segment_archived(name: str) -> str:
    """The whole segment that is archived when the archiver has archived the file of this name last.

    A backup's history file carries the name of the segment in which the backup began, and the
    archiver takes files in the order of their names: that segment went before it (PostgreSQL,
    "Continuous Archiving", and pgarch_readyXlog of its source).

    Returns:
        its name; empty for a timeline's history and for a partial segment.
    """
    whole = re.fullmatch(r"([0-9A-F]{24})(?:\.[0-9A-F]{8}\.backup)?", name)
    return whole[1] if whole else ""


def name_of(segment: Named, size: int) -> str:
    """The name of a segment."""
    high, low = divmod(segment.number, _FOUR_GIB // size)
    return f"{segment.timeline:08X}{high:08X}{low:08X}"


def timeline_of(number: int, ends: Mapping[int, int], last: int, size: int) -> int:
    """The timeline whose copy of a segment holds all that counts: whoever wrote its last byte.

    Args:
        number: the segment.
        ends: timeline to the position at which the next one began.
        last: the timeline that is written now.
        size: bytes of a segment.
    """
    open_ones = [one for one, end in ends.items() if one < last and end >= (number + 1) * size]
    return min(open_ones, default=last)


def missing(
    first: str, until: int, ends: Mapping[int, int], last: int, archived: Collection[str], size: int
) -> list[str]:
    """The segments from `first` to the one before number `until` that no archive holds."""
    wanted = (
        name_of(Named(timeline_of(number, ends, last, size), number), size)
        for number in range(named(first, size).number, until)
    )
    return [name for name in wanted if name not in archived]


def oldest_wait(
    unarchived: Sequence[str], written: Mapping[str, float], now: float
) -> float | None:
    """How long the oldest complete segment waits to be archived, in seconds; 0 when none does.

    None when a segment is neither archived nor held any more.
    """
    if any(name not in written for name in unarchived):
        return None
    return max((now - written[name] for name in unarchived), default=0.0)
