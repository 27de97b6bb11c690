"""Whether a record says what a run says: every word that judging reads, before judging begins.

A chain proves that a record is whole, and says nothing about its words: anybody can write one. What
is missing here is the file's fault and is told with its line; what breaks later is our own.

A record may say more than these types have, and may have events of kinds that are unknown here.
"""

import re
from collections.abc import Mapping
from datetime import datetime
from typing import Any, Final, Literal

from msgspec import Struct, ValidationError, convert

from readiness.errors import UsageError
from readiness.model import Json, Outcome, Tier
from readiness.record import Record

MOST_SHOWN: Final = 80
# As `convert` says where it found something else, and what it did not find.
_PLACE: Final = re.compile(r"at `\$\.(\w+)")
_MISSING: Final = re.compile(r"missing required field `(\w+)`")


class Event(Struct):
    """What every event says. Its moment is looked at apart: `convert` reads fewer forms of one."""

    at: str
    mono: int | float


class Earlier(Struct):
    """A run before this one."""

    number: int | float
    run: str
    verdict: str
    tier: str


class RunOpened(Event):
    """The first event. `drift_looks` has the first and the last of several numbers of runs."""

    version: str
    release: str | None
    environment: dict[str, Any]
    earlier: list[Earlier]
    drift_looks: list[tuple[int, int]] = []
    own: dict[str, Any] | None = None

    def __post_init__(self) -> None:
        for first, last in self.drift_looks:
            if not 0 < first <= last:
                raise ValueError(f"no numbers of runs: {first} to {last} - at `$.drift_looks`")


class PlannedCase(Struct):
    """A case of the plan, and why it will not run."""

    case: str
    not_run: str


class Planned(Event):
    """The plan."""

    tier: Tier
    only: list[str]
    cases: list[PlannedCase]


class Member(Struct):
    """What one member of the site was pinned as, and what answered."""

    part: str
    of: str
    pinned: str | None
    found: str | None


class Identity(Event):
    """Which system this is."""

    members: list[Member]


class Reasoned(Event):
    """What speaks against the whole run."""

    reason: str


class OfCase(Event):
    """A step of a case."""

    case: str


class CaseEnded(OfCase):
    """The end of a case."""

    seconds: int | float


class Observation(Event):
    """Something was found."""

    subject: str
    source: str
    reading: Any


class Claimed(OfCase):
    """A check asserted something."""

    reason: str
    subject: str
    name: str
    observed: Any
    relation: str
    limit: Any
    answer: Literal["yes", "no", "unknown"]
    rests_on: list[int | float]
    until: str | None = None


class Confidence(OfCase):
    """A drill's trials."""

    trials: int | float
    under: int | float
    sentence: str


class Phase(OfCase):
    """A phase of a case ended."""

    reason: str
    when: str
    result: Outcome
    declare: str = ""


class RunClosed(Event):
    """The last event."""

    how: str


# What judging and reports read of each kind.
WORDS: Final[Mapping[str, type[Event]]] = {
    "run-opened": RunOpened,
    "plan": Planned,
    "identity": Identity,
    "wrong-target": Reasoned,
    "undo-failed": Reasoned,
    "not-restored": Reasoned,
    "own-unlisted": Reasoned,
    "case-started": OfCase,
    "case-ended": CaseEnded,
    "observation": Observation,
    "claim": Claimed,
    "confidence": Confidence,
    "phase": Phase,
    "run-closed": RunClosed,
}


def refuse_other_words(record: Record) -> None:
    """Refuse a record whose chain is whole and whose words are no run.

    Raises:
        UsageError: names the file, the event and the key.
    """
    for event in record.events:
        wrong = _wrong(event)
        if wrong:
            raise UsageError(
                f"event {event['n']} is not one that this version can judge",
                file=str(record.path),
                key=wrong,
                expected=f"what `{event['kind']}` says in docs/evidence-format.md",
                found=str(event.get(wrong, "nothing"))[:MOST_SHOWN],
            )


def _wrong(event: Json) -> str:
    """A key that is missing and needed, or that says something else; empty when none does."""
    kind = event["kind"]
    if type(kind) is not str:
        return "kind"
    try:
        convert(event, WORDS.get(kind, Event))
    except ValidationError as error:
        found = _PLACE.search(str(error)) or _MISSING.search(str(error))
        return found[1] if found else "kind"
    if not _has_zone(event["at"]):
        return "at"
    until = event.get("until") if kind == "claim" else None
    return "" if until is None or _has_zone(until) else "until"


def _has_zone(text: str) -> bool:
    """Whether a text is a moment in a time zone."""
    try:
        return datetime.fromisoformat(text).tzinfo is not None
    except ValueError:
        return False
