"""Two judged runs of one environment compared: a pure function of both."""

from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from enum import StrEnum

from readiness.drift.fields import kind_of, leaves
from readiness.drift.fields import shown as in_words
from readiness.evidence.claim import shown
from readiness.evidence.steps import Observation
from readiness.judging.verdict import CaseVerdict, Verdict
from readiness.model.words import Outcome
from readiness.systems.every import name_of
from readiness.systems.marks import Drift


class Direction(StrEnum):
    """Which way something went."""

    WORSE = "worse"
    CHANGED = "changed"
    UNSEEN = "unseen"
    BETTER = "better"


@dataclass(frozen=True)
class Change:
    """One difference. `what` names it among all: a case, or a field of what was seen."""

    direction: Direction
    what: str
    subject: str
    old: str
    new: str
    cause: str = "somebody changed it: find out who, then put it back or accept a newer run"

    @property
    def key(self) -> tuple[str, str]:
        """What a second reading must find as well, whichever way it reads it."""
        return self.what, self.subject

    @property
    def loud(self) -> bool:
        """Whether somebody has to look at it."""
        return self.direction is not Direction.BETTER


def compare(before: Verdict, now: Verdict) -> tuple[Change, ...]:
    """What differs now: cases that end otherwise, fixed fields, and what is declared.

    A field is compared where both runs saw the subject; a subject that only one of them saw shows
    in its cases.
    """
    seen = (one.record.steps(Observation) for one in (before, now))
    return (*_cases(before, now), *changed_fields(*seen), *_declared(before, now))


def _cases(before: Verdict, now: Verdict) -> Iterable[Change]:
    ended = {case.key: case for case in before.cases}
    for case in now.cases:
        old = ended.get(case.key)
        if old is None or old.outcome is case.outcome:
            continue
        direction = _direction(old, case, now.permissions)
        if direction is not None:
            yield Change(
                direction,
                case.check.id,
                case.case.subject,
                _told(old),
                _told(case),
                f"{case.check.risk} {case.check.remedy[:1].upper()}{case.check.remedy[1:]}.",
            )


def _direction(
    old: CaseVerdict, new: CaseVerdict, permissions: Collection[str]
) -> Direction | None:
    """Which way a case went; None where this look was not to see it, or neither run did."""
    if new.outcome is Outcome.FAILED:
        return Direction.WORSE
    if new.passed:
        return None if old.outcome is Outcome.NOT_RUN else Direction.BETTER
    looked = old.outcome in {Outcome.PASSED, Outcome.FAILED}
    permitted = new.check.permission is None or new.check.permission in permissions
    expected = new.check.tier == "observe" and permitted and not new.check.gate_only
    wanted = new.outcome is not Outcome.NOT_RUN or expected
    return Direction.UNSEEN if looked and wanted else None


def _told(case: CaseVerdict) -> str:
    return str(case.outcome) if case.passed else f"{case.outcome}: {case.reason}"


def changed_fields(before: Iterable[Observation], now: Iterable[Observation]) -> Iterable[Change]:
    """Fixed fields whose values differ between the observations of two runs."""
    old, new = _fixed(before), _fixed(now)
    for (subject, source), values in new.items():
        known = old.get((subject, source))
        if known is None:
            continue
        for path in sorted(values.keys() | known.keys()):
            was, found = known.get(path, []), values.get(path, [])
            if was != found:
                yield Change(Direction.CHANGED, path, subject, _listed(was), _listed(found))


def _fixed(
    observations: Iterable[Observation],
) -> Mapping[tuple[str, str], Mapping[str, list[str]]]:
    """The fixed fields of each subject, by source; of several readings the last."""
    seen: dict[tuple[str, str], Mapping[str, list[str]]] = {}
    for event in observations:
        values: dict[str, list[str]] = defaultdict(list)
        for path, value in leaves((name_of(event.source),), event.reading):
            if kind_of(path) is Drift.FIXED:
                values[in_words(path)].append(shown(value))
        seen[(event.subject, event.source)] = {k: sorted(v) for k, v in values.items()}
    return seen


def _listed(values: list[str]) -> str:
    return ", ".join(values) or "none"


def _declared(before: Verdict, now: Verdict) -> Iterable[Change]:
    """Subjects and cases that came or went, a changed description, and changed own checks."""
    old = {case.case.subject for case in before.cases}
    new = {case.case.subject for case in now.cases}
    for subject in sorted(old - new):
        yield Change(Direction.CHANGED, "declared", subject, "declared", "not declared")
    for subject in sorted(new - old):
        yield Change(Direction.CHANGED, "declared", subject, "not declared", "declared")
    there = {case.case for case in now.cases}
    for one in before.cases:
        if one.case not in there and one.case.subject in new:
            yield Change(
                Direction.CHANGED, one.case.check, one.case.subject, _told(one), "no longer a case"
            )
    if _own(before) != _own(now):
        yield Change(Direction.CHANGED, "own checks", now.environment.name, "as accepted", "others")
    if old == new and before.environment != now.environment:
        name = now.environment.name
        yield Change(Direction.CHANGED, "environment file", name, "as accepted", "another")


def _own(verdict: Verdict) -> tuple[object, object]:
    """What the site's own checks were: what they ask, and the text that asks it."""
    own = verdict.record.opening.get("own") or {}
    return own.get("catalogue", []), own.get("files", {})
