"""Who decides, and what a GO needs: the policy file."""

from pathlib import Path
from typing import Annotated, Literal, Self

from pydantic import Field, PrivateAttr, model_validator

from readiness.model import Severity
from readiness.quantities import Duration
from readiness.written import ClauseId, Name, Text, Written, distinct

DAY = 86400.0


class Confidence(Written):
    """What a drill's trials must show, by M3 (order statistics of n successes)."""

    share: Annotated[float, Field(gt=0, lt=1)] = 0.36
    level: Annotated[float, Field(gt=0, lt=1)] = 0.95


class EvidenceAge(Written):
    """How old evidence may be when it is judged."""

    default: Duration = DAY
    clauses: dict[ClauseId, Duration] = Field(default_factory=dict)


class Policy(Written):
    """What a GO needs. Severities may add blockers; nothing releases a required clause."""

    schema_version: Literal[1] = Field(alias="schema")
    name: Name
    owner: Text
    catalogue: Literal[1] = 1
    required: tuple[ClauseId, ...] | None = Field(
        default=None, description="Required clauses by name; left out means all of the catalogue."
    )
    blocking_severities: tuple[Severity, ...] = (Severity.CRITICAL,)
    evidence_age: EvidenceAge = EvidenceAge()
    confidence: Confidence = Confidence()
    may_be_not_applicable: tuple[ClauseId, ...] = ()
    evidence_from: dict[ClauseId, Annotated[tuple[Name, ...], Field(min_length=1)]] = Field(
        default_factory=dict,
        description="Other environments whose runs may show a clause, where this one can't.",
    )

    _file: Path | None = PrivateAttr(default=None)

    @model_validator(mode="after")
    def _consistent(self) -> Self:
        distinct("clause", self.required or (), ("required",))
        distinct("clause", self.may_be_not_applicable, ("may_be_not_applicable",))
        for clause, names in self.evidence_from.items():
            distinct("environment", names, ("evidence_from", clause))
        distinct("severity", self.blocking_severities, ("blocking_severities",))
        return self

    def read_from(self, file: Path) -> Self:
        """The same policy, which remembers the file that it was read from."""
        self._file = file
        return self

    @property
    def file(self) -> Path | None:
        """The file that it was read from."""
        return self._file

    def age_limit(self, clause: str) -> float:
        """Seconds that evidence for the clause stays fresh."""
        return self.evidence_age.clauses.get(clause, self.evidence_age.default)
