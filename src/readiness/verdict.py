"""The verdict and its parts as data: what became of each case, clause and criterion."""

from dataclasses import dataclass
from datetime import datetime

from readiness.catalogue import Check
from readiness.environment import Environment
from readiness.model import Case, Decision, Json, Outcome, Tier
from readiness.policy import Policy
from readiness.record import Record


@dataclass(frozen=True)
class CaseVerdict:
    """What became of one case, and why in one sentence."""

    case: Case
    check: Check
    outcome: Outcome
    reason: str
    claims: tuple[Json, ...] = ()
    observations: tuple[Json, ...] = ()
    seconds: float | None = None

    @property
    def oldest(self) -> datetime | None:
        """When the oldest evidence of the case was seen."""
        return min((datetime.fromisoformat(one["at"]) for one in self.observations), default=None)

    @property
    def until(self) -> datetime | None:
        """When the first of its claims stops being true by itself."""
        ends = [
            datetime.fromisoformat(claim["until"]) for claim in self.claims if claim.get("until")
        ]
        return min(ends, default=None)


@dataclass(frozen=True)
class ClauseVerdict:
    """Whether a clause holds for every declared subject."""

    id: str
    required: bool
    status: str
    reason: str
    subjects: tuple[str, ...]
    cases: tuple[Case, ...]
    oldest: datetime | None
    until: datetime | None


@dataclass(frozen=True)
class CriterionVerdict:
    """Holds only when all its required clauses do and it has at least one."""

    id: str
    text: str
    required: bool
    status: str
    clauses: tuple[ClauseVerdict, ...]


@dataclass(frozen=True)
class Verdict:
    """GO, NO-GO or INCONCLUSIVE, with everything it rests on."""

    decision: Decision
    judged_at: datetime
    run: Json
    environment: Environment
    policy: Policy | None
    started: datetime
    finished: datetime | None
    interrupted: bool
    tier: Tier
    criteria: tuple[CriterionVerdict, ...]
    cases: tuple[CaseVerdict, ...]
    notes: tuple[str, ...]
    valid_until: datetime | None
    oldest: datetime | None
    record: Record

    @property
    def exit_code(self) -> int:
        """0 GO, 1 NO-GO, 2 INCONCLUSIVE."""
        return self.decision.exit_code

    @property
    def required(self) -> tuple[ClauseVerdict, ...]:
        """The clauses that the policy requires."""
        return tuple(c for one in self.criteria for c in one.clauses if c.required)

    @property
    def proven(self) -> tuple[ClauseVerdict, ...]:
        """The required clauses that hold."""
        return tuple(c for c in self.required if c.status in {"held", "not-applicable"})
