"""Finds the asker of a token, importing its room's clients when it is first asked."""

from functools import cache
from typing import Any

from readiness.model.errors import NotRun
from readiness.model.extras import missing
from readiness.systems import every_asking, every_reading
from readiness.systems.asker import Asker, AskerOf
from readiness.systems.token import R, S, Source


def asker_of(source: Source[S, R]) -> Asker[S, R]:
    """How a source is asked.

    Raises:
        NotRun: a package that its room needs is not installed.
    """
    room = _rooms()[source.name]
    try:
        askers = every_asking.OF_ROOM[room]()
    except ModuleNotFoundError as error:
        if error.name is None or error.name.startswith("readiness"):
            raise
        raise NotRun(f"{room}: {missing(error.name)}") from error
    found: Any = next(one for one in askers if one.source.name == source.name)
    asker: Asker[S, R] = found.of(source) if isinstance(found, AskerOf) else found
    return asker


@cache
def _rooms() -> dict[str, str]:
    """The room of each source."""
    return {one.name: room for room, all_ in every_reading.OF_ROOM.items() for one in all_}
