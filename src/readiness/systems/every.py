"""Every token of every room."""

from typing import Any, Final

from readiness.systems.every_reading import OF_ROOM
from readiness.systems.token import AnySource, Source

SOURCES: Final[tuple[AnySource, ...]] = tuple(one for room in OF_ROOM.values() for one in room)
# Those that ask for nothing in particular.
WHOLE: Final[tuple[Source[Any, Any], ...]] = tuple(
    one for one in SOURCES if isinstance(one, Source)
)


def name_of(key: str) -> str:
    """The name of the source that a record's key begins with: what is behind it may have blanks.

    The first word of a key that no source has, which is some drill's.
    """
    known = [one.name for one in SOURCES if f"{key} ".startswith(f"{one.name} ")]
    return max(known, key=len, default=key.partition(" ")[0])
