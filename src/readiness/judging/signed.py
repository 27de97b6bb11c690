"""What people signed as verdicts on clauses: only of those that nothing but people can show.

A signature never speaks about what a check looks at. Without one that counts a clause is unsigned,
and the reason says what is wrong with those that there are.
"""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from readiness.attesting.words import Statement, Vouched
from readiness.catalogue.clauses import PEOPLE, Clause
from readiness.judging.verdict import ClauseVerdict, Origin
from readiness.site.policy import Policy

UNSIGNED = "unsigned"
COMPLETE = "attestations-complete"
Counts = Callable[[Statement], bool]


@dataclass(frozen=True)
class Signed:
    """What clauses are held against that people prove, and those that follow from them."""

    vouched: Vouched
    policy: Policy
    environment: str
    origin: Origin
    at: datetime
    asked: tuple[Clause, ...]
    """The clauses that only people can vouch for and that a GO needs to be signed."""

    def clause(self, clause: Clause, *, required: bool) -> ClauseVerdict:
        """The clause as people vouch for it."""
        if clause.by == PEOPLE:
            return self._verdict(clause, [clause], lambda one: one.counts, required=required)
        if clause.id.endswith(COMPLETE):
            counts: Counts = lambda one: not one.problem  # noqa: E731 - read with its other half
        else:
            counts = lambda one: one.counts  # noqa: E731
        return self._verdict(clause, self.asked, counts, required=required)

    def _verdict(
        self, clause: Clause, about: Sequence[Clause], counts: Counts, *, required: bool
    ) -> ClauseVerdict:
        pairs = [(one, name) for one in about for name in self._subjects(one)]
        found = [(one.id, name, self.vouched.about(one.id, name)) for one, name in pairs]
        good = [next((one for one in several if counts(one)), None) for _, _, several in found]
        rests = [one for one in good if one is not None]
        missing = [
            _missing(identity, name, several, several_clauses=len(about) > 1)
            for (identity, name, several), one in zip(found, good, strict=True)
            if one is None
        ]
        until = self._until(clause, rests)
        status, reason = self._status(about, pairs, missing, until)
        held = status == "held"
        return ClauseVerdict(
            id=clause.id,
            text=clause.text,
            required=required,
            status=status,
            reason="; ".join(map(str, rests)) if held else reason,
            subjects=tuple(dict.fromkeys(name for _, name in pairs)),
            cases=(),
            oldest=min((one.signed for one in rests), default=None) if held else None,
            until=until if held else None,
            origins=(self.origin,) if held else (),
            looked=held,
            attested=tuple(rests) if held else (),
        )

    def _subjects(self, clause: Clause) -> tuple[str, ...]:
        """What the clause is counted over: the environment, or each person of the policy."""
        if clause.each == "environment":
            return (self.environment,)
        rules = self.policy.attestations
        return rules.people if rules else ()

    def _status(
        self,
        about: Sequence[Clause],
        pairs: Sequence[tuple[Clause, str]],
        missing: Sequence[str],
        until: datetime | None,
    ) -> tuple[str, str]:
        """Held only over something, all of it signed, as it is now."""
        unnamed = [one.id for one in about if one not in {clause for clause, _ in pairs}]
        reasons = {
            "nobody signed it: the policy names no signers (attestations)": (
                self.policy.attestations is None
            ),
            "this run read no attestations: look again under this policy": self.vouched.read
            is None,
            "nothing that people sign is required, so nothing is signed": not about,
            f"the policy names no people (attestations.people): {', '.join(unnamed)}": unnamed,
            "; ".join(missing): missing,
        }
        if reason := next((reason for reason, is_so in reasons.items() if is_so), ""):
            return UNSIGNED, reason
        if until is None or until <= self.at:
            return "inconclusive", "its evidence is too old, look again"
        return "held", ""

    def _until(self, clause: Clause, rests: Iterable[Statement]) -> datetime | None:
        """When the first of the signatures ends, or what the run read of them is too old."""
        if self.vouched.read is None:
            return None
        looked = self.vouched.read + timedelta(seconds=self.policy.age_limit(clause.id))
        # That nothing is missing does not end with what is there: the other clause says that.
        ends = [] if clause.id.endswith(COMPLETE) else [one.ends for one in rests]
        return min([looked, *ends])


def _missing(
    clause: str, subject: str, several: Sequence[Statement], *, several_clauses: bool
) -> str:
    """What is there in place of an attestation that counts."""
    where = f"{clause} of {subject}" if several_clauses else f"{subject}"
    if not several:
        return f"{where}: nobody signed it"
    return f"{where}: " + ", ".join(one.why_not for one in several)
