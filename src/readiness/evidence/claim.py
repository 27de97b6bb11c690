"""Claims: what a check asserts, resting on what was found in this run.

`holds` is true only for a definite yes. It records the claim either way; an interval that straddles
the limit, or nothing observed, is *unknown*, and unknown never makes a check green.
"""

import math
from collections.abc import Callable, Collection
from contextvars import ContextVar
from dataclasses import dataclass, fields, is_dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any, Generic, Protocol, TypeVar

from readiness.measure.measurement import Measurement
from readiness.model.words import Json

T = TypeVar("T")
V = TypeVar("V")


class Answer(StrEnum):
    """Whether a claim is true."""

    YES = "yes"
    NO = "no"
    UNKNOWN = "unknown"


@dataclass(frozen=True)
class Fact(Generic[T]):
    """One value that was found, with the observations (record numbers) that it rests on."""

    name: str
    value: T | None
    subject: str
    rests_on: tuple[int, ...]


@dataclass(frozen=True)
class Found(Generic[T]):
    """A reading that is in the record."""

    reading: T
    subject: str
    number: int

    def fact(self, name: str, value: V | None) -> Fact[V]:
        """A fact that was read from this reading, under the name that people read."""
        return Fact(name, value, self.subject, (self.number,))


def derive(name: str, subject: str, value: T | None, *sources: Fact[Any] | Found[Any]) -> Fact[T]:
    """A fact that was worked out from others and rests on all of them."""
    numbers = [n for one in sources for n in _numbers(one)]
    return Fact(name, value, subject, tuple(dict.fromkeys(numbers)))


def _numbers(source: Fact[Any] | Found[Any]) -> tuple[int, ...]:
    return (source.number,) if isinstance(source, Found) else source.rests_on


@dataclass(frozen=True)
class Claim:
    """Subject, observed, relation, limit, and the answer; truthy only when the answer is yes."""

    name: str
    subject: str
    observed: object
    relation: str
    limit: object
    answer: Answer
    rests_on: tuple[int, ...]

    def __bool__(self) -> bool:
        return self.answer is Answer.YES

    def __str__(self) -> str:
        return sentence(self.subject, self.name, self.observed, self.relation, self.limit)


class CaseLog(Protocol):
    """Where the claims of the running case go."""

    def claim(self, claim: Claim, *, until: datetime | None) -> None:
        """Record a claim of the running case."""


CURRENT: ContextVar[CaseLog | None] = ContextVar("current case", default=None)


class Running:
    """The case that runs, for threads: they don't inherit `CURRENT`."""

    log: CaseLog | None = None


WORDS = {
    "==": "to be",
    "!=": "not to be",
    "<": "below",
    "<=": "at most",
    ">": "above",
    ">=": "at least",
    "in": "to be one of",
    "not in": "to be none of",
    "includes": "to include",
    "within": "to be among",
    "without": "to have none of",
}

_PLAIN: dict[str, Callable[[Any, Any], bool]] = {
    "==": lambda observed, limit: bool(_sequence(observed) == _sequence(limit)),
    "!=": lambda observed, limit: bool(_sequence(observed) != _sequence(limit)),
    "<": lambda observed, limit: bool(observed < limit),
    "<=": lambda observed, limit: bool(observed <= limit),
    ">": lambda observed, limit: bool(observed > limit),
    ">=": lambda observed, limit: bool(observed >= limit),
    "in": lambda observed, limit: observed in limit,
    "not in": lambda observed, limit: observed not in limit,
    "includes": lambda observed, limit: set(limit) <= set(observed),
    "within": lambda observed, limit: set(observed) <= set(limit),
    "without": lambda observed, limit: not set(observed) & set(limit),
}
# An empty set satisfies these without saying anything: observed, or as the limit.
_VACUOUS_WHEN_EMPTY = frozenset({"within", "without"})
_VACUOUS_LIMIT = frozenset({"not in", "includes", "without"})
_SETS = frozenset({"includes", "within", "without"})
_INTERVAL = frozenset({"<", "<=", ">", ">="})


def holds(
    observed: Fact[Any],
    relation: str,
    limit: object,
    *,
    until: datetime | None = None,
    empty_is_fine: bool = False,
) -> Claim:
    """Claim that what was observed stands in the relation to the limit, and record the claim.

    Args:
        observed: a fact; when its value is a measurement, its whole interval is compared.
        relation: one of the keys of `WORDS`.
        limit: what it is compared with.
        until: when the claim stops being true by itself (an expiry), if it does.
        empty_is_fine: an empty collection is a real finding here and not an absence of evidence.

    Raises:
        TypeError: the two can't be compared like that.
        ValueError: the end has no time zone.
    """
    value = observed.value
    if until is not None and until.tzinfo is None:
        raise ValueError(f"{observed.name}: expected an end with its time zone, found {until}")
    if isinstance(value, Measurement):
        answer = _interval_answer(value, relation, limit)
    else:
        answer = _answer(value, relation, limit, empty_is_fine=empty_is_fine)
    name, log = observed.name, CURRENT.get()
    if log is None and Running.log is not None:
        # Whoever waits for the thread may not have heard of it: it can speak against, never for.
        log, name = Running.log, f"{name}, claimed in a thread,"
        answer = Answer.UNKNOWN if answer is Answer.YES else answer
    claim = Claim(name, observed.subject, value, relation, limit, answer, observed.rests_on)
    if log is not None:
        log.claim(claim, until=until)
    return claim


def _answer(value: object, relation: str, limit: object, *, empty_is_fine: bool) -> Answer:
    if _nothing(value) or _nothing(limit):
        return Answer.UNKNOWN
    _comparable(value, relation, limit)
    vacuous = (relation in _VACUOUS_WHEN_EMPTY and not value) or (
        relation in _VACUOUS_LIMIT and not limit
    )
    if vacuous and not empty_is_fine:
        return Answer.UNKNOWN
    return Answer.YES if _PLAIN[relation](value, limit) else Answer.NO


def _sequence(value: object) -> object:
    """A list as the tuple of its entries: Python finds the two unequal, a record tells neither."""
    return tuple(value) if isinstance(value, list) else value


def _nothing(value: object) -> bool:
    """No value, or the number that is none: it differs from everything."""
    return value is None or (isinstance(value, float) and math.isnan(value))


def _comparable(value: object, relation: str, limit: object) -> None:
    """Refuse comparisons that Python makes and that say nothing: of letters, or used up."""
    ends = {"in": (limit,), "not in": (limit,), **dict.fromkeys(_SETS, (value, limit))}
    for one in ends.get(relation, ()):
        if isinstance(one, str) or not isinstance(one, Collection):
            raise TypeError(f"expected a collection for '{relation}', found {one!r}")
    if relation in _INTERVAL and isinstance(value, str):
        raise TypeError(f"a text has no order that '{relation}' could mean: {value!r}")


def _interval_answer(measured: Measurement, relation: str, limit: object) -> Answer:
    """Yes when the whole interval satisfies the relation, no when none of it can."""
    if relation not in _INTERVAL or not isinstance(limit, int | float):
        message = f"a measurement can't be compared by '{relation}' with {limit!r}"
        raise TypeError(message)
    if _nothing(limit):
        return Answer.UNKNOWN
    best, worst = measured.lower, measured.upper
    if relation in {">", ">="}:
        best, worst = worst, best
    compare = _PLAIN[relation]
    if best is not None and not compare(best, limit):
        return Answer.NO
    if best is not None and worst is not None and compare(worst, limit):
        return Answer.YES
    return Answer.UNKNOWN


def sentence(subject: str, name: str, observed: object, relation: str, limit: object) -> str:
    """A claim in words: `db1: expected days left at least 14, found 61`."""
    asked = WORDS.get(relation, relation)
    return f"{subject}: expected {name} {asked} {shown(limit)}, found {shown(observed)}"


def shown(value: object) -> str:
    """A value for a sentence."""
    if isinstance(value, Measurement):
        return str(value)
    if isinstance(value, str):
        return value or "nothing"
    if isinstance(value, datetime):
        return value.isoformat(timespec="seconds")
    if isinstance(value, bool) or value is None:
        return {True: "yes", False: "no", None: "nothing"}[value]
    if isinstance(value, Collection):
        return ", ".join(sorted(map(str, value))) or "none"
    return f"{value:.6g}" if isinstance(value, float) else str(value)


def plain(value: object) -> Json | list[object] | str | float | None:
    """A reading as JSON values, field names kept."""
    if is_dataclass(value) and not isinstance(value, type):
        return {field.name: plain(getattr(value, field.name)) for field in fields(value)}
    if isinstance(value, dict):
        return {str(key): plain(entry) for key, entry in value.items()}
    if isinstance(value, datetime):
        return value.isoformat()
    if isinstance(value, list | tuple | set | frozenset):
        return [plain(entry) for entry in value]
    # JSON has no number for what is not finite.
    finite = not isinstance(value, float) or math.isfinite(value)
    if value is None or (isinstance(value, str | int | float) and finite):
        return value
    return str(value)
