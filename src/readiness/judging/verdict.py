"""The verdict and its parts as data: what became of each case, clause and criterion."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from functools import cached_property

from readiness.attesting.waiver import Given
from readiness.attesting.words import Statement
from readiness.catalogue.checks import Check
from readiness.catalogue.matrix import Proof
from readiness.evidence.record import Record
from readiness.evidence.steps import Claimed, Observation
from readiness.model.words import Case, Decision, Json, Outcome, Tier
from readiness.site.environment import Environment
from readiness.site.needs import Gap, Why
from readiness.site.policy import Grant, Policy


@dataclass(frozen=True)
class Origin:
    """The run that evidence comes from."""

    run: str
    number: int
    environment: str


@dataclass(frozen=True)
class CaseVerdict:
    """What became of one case, and why in one sentence.

    `key` names it among all cases of the verdict: one of another environment than the one that is
    decided about carries that environment's name in front.
    """

    case: Case
    check: Check
    outcome: Outcome
    reason: str
    origin: Origin
    key: str
    claims: tuple[Claimed, ...] = ()
    observations: tuple[Observation, ...] = ()
    seconds: float | None = None
    gap: Gap | None = None
    """What is not declared for it and would have to be."""
    declare: str = ""
    """The key of the environment file that would let it run, where one would."""

    @property
    def absent(self) -> bool:
        """Whether it is declared that there is nothing of what it is about."""
        return self.gap is not None and self.gap.why is Why.ABSENT

    @property
    def spared(self) -> bool:
        """Whether there is nothing of what it is about, by which its clauses lack nothing."""
        gone = self.gap is not None and self.gap.why is Why.SPARED
        return gone and self.outcome is Outcome.NOT_RUN

    @property
    def undeclared(self) -> bool:
        """Whether it could not be asked because nothing of its kind is declared."""
        gone = self.gap is not None and self.gap.why is not Why.CLOSED
        return gone and self.outcome is Outcome.NOT_RUN

    @property
    def passed(self) -> bool:
        """Whether it is evidence for its clauses."""
        return self.outcome is Outcome.PASSED

    @property
    def failed(self) -> bool:
        """Whether what was seen is definitely wrong."""
        return self.outcome is Outcome.FAILED

    @property
    def speaks_against(self) -> bool:
        """Whether something was looked at, and it was not what its clauses say."""
        return self.outcome not in {Outcome.PASSED, Outcome.NOT_RUN}

    @cached_property
    def oldest(self) -> datetime | None:
        """When the oldest evidence of the case was seen."""
        return min((one.at for one in self.observations), default=None)

    @cached_property
    def until(self) -> datetime | None:
        """When the first of its claims stops being true by itself."""
        return min((one.until for one in self.claims if one.until), default=None)


@dataclass(frozen=True)
class Use:
    """What became of one waiver: the cases that it stands for, or why it has no effect."""

    given: Given
    cases: tuple[str, ...] = ()
    clauses: tuple[str, ...] = ()
    why_not: str = ""


@dataclass(frozen=True)
class ClauseVerdict:
    """Whether a clause holds for every declared subject."""

    id: str
    text: str
    required: bool
    status: str
    reason: str
    subjects: tuple[str, ...]
    cases: tuple[str, ...]
    oldest: datetime | None
    until: datetime | None
    origins: tuple[Origin, ...]
    looked: bool
    """Whether anything was seen that speaks for or against it now."""
    shown_on: str = ""
    """The other environment that it was shown on; empty when it is the one decided about."""
    refused: str = ""
    """Why the policy's exception does not stand in for its proof, where it has one."""
    absent: bool = False
    """Whether it fails because it is declared that there is nothing of what it is about."""
    exception: Grant | None = None
    """The policy's exception that stands in for its proof, if one does."""
    attested: tuple[Statement, ...] = ()
    """What people signed that it rests on, where only they can vouch for it."""
    waived_by: tuple[Given, ...] = ()
    """The waivers that accept everything that was seen to fail of it, where they do."""


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
    """GO, NO-GO or INCONCLUSIVE, with everything it rests on.

    `record` is the newest run of the environment that is decided about; `others` are the older runs
    and those of other environments that were judged with it. `cases` are those of the environment,
    `elsewhere` those of others that the policy accepts for a clause.
    """

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
    proofs: Mapping[str, Proof]
    others: tuple[Record, ...] = ()
    elsewhere: tuple[CaseVerdict, ...] = ()
    waivers: tuple[Use, ...] = ()
    without_waivers: Decision | None = None
    """What it would be if nothing were waived; None where no waiver has an effect."""

    @property
    def only_by_waivers(self) -> bool:
        """Whether it is a GO that would be none without what somebody accepted."""
        return self.decision is Decision.GO and self.without_waivers is not None

    @property
    def every_case(self) -> tuple[CaseVerdict, ...]:
        """The environment's cases, then those of other environments."""
        return self.cases + self.elsewhere

    @property
    def records(self) -> tuple[Record, ...]:
        """Every record that was judged."""
        return (self.record, *self.others)

    @property
    def permissions(self) -> tuple[str, ...]:
        """What the run was given besides its tier."""
        return tuple((self.record.first("plan") or {}).get("permissions", ()))

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
        """The required clauses that hold, without those that an exception stands in for."""
        return tuple(c for c in self.required if c.status == "held")

    @property
    def excepted(self) -> tuple[ClauseVerdict, ...]:
        """The required clauses that an exception of the policy stands in for."""
        return tuple(c for c in self.required if c.exception)
