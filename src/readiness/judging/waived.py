"""What waivers do to a verdict: red cases that somebody accepted, each as it was seen then.

A waiver never hides an outcome, and never speaks for what was not seen to fail: what is unproven,
inconclusive or was not run is no matter of waivers.
"""

import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from readiness.attesting.waiver import Given, fingerprint
from readiness.judging.verdict import CaseVerdict, ClauseVerdict, Use
from readiness.model.words import Severity

WAIVED = "waived"


@dataclass(frozen=True)
class Waivers:
    """The waivers that a run read, and what may never be waived."""

    given: tuple[Given, ...] = ()
    never: frozenset[str] = frozenset()
    severities: frozenset[Severity] = frozenset()
    environment: str = ""

    def covering(self, case: CaseVerdict, clause: str) -> Given | None:
        """The waiver that accepts a red case for a clause; None where it has to be mended."""
        if self.refused(case, clause):
            return None
        return next((one for one in self._about(case, clause) if _accepts(one, case)), None)

    def refused(self, case: CaseVerdict, clause: str) -> str:
        """Why nobody may waive a red case for a clause; empty when somebody may."""
        if clause in self.never:
            return f"{clause} is never waived under this policy"
        if case.check.severity in self.severities:
            return f"{case.check.id} is {case.check.severity}, which blocks whatever is waived"
        if case.origin.environment != self.environment:
            return f"{case.key} was seen elsewhere"
        return ""

    def _about(self, case: CaseVerdict, clause: str) -> Iterable[Given]:
        """The waivers that count and reach the case."""
        for one in self.given:
            if not one.problem and one.body.reaches(case.case.check, clause, case.case.subject):
                yield one

    def uses(
        self, clauses: Sequence[ClauseVerdict], cases: Sequence[CaseVerdict]
    ) -> tuple[Use, ...]:
        """What became of each."""
        return tuple(self._use(one, clauses, cases) for one in self.given)

    def _use(
        self, given: Given, clauses: Sequence[ClauseVerdict], cases: Sequence[CaseVerdict]
    ) -> Use:
        if given.problem:
            return Use(given, why_not=f"{given.file} {given.problem}")
        red = [
            (case, clause)
            for case in cases
            if case.failed
            for clause in case.check.clauses
            if given.body.reaches(case.case.check, clause, case.case.subject)
        ]
        mine = {one.id for one in clauses if given in one.waived_by}
        used = [(case, clause) for case, clause in red if clause in mine and _accepts(given, case)]
        if used:
            stood = dict.fromkeys(case.key for case, _ in used)
            served = dict.fromkeys(clause for _, clause in used)
            return Use(given, tuple(stood), tuple(served))
        return Use(given, why_not=f"{given.file} {self._idle(given, red)}")

    def _idle(self, given: Given, red: Sequence[tuple[CaseVerdict, str]]) -> str:
        """Why a waiver that counts stands for nothing."""
        if not red:
            return f"accepts {given.body.about} at {given.body.scope}, where nothing fails now"
        if refused := next(filter(None, (self.refused(*one) for one in red)), ""):
            return f"has no effect: {refused}"
        other = next((case for case, _ in red if not _accepts(given, case)), None)
        if other is not None:
            return f"does not accept what {other.key} finds now: {other.reason}"
        return f"does not suffice: more stands in the way of {red[0][1]}"


def seen_of(case: CaseVerdict) -> str:
    """The digest of how a case ended, by which a waiver knows it again."""
    against = [
        [one.subject, one.name, one.relation, one.limit, one.observed]
        for one in case.claims
        if one.answer != "yes"
    ]
    return fingerprint(case.reason, json.loads(json.dumps(against, default=str)))


def _accepts(given: Given, case: CaseVerdict) -> bool:
    """Whether it accepts that case as it ended now."""
    now = (case.case.check, case.case.subject, seen_of(case))
    return now in {(one.check, one.subject, one.sha256) for one in given.body.seen}
