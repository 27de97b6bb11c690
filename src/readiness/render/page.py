"""Everything that the page shows: the verdict document, each case's evidence, and the drills."""

import json
from collections.abc import Iterator
from typing import ClassVar, Final

from readiness.evidence.record import stamp
from readiness.evidence.steps import Claimed, Number
from readiness.judging.verdict import CaseVerdict, Verdict
from readiness.render import words
from readiness.render.document import VerdictDocument, document
from readiness.render.part import Part
from readiness.render.timeline import Drill, read_drill
from readiness.site.environment import Environment

LONGEST_READING: Final = 6000


class ShownClaim(Part):
    """One claim of a case in words."""

    expected: str
    observed: str
    answer: str
    rests_on: tuple[str, ...]
    until: str | None


class ShownObservation(Part):
    """What was found, as the record keeps it.

    `number` is its number in the record, after that of its run where several were judged together.
    """

    longest: ClassVar[int] = 2 * LONGEST_READING
    number: str
    at: str
    subject: str
    source: str
    reading: str


class CheckText(Part):
    """What stands in the catalogue about a check, for people."""

    risk: str
    reads: tuple[str, ...]
    rights: str


class Page(Part):
    """The verdict with its evidence; claims by case key. `limit` is the outage objective in s."""

    verdict: VerdictDocument
    claims: dict[str, tuple[ShownClaim, ...]]
    observations: tuple[ShownObservation, ...]
    checks: dict[str, CheckText]
    drills: tuple[Drill, ...]
    limit: float


def page(verdict: Verdict) -> Page:
    """Everything that the page shows, from the verdict and its record."""
    return Page(
        verdict=document(verdict),
        claims={
            case.key: tuple(_claim(claim, case, verdict) for claim in case.claims)
            for case in verdict.every_case
        },
        observations=tuple(_observations(verdict)),
        checks={
            case.check.id: CheckText(
                risk=case.check.risk, reads=case.check.reads, rights=case.check.rights
            )
            for case in verdict.every_case
        },
        drills=tuple(
            due(read_drill(event), verdict.environment)
            for one in verdict.records
            for event in one.of("drill")
        ),
        limit=verdict.environment.objectives.database_recovery_time,
    )


def due(drill: Drill, environment: Environment) -> Drill:
    """The drill with the objective of the cache that it is about, if it is one's."""
    check, _, subject = drill.case.partition("|")
    named = [one for one in environment.caches if one.name == subject.partition("/")[0]]
    found = [one.failover for one in named if one.failover and check.startswith("CACHE-")]
    return drill.model_copy(update={"objective": found[0].recovery_time}) if found else drill


def _claim(claim: Claimed, case: CaseVerdict, verdict: Verdict) -> ShownClaim:
    return ShownClaim(
        expected=words.expected(claim),
        observed=words.observed(claim),
        answer=claim.answer,
        rests_on=tuple(_place(case, number, verdict) for number in claim.rests_on),
        until=claim.until.isoformat() if claim.until else None,
    )


def _place(case: CaseVerdict, number: Number, verdict: Verdict) -> str:
    """Where an observation stands among those of all the runs."""
    origin = case.origin
    return f"{origin.environment}-{origin.number}-{number}" if verdict.others else str(number)


def _observations(verdict: Verdict) -> Iterator[ShownObservation]:
    """What the claims rest on, each once however many cases share it, in the order of looking."""
    seen = {
        _place(case, one.n, verdict): one
        for case in verdict.every_case
        for one in case.observations
    }
    for number, event in sorted(seen.items(), key=lambda one: (one[1].at, one[1].n)):
        yield ShownObservation(
            number=number,
            at=stamp(event.at),
            subject=event.subject,
            source=event.source,
            reading=_reading(event.reading),
        )


def _reading(reading: object) -> str:
    text = json.dumps(reading, indent=2, ensure_ascii=False)
    left = len(text) - LONGEST_READING
    if left <= 0:
        return text
    return f"{text[:LONGEST_READING]}\n… {left} more characters, whole in the record"
