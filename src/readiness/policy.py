"""Who decides, and what a GO needs: the policy file."""

from typing import Annotated, Literal

from pydantic import Field

from readiness.environment import Name, Written
from readiness.model import Severity
from readiness.quantities import Duration

DAY = 86400.0


class Confidence(Written):
    """What a drill's trials must show, by M3 (order statistics of n successes)."""

    share: Annotated[float, Field(gt=0, lt=1)] = 0.36
    level: Annotated[float, Field(gt=0, lt=1)] = 0.95


class EvidenceAge(Written):
    """How old evidence may be when it is judged."""

    default: Duration = DAY
    clauses: dict[str, Duration] = Field(default_factory=dict)


class Policy(Written):
    """What a GO needs. Severities may add blockers; nothing releases a required clause."""

    schema_version: Literal[1] = Field(alias="schema")
    name: Name
    owner: str
    catalogue: Literal[1] = 1
    required: tuple[str, ...] | None = Field(
        default=None, description="Required clauses by name; left out means all of the catalogue."
    )
    blocking_severities: tuple[Severity, ...] = (Severity.CRITICAL,)
    evidence_age: EvidenceAge = EvidenceAge()
    confidence: Confidence = Confidence()
    may_be_not_applicable: tuple[str, ...] = ()

    def age_limit(self, clause: str) -> float:
        """Seconds that evidence for the clause stays fresh."""
        return self.evidence_age.clauses.get(clause, self.evidence_age.default)
