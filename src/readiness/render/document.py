"""`verdict.json`: the verdict as data, with a published schema that grows and never shrinks.

Everything is worked out from the verdict, which holds the record that it was judged from; the other
reports render this document, so no two reports of a run can disagree.
"""

import hashlib
import json
from collections import Counter
from collections.abc import Sequence
from typing import Final, Literal

from pydantic import Field

from readiness.catalogue.matrix import UNPROVEN, ProvenOn
from readiness.evidence.record import Record
from readiness.evidence.steps import Claimed
from readiness.judging.outcomes import origin_of
from readiness.judging.verdict import CaseVerdict, ClauseVerdict, CriterionVerdict, Origin, Verdict
from readiness.judging.waived import WAIVED
from readiness.model.words import Decision, Outcome, Severity, Tier
from readiness.render import words
from readiness.render.attested import Attested, attested
from readiness.render.causes import (
    SATISFIED,
    Cause,
    blocking_cases,
    causes,
    remedy,
    where_and_what,
)
from readiness.render.part import Moment, Part
from readiness.render.waived import Waiver, waiver
from readiness.site.policy import Grant, Policy

SCHEMA: Final = 1


class Seen(Part):
    """The run that evidence comes from."""

    run: str
    number: int
    environment: str


class GrantedException(Part):
    """What the policy lets stand in for a proof: why, who approved it, and its last day."""

    clause: str
    reason: str
    approver: str
    expires: str


class AskedException(Part):
    """An exception that the environment asks for. Only the policy grants one."""

    clause: str
    reason: str
    granted: bool


class Clause(Part):
    """One fact of a criterion. `age` in seconds of its oldest evidence."""

    id: str
    text: str
    required: bool
    status: str
    reason: str
    subjects: tuple[str, ...]
    cases: tuple[str, ...] = Field(description="Keys of the cases that it counts, CHECK|SUBJECT.")
    evidence: Seen | None = Field(alias="from", description="The run of its oldest evidence.")
    runs: tuple[Seen, ...] = Field(description="Every run that its evidence comes from.")
    shown_on: str = Field(description="The other environment that it was shown on, or empty.")
    age: float | None
    until: Moment | None
    exception: GrantedException | None = Field(
        default=None, description="With status not-applicable: what stands in for its proof."
    )
    attested: tuple[Attested, ...] = Field(
        default=(), description="What people signed that it rests on, where only they can."
    )


class Criterion(Part):
    """One line of the acceptance list."""

    id: str
    text: str
    required: bool
    status: str
    clauses: tuple[Clause, ...]


class CheckedCase(Part):
    """One check about one subject. `duration` in seconds."""

    key: str = Field(description="CHECK|SUBJECT, behind ENVIRONMENT: where that is another one.")
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
    evidence: Seen = Field(alias="from")


class Blocker(Part):
    """One cause that stands in the way of a GO."""

    outcome: str
    reason: str
    cases: tuple[str, ...]
    checks: tuple[str, ...]
    subjects: tuple[str, ...]
    clauses: tuple[str, ...]
    remedy: str
    commands: tuple[str, ...]


class Count(Part):
    """How many of the catalogue are required, and how many of those are proven.

    Proven, by exception, waived and not proven are counted apart and add up to what is required.
    """

    total: int
    required: int
    proven: int
    by_exception: tuple[str, ...] = ()
    waived: tuple[str, ...] = ()
    required_not_proven: tuple[str, ...]
    not_required: tuple[str, ...]


class Counts(Part):
    """Criteria and clauses by name; cases by outcome."""

    criteria: Count
    clauses: Count
    cases: dict[str, int]


class IdentityMember(Part):
    """What answered at one place, against what was pinned."""

    part: str
    of: str
    pinned: str | None
    found: str | None
    problem: str


class Identity(Part):
    """Which system was looked at."""

    pinned: bool
    members: tuple[IdentityMember, ...]


class PolicySummary(Part):
    """Under which policy it was judged."""

    name: str
    owner: str
    sha256: str | None


class EarlierRun(Part):
    """A run that did not end in a GO, since the last one that did or the change of release."""

    number: int
    run: str
    verdict: str
    tier: str
    environment: str = ""


class JudgedRun(Part):
    """One of the runs that were judged together."""

    number: int
    run: str
    environment: str
    tier: Tier
    started: Moment
    finished: Moment | None
    record_head: str


class VerdictDocument(Part):
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
    permissions: tuple[str, ...] = ()
    started: Moment
    finished: Moment | None
    judged_at: Moment
    oldest_evidence: Moment | None
    valid_until: Moment | None
    verdict: Decision
    exit_code: int
    counts: Counts
    exceptions: tuple[GrantedException, ...] = Field(
        default=(), description="What the verdict leans on without proof."
    )
    exceptions_asked: tuple[AskedException, ...] = ()
    verdict_without_waivers: Decision | None = Field(
        default=None, description="What it is without them; null where no waiver has an effect."
    )
    waivers: tuple[Waiver, ...] = ()
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
    runs: tuple[JudgedRun, ...] = Field(
        description="Every run that was judged, the one that gives its name to the verdict first."
    )


def document(verdict: Verdict) -> VerdictDocument:
    """The verdict as data."""
    opening = verdict.record.opening
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
        permissions=verdict.permissions,
        started=verdict.started,
        finished=verdict.finished,
        judged_at=verdict.judged_at,
        oldest_evidence=verdict.oldest,
        valid_until=verdict.valid_until,
        verdict=verdict.decision,
        exit_code=verdict.exit_code,
        counts=Counts(
            criteria=_count(verdict.criteria),
            clauses=_count(clauses),
            cases=dict(Counter(str(case.outcome) for case in verdict.every_case)),
        ),
        exceptions=tuple(_granted(one.exception) for one in verdict.excepted if one.exception),
        exceptions_asked=_asked(verdict),
        verdict_without_waivers=verdict.without_waivers,
        waivers=tuple(map(waiver, verdict.waivers)),
        blockers=tuple(_blocker(cause) for cause in causes(verdict)),
        notes=verdict.notes,
        confidence=_confidence(verdict),
        earlier_failed=_earlier(verdict),
        not_guarded=tuple(plan.get("not_guarded", ())),
        criteria=tuple(_criterion(one, verdict) for one in verdict.criteria),
        cases=_cases(verdict),
        version=verdict.run["version"],
        catalogue_sha256=opening.get("catalogue", ""),
        environment_sha256=opening.get("environment_sha256", ""),
        record_head=verdict.record.head,
        runs=tuple(_run(one) for one in verdict.records),
    )


def _confidence(verdict: Verdict) -> tuple[str, ...]:
    """What the trials show that the verdict rests on: not those that a later run has overtaken."""
    counted = {(case.origin.run, case.case.key) for case in verdict.every_case if not case.failed}
    return tuple(
        dict.fromkeys(
            event["sentence"]
            for one in verdict.records
            for event in one.of("confidence")
            if (origin_of(one).run, event["case"]) in counted
        )
    )


def _run(record: Record) -> JudgedRun:
    origin, closing = origin_of(record), record.first("run-closed")
    return JudgedRun(
        number=origin.number,
        run=origin.run,
        environment=origin.environment,
        tier=(record.first("plan") or {"tier": Tier.OBSERVE})["tier"],
        started=record.opening["at"],
        finished=closing["at"] if closing else None,
        record_head=record.head,
    )


def _earlier(verdict: Verdict) -> tuple[EarlierRun, ...]:
    """The runs that it took in each environment, each once."""
    runs = {}
    for record in verdict.records:
        name = origin_of(record).environment
        there = "" if name == verdict.environment.name else name
        for one in record.opening["earlier"]:
            if one["verdict"] != Decision.GO:
                runs[one["run"]] = EarlierRun.model_validate(one | {"environment": there})
    return tuple(runs.values())


def _policy(verdict: Verdict) -> PolicySummary | None:
    """The policy, with the hash of its file: the run's own, or the one that it is judged by now."""
    policy = verdict.policy
    if policy is None:
        return None
    opening = verdict.record.opening
    written = opening.get("policy")
    # A record of an older version lacks the keys that were added since.
    if written and Policy.model_validate_json(json.dumps(written)).model_dump() == (
        policy.model_dump()
    ):
        digest = opening.get("policy_sha256")
    else:
        digest = hashlib.sha256(policy.file.read_bytes()).hexdigest() if policy.file else None
    return PolicySummary(name=policy.name, owner=policy.owner, sha256=digest)


def _count(judged: Sequence[CriterionVerdict] | Sequence[ClauseVerdict]) -> Count:
    required = [one for one in judged if one.required]
    return Count(
        total=len(judged),
        required=len(required),
        proven=sum(one.status == "held" for one in required),
        by_exception=tuple(one.id for one in required if one.status == "not-applicable"),
        waived=tuple(one.id for one in required if one.status == WAIVED),
        required_not_proven=tuple(one.id for one in required if one.status not in SATISFIED),
        not_required=tuple(one.id for one in judged if not one.required),
    )


def _blocker(cause: Cause) -> Blocker:
    return Blocker(
        outcome=cause.outcome,
        reason=cause.reason,
        cases=tuple(case.key for case in cause.cases),
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
    age = (verdict.judged_at - clause.oldest).total_seconds() if clause.oldest else None
    cases = [case for case in verdict.every_case if case.key in clause.cases]
    oldest = next((case for case in cases if clause.oldest and case.oldest == clause.oldest), None)
    return Clause(
        id=clause.id,
        text=clause.text,
        required=clause.required,
        status=clause.status,
        reason=_clause_reason(clause, cases),
        subjects=clause.subjects,
        cases=clause.cases,
        evidence=_seen(oldest.origin) if oldest else None,
        runs=tuple(_seen(one) for one in clause.origins),
        shown_on=clause.shown_on,
        age=age,
        until=clause.until,
        exception=_granted(clause.exception) if clause.exception else None,
        attested=tuple(attested(one) for one in clause.attested),
    )


def _granted(grant: Grant) -> GrantedException:
    return GrantedException(
        clause=grant.clause,
        reason=grant.reason,
        approver=grant.approver,
        expires=grant.expires.isoformat(),
    )


def _asked(verdict: Verdict) -> tuple[AskedException, ...]:
    """What the environment asks for, and whether the policy's grant of it is in force."""
    policy = verdict.policy
    return tuple(
        AskedException(
            clause=one.clause,
            reason=one.reason,
            granted=policy is not None and policy.grants(one.clause, verdict.judged_at),
        )
        for one in verdict.environment.not_applicable
    )


def _seen(origin: Origin) -> Seen:
    return Seen(run=origin.run, number=origin.number, environment=origin.environment)


def _clause_reason(clause: ClauseVerdict, cases: Sequence[CaseVerdict]) -> str:
    """The reason, its subject named where a case stands behind it."""
    decided = next((case for case in cases if str(case.outcome) == clause.status), None)
    reason = f"{decided.check.id}, {where_and_what(decided)}" if decided else clause.reason
    return words.sentence(reason, clause.refused) if clause.refused else reason


def _cases(verdict: Verdict) -> tuple[CheckedCase, ...]:
    required = frozenset(one.id for one in verdict.required)
    blocking = frozenset(case.key for case in blocking_cases(verdict))
    return tuple(
        _case(case, verdict, required=required, blocking=case.key in blocking)
        for case in verdict.every_case
    )


def _case(
    case: CaseVerdict, verdict: Verdict, *, required: frozenset[str], blocking: bool
) -> CheckedCase:
    check, claim = case.check, decisive(case)
    return CheckedCase(
        key=case.key,
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
        reason=words.sentence(where_and_what(case), remedy(case, verdict)),
        observed=words.observed(claim) if claim else None,
        expected=words.expected(claim) if claim else None,
        remedy=remedy(case, verdict),
        duration=case.seconds,
        source=check.source,
        proven_on=verdict.proofs.get(check.id, UNPROVEN).on,
        seen=case.oldest,
        until=case.until,
        evidence=_seen(case.origin),
    )


def decisive(case: CaseVerdict) -> Claimed | None:
    """The claim that decided the case: the last yes, or the first that speaks against it."""
    if case.outcome is Outcome.PASSED:
        return case.claims[-1] if case.claims else None
    answer = "no" if case.outcome is Outcome.FAILED else "unknown"
    return next((claim for claim in case.claims if claim.answer == answer), None)
