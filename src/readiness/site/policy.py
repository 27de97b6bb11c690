"""Who decides, and what a GO needs: the policy file."""

from datetime import UTC, date, datetime, time, timedelta
from pathlib import Path
from typing import Annotated, Literal, Self

from pydantic import Field, PrivateAttr, model_validator

from readiness.model.quantities import Duration
from readiness.model.words import Severity
from readiness.site.signers import Attestations, Waivers
from readiness.site.written import ClauseId, Day, Name, Text, Written, distinct, wrong

DAY = 86400.0


class Confidence(Written):
    """What a drill's trials must show, by M3 (order statistics of n successes)."""

    share: Annotated[float, Field(gt=0, lt=1)] = 0.36
    level: Annotated[float, Field(gt=0, lt=1)] = 0.95


class EvidenceAge(Written):
    """How old evidence may be when it is judged."""

    default: Duration = DAY
    clauses: dict[ClauseId, Duration] = Field(default_factory=dict)


class Grant(Written):
    """An exception: a clause that a GO may lean on without proof, and who answers for that."""

    clause: ClauseId
    reason: Text
    approver: Text
    expires: Day = Field(description="The last day on which it counts, in UTC.")

    @property
    def end(self) -> datetime:
        """The moment at which it counts no more."""
        return datetime.combine(self.expires, time(tzinfo=UTC)) + timedelta(days=1)

    def __str__(self) -> str:
        return f"{self.reason.rstrip('.')} (approved by {self.approver}, until {self.expires})"


class Exceptions(Written):
    """What a GO may lean on without proof. An environment may ask for one and grants none."""

    # Long enough for one change window per quarter, short enough that somebody looks again.
    longest: Duration = Field(
        default=90 * DAY, description="No exception may end later than so long from now."
    )
    granted: tuple[Grant, ...] = ()

    @model_validator(mode="after")
    def _consistent(self) -> Self:
        distinct("clause", [one.clause for one in self.granted], ("granted",), "clause")
        return self

    def last_day(self, at: datetime) -> date:
        """The latest day on which an exception that counts at that moment may end."""
        return (at.astimezone(UTC) + timedelta(seconds=self.longest)).date()


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
    exceptions: Exceptions = Exceptions()
    attestations: Attestations | None = Field(
        default=None, description="Who may vouch for what only people can say."
    )
    waivers: Waivers | None = Field(
        default=None, description="What was seen to fail may be accepted for a while, signed."
    )
    may_be_not_applicable: tuple[ClauseId, ...] = Field(
        default=(),
        description="Has no effect any more: `exceptions` grants them, with approver and expiry.",
    )
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
        if self.waivers and not self.attestations:
            raise wrong("`attestations` beside it, whose signers may waive", ("waivers",))
        return self

    def read_from(self, file: Path) -> Self:
        """The same policy, which remembers the file that it was read from."""
        self._file = file
        return self

    @property
    def file(self) -> Path | None:
        """The file that it was read from."""
        return self._file

    def exception(self, clause: str) -> Grant | None:
        """The exception that is granted for a clause, whether it counts now or not."""
        return next((one for one in self.exceptions.granted if one.clause == clause), None)

    def out_of_time(self, grant: Grant, at: datetime) -> str:
        """Why an exception does not count at that moment; empty when it does."""
        if grant.end <= at:
            return f"the policy's exception ended with {grant.expires}"
        last = self.exceptions.last_day(at)
        if grant.expires > last:
            return f"the policy's exception ends on {grant.expires}, {last} is the latest it allows"
        return ""

    def grants(self, clause: str, at: datetime) -> bool:
        """Whether an exception for the clause is in force at that moment."""
        grant = self.exception(clause)
        return grant is not None and not self.out_of_time(grant, at)

    def age_limit(self, clause: str) -> float:
        """Seconds that evidence for the clause stays fresh."""
        return self.evidence_age.clauses.get(clause, self.evidence_age.default)
