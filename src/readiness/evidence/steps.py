"""What happens inside of cases, as a record says it: of its events nearly all are such steps.

They are read right from their lines into types, which refuse other words on the way. Events of
every other kind stay JSON objects, and so does a step that does not say what it has to: judging
refuses it (`readiness.evidence.record_words`).

A record of schema 1 has a line for each claim and each phase. Since schema 2 the claims that hold,
one after another, about one subject and by the same observations stand in one line (`Claims`), and
the end of a case names the phases that passed. What speaks against has a line of its own always.
"""

from collections.abc import Iterator, Mapping
from datetime import datetime
from typing import Annotated, Any, Final, Literal

from msgspec import Meta, MsgspecError, Struct, ValidationError, convert
from msgspec.json import Decoder
from pydantic_core import from_json

from readiness.evidence.claim import sentence
from readiness.model.words import Json, Outcome

# A moment without its time zone is none.
Moment = Annotated[datetime, Meta(tz=True)]
Number = int | float


class Step(Struct, frozen=True, gc=False, tag_field="kind"):
    """What every step says; `mono` in seconds since boot, `prev` the digest of the line before."""

    n: int
    at: Moment
    mono: Number
    prev: str = ""
    critical: Any = None

    @property
    def kind(self) -> str:
        """The kind of event, as its line names it."""
        return str(self.__struct_config__.tag)


class Command(Step, frozen=True, tag="command"):
    """A command was sent to a machine."""


class Observation(Step, frozen=True, kw_only=True, tag="observation"):
    """Something was found; `case` is none outside of one."""

    subject: str
    source: str
    reading: Any
    case: Any = None


class OfCase(Step, frozen=True, kw_only=True):
    """A step of a case."""

    case: str


class CaseStarted(OfCase, frozen=True, tag="case-started"):
    """A case begins."""


class Claimed(OfCase, frozen=True, kw_only=True, tag="claim"):
    """A check asserted something; `rests_on` are the numbers of observations."""

    reason: str
    subject: str
    name: str
    observed: Any
    relation: str
    limit: Any
    answer: Literal["yes", "no", "unknown"]
    rests_on: tuple[Number, ...]
    until: Moment | None = None


class Held(Struct, frozen=True):
    """One claim among `Claims`; `reason` where it is another sentence than its fields make."""

    name: str
    observed: Any
    relation: str
    limit: Any
    reason: str | None = None
    until: Moment | None = None


class Claims(OfCase, frozen=True, kw_only=True, tag="claims"):
    """Claims that hold, about one subject and by the same observations.

    `at` and `mono` are those of the first; the others followed within `readiness.evidence.record.TOGETHER`.
    """

    subject: str
    rests_on: tuple[Number, ...]
    answer: Literal["yes"]
    claims: list[Held]

    def each(self) -> Iterator[Claimed]:
        """Every claim as if it had a line of its own."""
        for one in self.claims:
            said = one.reason
            if said is None:
                said = sentence(self.subject, one.name, one.observed, one.relation, one.limit)
            yield Claimed(
                n=self.n,
                at=self.at,
                mono=self.mono,
                case=self.case,
                reason=said,
                subject=self.subject,
                name=one.name,
                observed=one.observed,
                relation=one.relation,
                limit=one.limit,
                answer=self.answer,
                rests_on=self.rests_on,
                until=one.until,
            )


class PhaseEnded(OfCase, frozen=True, kw_only=True, tag="phase"):
    """A phase of a case ended; since schema 2 one that did not pass."""

    reason: str
    when: str
    result: Outcome
    declare: str = ""


class CaseEnded(OfCase, frozen=True, kw_only=True, tag="case-ended"):
    """The end of a case; `passed` has the seconds that each phase took that passed."""

    seconds: Number
    passed: dict[str, Number] = {}


# What the line of a claim says, and what those that share a line have in common.
CLAIM: Final = frozenset({*Held.__struct_fields__, "case", "subject", "rests_on", "answer"})
_COMMON: Final = CLAIM - {*Held.__struct_fields__}


def parted(claim: Json) -> tuple[Json, Json]:
    """A claim that holds: what those beside it in a line say as well, and what it says alone.

    Its reason is left out where it is the sentence that its fields make.
    """
    common = {key: value for key, value in claim.items() if key in _COMMON}
    alone = {key: value for key, value in claim.items() if key not in _COMMON}
    words = (claim["name"], claim["observed"], claim["relation"], claim["limit"])
    if alone["reason"] == sentence(claim["subject"], *words):
        del alone["reason"]
    if alone["until"] is None:
        del alone["until"]
    return common, alone


STEPS: Final[Mapping[str, type[Step]]] = {
    "command": Command,
    "observation": Observation,
    "case-started": CaseStarted,
    "claim": Claimed,
    "claims": Claims,
    "phase": PhaseEnded,
    "case-ended": CaseEnded,
}
_LINE: Final[Decoder[Step]] = Decoder(
    Command | Observation | CaseStarted | Claimed | Claims | PhaseEnded | CaseEnded
)


def read_event(line: bytes) -> Step | Json:
    """The event of a line: as a step, or as the JSON object that it is.

    Raises:
        ValueError: it is no JSON object.
    """
    try:
        return _LINE.decode(line)
    except (MsgspecError, ValueError, RecursionError):
        # Another kind, or another form: an infinite number, a moment without its colons.
        event = from_json(line)
    if not isinstance(event, dict):
        raise ValueError("no JSON object")  # noqa: TRY004 - of a file, not of a caller
    return typed(event)


def typed(event: Json) -> Step | Json:
    """The step that an event is; the event itself where it is none, or not a whole one."""
    try:
        return step(event)
    except ValidationError:
        return event


def step(event: Json) -> Step:
    """The step that an event is.

    Raises:
        ValidationError: it is of another kind, or does not say what a step of its kind has to.
    """
    kind = event.get("kind")
    known = STEPS.get(kind) if isinstance(kind, str) else None
    if known is None:
        raise ValidationError("no step - at `$.kind`")
    moments = {key: _moment(event[key]) for key in ("at", "until") if key in event}
    return convert(event | moments, known)


def _moment(written: object) -> object:
    """The moment that a text is, in any form of ISO 8601; what is none stays what it is."""
    try:
        return datetime.fromisoformat(written) if isinstance(written, str) else written
    except ValueError:
        return written
