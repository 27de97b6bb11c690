"""Whether a record says what a run says: every word that judging reads, before judging begins.

A chain proves that a record is whole, and says nothing about its words: anybody can write one. What
is missing here is the file's fault and is told with its line; what breaks later is our own.

A record may say more than these types have, and may have events of kinds that are unknown here.
"""

import re
from collections.abc import Mapping
from datetime import datetime
from typing import Any, Final

from msgspec import Struct, ValidationError, convert

from readiness.evidence.record import Record
from readiness.evidence.steps import STEPS, step
from readiness.model.errors import UsageError
from readiness.model.words import Json, Tier

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


class Confidence(Event):
    """A drill's trials."""

    case: str
    trials: int | float
    under: int | float
    sentence: str


class Pinned(Struct):
    """Digests of what identifies the system."""

    pins: dict[str, str]


class AttestationsRead(Event):
    """What attestations are held against; those follow."""

    told: Pinned


class Attestation(Event):
    """One attestation. What can't be read in it is no evidence, and so no word of ours."""

    told: dict[str, Any]


class WaiversRead(Event):
    """What waivers are held against; those follow."""

    told: Pinned


class Waiver(Event):
    """One waiver. What can't be read in it waives nothing, and so is no word of ours."""

    told: dict[str, Any]


class RunClosed(Event):
    """The last event."""

    how: str


# What judging and reports read of each kind, but for the steps of cases.
WORDS: Final[Mapping[str, type[Event]]] = {
    "run-opened": RunOpened,
    "plan": Planned,
    "identity": Identity,
    "wrong-target": Reasoned,
    "undo-failed": Reasoned,
    "not-restored": Reasoned,
    "own-unlisted": Reasoned,
    "confidence": Confidence,
    "attestations-read": AttestationsRead,
    "attestation": Attestation,
    "waivers-read": WaiversRead,
    "waiver": Waiver,
    "run-closed": RunClosed,
}


def refuse_other_words(record: Record) -> None:
    """Refuse a record whose chain is whole and whose words are no run.

    Raises:
        UsageError: names the file, the event and the key.
    """
    for event in record.others:
        if wrong := _wrong(event):
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
        if kind in STEPS:
            step(event)
        else:
            convert(event, WORDS.get(kind, Event))
    except ValidationError as error:
        found = _PLACE.search(str(error)) or _MISSING.search(str(error))
        return found[1] if found else "kind"
    return "" if _has_zone(event["at"]) else "at"


def _has_zone(text: str) -> bool:
    """Whether a text is a moment in a time zone."""
    try:
        return datetime.fromisoformat(text).tzinfo is not None
    except ValueError:
        return False
