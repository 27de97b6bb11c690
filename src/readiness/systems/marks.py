"""How a field of a reading may differ between two runs, said where the field is declared.

`Annotated[int, VOLATILE]` marks a field with all that is in it; the outermost mark decides. What
has no mark is fixed: somebody changes it, or it stays.
"""

import dataclasses
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from enum import StrEnum
from functools import cache
from types import UnionType
from typing import Annotated, Any, Final, Union, get_args, get_origin, get_type_hints


class Drift(StrEnum):
    """How a field may differ between two runs."""

    FIXED = "fixed"
    """It changes when somebody changes the system: any difference is drift."""
    BOUNDED = "bounded"
    """It moves within limits that the checks know: a claim that no longer holds is drift."""
    VOLATILE = "volatile"
    """It moves by itself: who leads, process ids, serials, positions, times."""


@dataclass(frozen=True)
class VolatileOf:
    """Marks a value that moves by itself under these keys of the mapping that it is in."""

    keys: tuple[str, ...]


@dataclass(frozen=True)
class ComesAndGoes:
    """Marks a part that is there or not by itself; what is in it has marks of its own."""


FIXED: Final = Drift.FIXED
BOUNDED: Final = Drift.BOUNDED
VOLATILE: Final = Drift.VOLATILE
COMES_AND_GOES: Final = ComesAndGoes()

Step = tuple[Any, tuple[Any, ...]]


def drift_of(reading: Any, path: tuple[str, ...]) -> Drift | None:
    """The kind of a field, given as names of fields and keys; `[]` stands for any place in a list.

    None where the type has no such field.
    """
    kind, keys = reading, []
    for place, name in enumerate(path):
        kind, marks = _step(kind, name) or (None, ())
        if kind is None:
            return None
        keys.append(name)
        for mark in marks:
            if isinstance(mark, Drift):
                return mark
            if isinstance(mark, VolatileOf) and set(mark.keys) & set(keys):
                return VOLATILE
            if isinstance(mark, ComesAndGoes) and place == len(path) - 1:
                return VOLATILE
    return FIXED


@cache
def _step(kind: Any, name: str) -> Step | None:
    """What a field, key or place of a type is, and its marks."""
    for one in _alternatives(kind):
        inner = get_args(one)
        origin = get_origin(one) or one
        if dataclasses.is_dataclass(one):
            hint = get_type_hints(one, include_extras=True).get(name)
            if hint is not None:
                return hint, _marks(hint)
        elif name == "[]" and origin in {tuple, list}:
            return (inner[0] if inner else Any), ()
        elif isinstance(origin, type) and issubclass(origin, Mapping):
            return (inner[1] if inner else Any), ()
        elif one is Any:
            return Any, ()
    return None


def _marks(hint: Any) -> tuple[Any, ...]:
    return get_args(hint)[1:] if get_origin(hint) is Annotated else ()


def _alternatives(kind: Any) -> Iterator[Any]:
    """A type without its marks, and each type of a union."""
    if get_origin(kind) is Annotated:
        yield from _alternatives(get_args(kind)[0])
    elif get_origin(kind) in {Union, UnionType}:
        for one in get_args(kind):
            yield from _alternatives(one)
    else:
        yield kind
