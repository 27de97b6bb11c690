"""The judge: run record, policy, catalogue and clock in, verdict out. A pure function.

It never trusts a stated outcome: it works each case's outcome out from phases and claims. A case
passed only if it was expected, started once, ended once, every phase including `call` passed, and
it left at least one claim, every claim a yes that rests on an observation of this run.
"""

import json
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Final

from readiness.catalogue import Check, expected_cases
from readiness.clauses import Criterion
from readiness.environment import Environment
from readiness.matrix import Proof, ProvenOn
from readiness.measure.confidence import share_shown
from readiness.model import Case, Decision, Json, Outcome, Tier, strongest
from readiness.policy import Policy
from readiness.record import Record

CLOCK_TOLERANCE: Final = 5.0
NEVER_STARTED: Final = "was expected and never started"


@dataclass
class _Trace:
    """What the record says about one case."""

    starts: list[Json] = field(default_factory=list)
    ends: list[Json] = field(default_factory=list)
    phases: list[Json] = field(default_factory=list)
    claims: list[Json] = field(default_factory=list)
    confidence: list[Json] = field(default_factory=list)


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
        return min((_moment(one["at"]) for one in self.observations), default=None)

    @property
    def until(self) -> datetime | None:
        """When the first of its claims stops being true by itself."""
        ends = [_moment(claim["until"]) for claim in self.claims if claim.get("until")]
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


def _moment(text: str) -> datetime:
    return datetime.fromisoformat(text)


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
    cases = _judge_cases(record, catalogue, environment, policy or _DEFAULT)
    unseen = {name for name in catalogue if _never_red(matrix.get(name))}
    clauses = _judge_clauses(cases, policy, catalogue, criteria, environment, unseen, at)
    notes = _notes(record, at)
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
        started=_moment(opening["at"]),
        finished=_moment(closing["at"]) if closing else None,
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


def _notes(record: Record, at: datetime) -> list[str]:
    """Why the record as a whole can't support a GO."""
    notes = []
    closing, plan = record.first("run-closed"), record.first("plan")
    if record.torn:
        notes.append("the record was cut off while a line was written")
    if closing is None:
        notes.append("the run did not come to its end: the record has no closing line")
    elif closing["how"] != "finished":
        notes.append(f"the run did not finish: {closing['how']}")
    if record.first("session-finished") is None:
        notes.append("pytest did not come to its own end")
    if plan is None:
        notes.append("the run has no plan")
    elif plan["only"]:
        notes.append(f"only a selection was looked at: {', '.join(plan['only'])}")
    notes += [one["reason"] for one in record.of("wrong-target", "undo-failed", "not-restored")]
    known = {"wrong-target", "undo-failed", "not-restored"}
    notes += [
        f"the record holds a critical event of an unknown kind: {one['kind']}"
        for one in record.events
        if one.get("critical") and one["kind"] not in known
    ]
    return notes + _clock_notes(record, at)


def _clock_notes(record: Record, at: datetime) -> list[str]:
    """A clock that jumped, or a record from the future, says nothing about age."""
    first = record.events[0]
    start, mono = _moment(first["at"]).timestamp(), first["mono"]
    notes = []
    for event in record.events:
        drift = (_moment(event["at"]).timestamp() - start) - (event["mono"] - mono)
        if abs(drift) > CLOCK_TOLERANCE:
            notes.append(f"the clock of the gate's machine jumped by {drift:.0f} s during the run")
            break
    if _moment(record.events[-1]["at"]) > at + timedelta(seconds=CLOCK_TOLERANCE):
        notes.append("the record is from the future: a clock is wrong")
    return notes


def _judge_cases(
    record: Record, catalogue: Mapping[str, Check], environment: Environment, policy: Policy
) -> list[CaseVerdict]:
    traces = _traces(record)
    seen = {event["n"]: event for event in record.of("observation")}
    plan = record.first("plan") or {"cases": []}
    planned = {one["case"]: one["not_run"] for one in plan["cases"]}
    verdicts = []
    for case in expected_cases(dict(catalogue), environment):
        check, trace = catalogue[case.check], traces.get(case.key)
        if trace is None:
            reason = planned.get(case.key) or NEVER_STARTED
            if case.key not in planned:
                reason = "not in the plan of this run"
            verdicts.append(CaseVerdict(case, check, Outcome.NOT_RUN, reason))
            continue
        outcome, reason = _outcome(trace, seen)
        if outcome is Outcome.PASSED and (doubt := _too_few_trials(trace, policy)):
            outcome, reason = Outcome.INCONCLUSIVE, doubt
        ended = trace.ends[0]["seconds"] if trace.ends else None
        rests = sorted({n for claim in trace.claims for n in claim["rests_on"]} & seen.keys())
        evidence = tuple(seen[n] for n in rests)
        verdicts.append(
            CaseVerdict(case, check, outcome, reason, tuple(trace.claims), evidence, ended)
        )
    return verdicts


def _traces(record: Record) -> dict[str, _Trace]:
    traces: dict[str, _Trace] = defaultdict(_Trace)
    for event in record.of("case-started", "case-ended", "phase", "claim", "confidence"):
        trace = traces[event["case"]]
        match event["kind"]:
            case "case-started":
                trace.starts.append(event)
            case "case-ended":
                trace.ends.append(event)
            case "phase":
                trace.phases.append(event)
            case "confidence":
                trace.confidence.append(event)
            case _:
                trace.claims.append(event)
    return dict(traces)


def _outcome(trace: _Trace, seen: Mapping[int, Json]) -> tuple[Outcome, str]:
    """Outcome of a case that left a trace: the strongest of everything that speaks against it."""
    against: list[tuple[Outcome, str]] = []
    if len(trace.starts) != 1:
        against.append((Outcome.ERROR, f"ran {len(trace.starts)} times instead of once"))
    if len(trace.ends) != 1:
        against.append((Outcome.INCONCLUSIVE, "started and did not come to its end"))
    against += _against_claims(trace.claims, seen)
    against += [
        (Outcome(phase["result"]), phase["reason"])
        for phase in trace.phases
        if phase["result"] != "passed"
    ]
    whens = [phase["when"] for phase in trace.phases]
    if not against and not {"setup", "call", "teardown"} <= set(whens):
        against.append((Outcome.ERROR, "not every phase of it was run"))
    if not against and not trace.claims:
        against.append((Outcome.ERROR, "it asserted nothing about what was observed"))
    if not against:
        return Outcome.PASSED, str(trace.claims[-1]["reason"])
    decisive = strongest(outcome for outcome, _ in against)
    return decisive, next(reason for outcome, reason in against if outcome is decisive)


def _too_few_trials(trace: _Trace, policy: Policy) -> str:
    """Why the trials behind a case show less than the policy asks for; empty when they do."""
    level, wanted = policy.confidence.level, policy.confidence.share
    for event in trace.confidence:
        shown = share_shown(event["trials"], event["under"], confidence=level)
        if shown < wanted:
            return (
                f"{event['trials']} trials show that at least {shown:.0%} of such events go well, "
                f"the policy asks for {wanted:.0%}: declare more trials"
            )
    return ""


def _against_claims(
    claims: Iterable[Json], seen: Mapping[int, Json]
) -> Iterator[tuple[Outcome, str]]:
    for claim in claims:
        if claim["answer"] != "yes":
            wrong = Outcome.FAILED if claim["answer"] == "no" else Outcome.INCONCLUSIVE
            yield wrong, claim["reason"]
        elif not claim["rests_on"] or not set(claim["rests_on"]) <= seen.keys():
            yield Outcome.ERROR, f"'{claim['name']}' rests on nothing that was seen"


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
