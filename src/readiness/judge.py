"""The judge: run record, policy, catalogue and clock in, verdict out. A pure function."""

import json
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime, timedelta

from readiness.catalogue import Check
from readiness.clauses import Criterion
from readiness.environment import Environment
from readiness.matrix import Proof, ProvenOn
from readiness.model import Decision, Outcome, Tier, strongest
from readiness.outcomes import judge_cases, run_notes
from readiness.policy import Policy
from readiness.record import Record
from readiness.verdict import CaseVerdict, ClauseVerdict, CriterionVerdict, Verdict


def judge(
    record: Record,
    *,
    policy: Policy | None,
    catalogue: Mapping[str, Check],
    criteria: Sequence[Criterion],
    matrix: Mapping[str, Proof],
    at: datetime,
) -> Verdict:
    """Judge one run as of a moment.

    Args:
        record: the run.
        policy: what a GO needs; without one every clause of the catalogue is required.
        catalogue: the checks, by id.
        criteria: the acceptance list with its clauses.
        matrix: which checks have been seen red; one that never was can't support a GO.
        at: the moment to judge at.
    """
    opening = record.events[0]
    environment = Environment.model_validate_json(json.dumps(opening["environment"]))
    cases = judge_cases(record, catalogue, environment, policy or _DEFAULT)
    unseen = {name for name in catalogue if _never_red(matrix.get(name))}
    clauses = _judge_clauses(cases, policy, catalogue, criteria, environment, unseen, at)
    notes = run_notes(record, at)
    blocking = set(policy.blocking_severities) if policy else set()
    outcomes = [c.status for one in clauses for c in one.clauses if c.required]
    outcomes += [
        str(one.outcome)
        for one in cases
        if one.check.severity in blocking and one.outcome is not Outcome.PASSED
    ]
    closing = record.first("run-closed")
    required = [c for one in clauses for c in one.clauses if c.required]
    held = [c for c in required if c.status == "held"]
    return Verdict(
        decision=_decide(outcomes, notes),
        judged_at=at,
        run={key: opening[key] for key in ("run", "number", "version", "release", "earlier")},
        environment=environment,
        policy=policy,
        started=datetime.fromisoformat(opening["at"]),
        finished=datetime.fromisoformat(closing["at"]) if closing else None,
        interrupted=bool(closing and closing["how"] == "interrupted"),
        tier=Tier((record.first("plan") or {"tier": "observe"})["tier"]),
        criteria=clauses,
        cases=tuple(cases),
        notes=tuple(notes),
        valid_until=min((c.until for c in held if c.until), default=None),
        oldest=min((c.oldest for c in held if c.oldest), default=None),
        record=record,
    )


def _decide(outcomes: Iterable[str], notes: Sequence[str]) -> Decision:
    """A definite NO-GO wins over an inconclusive one; nothing required is never a GO."""
    seen = set(outcomes)
    if "failed" in seen:
        return Decision.NO_GO
    if notes or not seen or seen - {"held", "not-applicable"}:
        return Decision.INCONCLUSIVE
    return Decision.GO


def _judge_clauses(
    cases: Sequence[CaseVerdict],
    policy: Policy | None,
    catalogue: Mapping[str, Check],
    criteria: Sequence[Criterion],
    environment: Environment,
    unseen: set[str],
    at: datetime,
) -> tuple[CriterionVerdict, ...]:
    required = set(policy.required) if policy and policy.required is not None else None
    excused = _excused(policy, environment, at)
    by_check: dict[str, list[CaseVerdict]] = defaultdict(list)
    for one in cases:
        by_check[one.check.id].append(one)
    judged = []
    for criterion in criteria:
        clauses = tuple(
            _clause(
                clause.id,
                [by_check[c.id] for c in catalogue.values() if clause.id in c.clauses],
                unseen=unseen,
                required=required is None or clause.id in required,
                excuse=excused.get(clause.id, ""),
                age_limit=(policy or _DEFAULT).age_limit(clause.id),
                at=at,
            )
            for clause in criterion.clauses
        )
        judged.append(_criterion(criterion, clauses))
    return tuple(judged)


def _excused(policy: Policy | None, environment: Environment, at: datetime) -> dict[str, str]:
    """Clauses declared not applicable, where the policy allows it and the date has not passed."""
    allowed = set(policy.may_be_not_applicable) if policy else set()
    return {
        entry.clause: f"{entry.reason} ({entry.approver}, until {entry.expires})"
        for entry in environment.not_applicable
        if entry.clause in allowed and entry.expires >= at.date()
    }


def _criterion(criterion: Criterion, clauses: tuple[ClauseVerdict, ...]) -> CriterionVerdict:
    wanted = [clause.status for clause in clauses if clause.required]
    if "failed" in wanted:
        status = "failed"
    elif wanted and set(wanted) <= {"held", "not-applicable"}:
        status = "held"
    else:
        status = "inconclusive" if wanted else "not-required"
    return CriterionVerdict(criterion.id, criterion.text, bool(wanted), status, clauses)


def _clause(
    identity: str,
    groups: list[list[CaseVerdict]],
    *,
    unseen: set[str],
    required: bool,
    excuse: str,
    age_limit: float,
    at: datetime,
) -> ClauseVerdict:
    cases = [case for group in groups for case in group]
    names = tuple(dict.fromkeys(case.case.subject for case in cases))
    keys = tuple(case.case for case in cases)
    oldest = min((case.oldest for case in cases if case.oldest), default=None)
    until = _until(cases, oldest, age_limit)
    status, reason = _status(groups, excuse, until, at)
    untried = sorted({case.check.id for case in cases} & unseen)
    if status == "held" and untried:
        status, reason = "unproven", f"no fault has ever turned {', '.join(untried)} red"
    return ClauseVerdict(identity, required, status, reason, names, keys, oldest, until)


def _status(
    groups: list[list[CaseVerdict]], excuse: str, until: datetime | None, at: datetime
) -> tuple[str, str]:
    if excuse:
        return "not-applicable", excuse
    if not groups:
        return "unproven", "no check serves it yet"
    if not all(groups):
        return "unproven", "the environment declares no subject for it"
    cases = [case for group in groups for case in group]
    decisive = strongest(case.outcome for case in cases)
    if decisive is not Outcome.PASSED:
        worst = next(case for case in cases if case.outcome is decisive)
        return str(decisive), f"{worst.case.check} {worst.reason}"
    if until is None or until <= at:
        return "inconclusive", "its evidence is too old, look again"
    return "held", ""


def _never_red(proof: Proof | None) -> bool:
    return proof is None or proof.on is ProvenOn.NEVER


def _until(
    cases: Sequence[CaseVerdict], oldest: datetime | None, age_limit: float
) -> datetime | None:
    """When the clause's evidence is too old, or the first of its claims ends by itself."""
    ends = [case.until for case in cases if case.until]
    if oldest is not None:
        ends.append(oldest + timedelta(seconds=age_limit))
    return min(ends, default=None)


_DEFAULT = Policy.model_validate_json('{"schema": 1, "name": "none", "owner": "nobody"}')
