"""Every token of every room."""

from typing import Any, Final

from readiness.systems.every_reading import OF_ROOM
from readiness.systems.token import AnySource, Source

SOURCES: Final[tuple[AnySource, ...]] = tuple(one for room in OF_ROOM.values() for one in room)
# Those that ask for nothing in particular.
WHOLE: Final[tuple[Source[Any, Any], ...]] = tuple(
    one for one in SOURCES if isinstance(one, Source)
)
