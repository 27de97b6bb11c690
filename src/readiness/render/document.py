"""`verdict.json`: the verdict as data, with a published schema that grows and never shrinks.

Everything is worked out from the verdict, which holds the record that it was judged from; the other
reports render this document, so no two reports of a run can disagree.
"""

import hashlib
from collections import Counter
from collections.abc import Sequence
from datetime import datetime
from functools import cache
from typing import Annotated, Final, Literal

from pydantic import BaseModel, ConfigDict, Field, PlainSerializer, WithJsonSchema

from readiness.clauses import load_clauses
from readiness.matrix import ProvenOn, proven_on
from readiness.model import Decision, Json, Outcome, Severity, Tier
from readiness.record import stamp
from readiness.render import words
from readiness.render.causes import (
    SATISFIED,
    Cause,
    blocking_cases,
    causes,
    remedy,
    where_and_what,
)
from readiness.verdict import CaseVerdict, ClauseVerdict, CriterionVerdict, Verdict

SCHEMA: Final = 1
Moment = Annotated[
    datetime,
    PlainSerializer(stamp, return_type=str),
    WithJsonSchema({"type": "string", "format": "date-time"}),
]


class _Part(BaseModel):
    """A part of the document; later releases may add fields to it."""

    model_config = ConfigDict(frozen=True, populate_by_name=True)


class Seen(_Part):
    """Where evidence comes from."""

    run: str
    environment: str


class Clause(_Part):
    """One fact of a criterion. `age` in seconds of its oldest evidence."""

    id: str
    text: str
    required: bool
    status: str
    reason: str
    subjects: tuple[str, ...]
    cases: tuple[str, ...] = Field(description="Keys of the cases that it counts, CHECK|SUBJECT.")
    evidence: Seen | None = Field(alias="from")
    age: float | None
    until: Moment | None


class Criterion(_Part):
    """One line of the acceptance list."""

    id: str
    text: str
    required: bool
    status: str
    clauses: tuple[Clause, ...]


class CheckedCase(_Part):
    """One check about one subject. `duration` in seconds."""

    check: str
    title: str
    criteria: tuple[str, ...]
    clauses: tuple[str, ...]
    subject: str
    severity: Severity
    tier: Tier
    required: bool = Field(description="Serves a clause that the policy requires.")
    blocking: bool
    outcome: Outcome
    reason: str
    observed: str | None
    expected: str | None
    remedy: str
    duration: float | None
    source: str
    proven_on: ProvenOn
    seen: Moment | None
    until: Moment | None

    @property
    def key(self) -> str:
        """How the record names the case."""
        return f"{self.check}|{self.subject}"


class Blocker(_Part):
    """One cause that stands in the way of a GO."""

    outcome: str
    reason: str
    cases: tuple[str, ...]
    checks: tuple[str, ...]
    subjects: tuple[str, ...]
    clauses: tuple[str, ...]
    remedy: str
    commands: tuple[str, ...]


class Count(_Part):
    """How many of the catalogue are required, and how many of those are proven."""

    total: int
    required: int
    proven: int
    required_not_proven: tuple[str, ...]
    not_required: tuple[str, ...]


class Counts(_Part):
    """Criteria and clauses by name; cases by outcome."""

    criteria: Count
    clauses: Count
    cases: dict[str, int]


class IdentityMember(_Part):
    """What answered at one place, against what was pinned."""

    part: str
    of: str
    pinned: str | None
    found: str | None
    problem: str


class Identity(_Part):
    """Which system was looked at."""

    pinned: bool
    members: tuple[IdentityMember, ...]


class PolicySummary(_Part):
    """Under which policy it was judged."""

    name: str
    owner: str
    sha256: str | None


class EarlierRun(_Part):
    """A run that did not end in a GO, since the last one that did or the change of release."""

    number: int
    run: str
    verdict: str
    tier: str


class VerdictDocument(_Part):
    """The whole verdict of a run."""

    schema_version: Literal[1] = Field(alias="schema", default=SCHEMA)
    run: str
    number: int
    environment: str
    kind: str
    release: str
    identity: Identity | None
    policy: PolicySummary | None
    tier: Tier
    tiers: tuple[Tier, ...]
    started: Moment
    finished: Moment | None
    judged_at: Moment
    oldest_evidence: Moment | None
    valid_until: Moment | None
    verdict: Decision
    verdict_without_waivers: Decision
    exit_code: int
    counts: Counts
    blockers: tuple[Blocker, ...]
    notes: tuple[str, ...]
    confidence: tuple[str, ...]
    earlier_failed: tuple[EarlierRun, ...]
    not_guarded: tuple[str, ...]
    criteria: tuple[Criterion, ...]
    cases: tuple[CheckedCase, ...]
    version: str
    catalogue_sha256: str
    environment_sha256: str
    record_head: str = Field(description="SHA-256 of the record's last whole line.")


def document(verdict: Verdict) -> VerdictDocument:
    """The verdict as data."""
    opening = verdict.record.events[0]
    plan = verdict.record.first("plan") or {}
    identity = verdict.record.first("identity")
    clauses = [clause for one in verdict.criteria for clause in one.clauses]
    return VerdictDocument(
        run=verdict.run["run"],
        number=verdict.run["number"],
        environment=verdict.environment.name,
        kind=verdict.environment.kind,
        release=verdict.run["release"] or "",
        identity=Identity.model_validate(identity) if identity else None,
        policy=_policy(verdict),
        tier=verdict.tier,
        tiers=tuple(tier for tier in Tier if verdict.tier.covers(tier)),
        started=verdict.started,
        finished=verdict.finished,
        judged_at=verdict.judged_at,
        oldest_evidence=verdict.oldest,
        valid_until=verdict.valid_until,
        verdict=verdict.decision,
        verdict_without_waivers=verdict.decision,
        exit_code=verdict.exit_code,
        counts=Counts(
            criteria=_count(verdict.criteria),
            clauses=_count(clauses),
            cases=dict(Counter(str(case.outcome) for case in verdict.cases)),
        ),
        blockers=tuple(_blocker(cause) for cause in causes(verdict)),
        notes=verdict.notes,
        confidence=tuple(
            dict.fromkeys(event["sentence"] for event in verdict.record.of("confidence"))
        ),
        earlier_failed=tuple(
            EarlierRun.model_validate(one)
            for one in verdict.run["earlier"]
            if one["verdict"] != Decision.GO
        ),
        not_guarded=tuple(plan.get("not_guarded", ())),
        criteria=tuple(_criterion(one, verdict) for one in verdict.criteria),
        cases=_cases(verdict),
        version=verdict.run["version"],
        catalogue_sha256=opening.get("catalogue", ""),
        environment_sha256=opening.get("environment_sha256", ""),
        record_head=verdict.record.head,
    )


def _policy(verdict: Verdict) -> PolicySummary | None:
    """The policy, with the hash of its file: the run's own, or the one that it is judged by now."""
    policy = verdict.policy
    if policy is None:
        return None
    opening = verdict.record.events[0]
    if opening.get("policy") == policy.model_dump(mode="json", by_alias=True):
        digest = opening.get("policy_sha256")
    else:
        digest = hashlib.sha256(policy.file.read_bytes()).hexdigest() if policy.file else None
    return PolicySummary(name=policy.name, owner=policy.owner, sha256=digest)


def _count(judged: Sequence[CriterionVerdict] | Sequence[ClauseVerdict]) -> Count:
    required = [one for one in judged if one.required]
    return Count(
        total=len(judged),
        required=len(required),
        proven=sum(one.status in SATISFIED for one in required),
        required_not_proven=tuple(one.id for one in required if one.status not in SATISFIED),
        not_required=tuple(one.id for one in judged if not one.required),
    )


def _blocker(cause: Cause) -> Blocker:
    return Blocker(
        outcome=cause.outcome,
        reason=cause.reason,
        cases=tuple(case.case.key for case in cause.cases),
        checks=cause.checks,
        subjects=cause.subjects,
        clauses=cause.clauses,
        remedy=cause.remedy,
        commands=cause.commands,
    )


def _criterion(criterion: CriterionVerdict, verdict: Verdict) -> Criterion:
    return Criterion(
        id=criterion.id,
        text=criterion.text,
        required=criterion.required,
        status=criterion.status,
        clauses=tuple(_clause(one, verdict) for one in criterion.clauses),
    )


def _clause(clause: ClauseVerdict, verdict: Verdict) -> Clause:
    seen = Seen(run=verdict.run["run"], environment=verdict.environment.name)
    age = (verdict.judged_at - clause.oldest).total_seconds() if clause.oldest else None
    return Clause(
        id=clause.id,
        text=_texts().get(clause.id, ""),
        required=clause.required,
        status=clause.status,
        reason=_clause_reason(clause, verdict),
        subjects=clause.subjects,
        cases=tuple(case.key for case in clause.cases),
        evidence=seen if clause.oldest else None,
        age=age,
        until=clause.until,
    )


def _clause_reason(clause: ClauseVerdict, verdict: Verdict) -> str:
    """The reason, its subject named where a case stands behind it."""
    cases = (case for case in verdict.cases if case.case in clause.cases)
    decided = next((case for case in cases if str(case.outcome) == clause.status), None)
    return f"{decided.check.id}, {where_and_what(decided)}" if decided else clause.reason


@cache
def _texts() -> dict[str, str]:
    return {clause.id: clause.text for one in load_clauses() for clause in one.clauses}


def _cases(verdict: Verdict) -> tuple[CheckedCase, ...]:
    required = frozenset(one.id for one in verdict.required)
    blocking = frozenset(case.case for case in blocking_cases(verdict))
    return tuple(
        _case(case, required=required, blocking=case.case in blocking) for case in verdict.cases
    )


def _case(case: CaseVerdict, *, required: frozenset[str], blocking: bool) -> CheckedCase:
    check, claim = case.check, decisive(case)
    return CheckedCase(
        check=check.id,
        title=check.title,
        criteria=check.criteria,
        clauses=check.clauses,
        subject=case.case.subject,
        severity=check.severity,
        tier=check.tier,
        required=not required.isdisjoint(check.clauses),
        blocking=blocking,
        outcome=case.outcome,
        reason=words.sentence(where_and_what(case), remedy(case)),
        observed=words.observed(claim) if claim else None,
        expected=words.expected(claim) if claim else None,
        remedy=remedy(case),
        duration=case.seconds,
        source=check.source,
        proven_on=proven_on(check.id),
        seen=case.oldest,
        until=case.until,
    )


def decisive(case: CaseVerdict) -> Json | None:
    """The claim that decided the case: the last yes, or the first that speaks against it."""
    if case.outcome is Outcome.PASSED:
        return case.claims[-1] if case.claims else None
    answer = "no" if case.outcome is Outcome.FAILED else "unknown"
    return next((claim for claim in case.claims if claim["answer"] == answer), None)
