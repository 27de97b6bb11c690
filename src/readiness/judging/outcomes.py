"""What one record says: the outcome of each expected case, and what speaks against the whole run.

A stated outcome is never trusted: it is worked out from phases and claims. A case passed only if it
was expected, started once, ended once, every phase including `call` passed, and it left at least
one claim, every claim a yes that rests on an observation of this run.
"""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Final

from readiness.catalogue.checks import Check, catalogue_digest, expected_cases, gaps
from readiness.evidence.parts import part_notes
from readiness.evidence.record import Record
from readiness.evidence.steps import (
    STEPS,
    CaseEnded,
    CaseStarted,
    Claimed,
    Number,
    Observation,
    PhaseEnded,
    Step,
)
from readiness.judging.verdict import CaseVerdict, Origin
from readiness.measure.confidence import share_shown
from readiness.model.words import Json, Outcome, Tier, strongest
from readiness.site.environment import Environment
from readiness.site.needs import Why
from readiness.site.pins import NOTHING
from readiness.site.policy import Policy

CLOCK_TOLERANCE: Final = 5.0
MOST_NAMED: Final = 3
DIED: Final = "pytest did not come to its own end: its log, beside the record, says why"
NEVER_STARTED: Final = "was expected and never started"


@dataclass
class _Trace:
    """What the record says about one case."""

    starts: list[CaseStarted] = field(default_factory=list)
    ends: list[CaseEnded] = field(default_factory=list)
    phases: list[PhaseEnded] = field(default_factory=list)
    claims: list[Claimed] = field(default_factory=list)
    confidence: list[Json] = field(default_factory=list)


def run_notes(record: Record, at: datetime) -> list[str]:
    """Why the record as a whole can't support a GO."""
    notes = [*_end_notes(record), *_scope_notes(record), *_identity_notes(record)]
    notes += part_notes(record)
    known = {"wrong-target", "undo-failed", "not-restored", "own-unlisted"}
    notes += [one["reason"] for one in record.of(*known)]
    kinds = [one["kind"] for one in record.others if one.get("critical")]
    kinds += [one.kind for kind in STEPS.values() for one in record.steps(kind) if one.critical]
    notes += [
        f"the record holds a critical event of an unknown kind: {kind}"
        for kind in kinds
        if kind not in known
    ]
    return notes + _clock_notes(record, at)


def _end_notes(record: Record) -> list[str]:
    """A run that did not come to its end says nothing of what it would have found."""
    notes = []
    closing = record.first("run-closed")
    if record.torn:
        notes.append("the record was cut off while a line was written")
    if closing is None:
        notes.append("the run did not come to its end: the record has no closing line")
    elif closing["how"] not in {"finished", DIED}:
        notes.append(f"the run did not finish: {closing['how']}")
    if closing is not None and record.events[-1] is not closing:
        notes.append("the record goes on after its closing line: more was looked at later")
    sessions = list(record.of("session-finished"))
    if not sessions or (closing is not None and closing["how"] == DIED):
        notes.append(DIED)
    elif any(session.get("interrupted") for session in sessions):
        notes.append("pytest was stopped before every case had run")
    return notes


def _scope_notes(record: Record) -> list[str]:
    """By other checks, or by some of them, less was looked at than is judged."""
    notes = []
    opening, plan = record.opening, record.first("plan")
    if plan is None:
        notes.append("the run has no plan")
    elif plan["only"]:
        notes.append(f"only a selection was looked at: {', '.join(plan['only'])}")
    if opening.get("catalogue") != catalogue_digest():
        notes.append(
            f"it was made under another catalogue of checks (readiness {opening['version']}): "
            "judge it with that version, or look again"
        )
    return notes


def _identity_notes(record: Record) -> list[str]:
    """Evidence about a system that may be another one is none."""
    notes = []
    asked = list(record.of("identity"))
    if asked and not any(one["members"] for one in asked):
        notes.append(NOTHING)
    if unpinned := _unpinned(record):
        notes.append(
            f"nobody pinned which system this is ({unpinned}): "
            "`readiness doctor --write-identity` does, once it is the right one"
        )
    if unanswered := _unanswered(record):
        notes.append(f"nobody could tell whether this is the pinned system: {unanswered}")
    return notes + _others_found(record)


def _unpinned(record: Record) -> str:
    """The members whose identity nobody pinned, named; empty when every one is pinned."""
    if record.first("identity") is None:
        return "it was not asked"
    return _first_of([_named(one) for one in _asked(record) if not one["pinned"]])


def _unanswered(record: Record) -> str:
    """The pinned members whose identity was not found; empty when every one answered."""
    if record.first("wrong-target"):
        return ""
    silent = (one for one in _asked(record) if one["pinned"] and not one["found"])
    return _first_of([f"{_named(one)} gave no answer" for one in silent])


def _asked(record: Record) -> Iterator[Json]:
    """What each process found of every member: ours, and that of a site's own checks."""
    return (member for event in record.of("identity") for member in event["members"])


def _named(member: Json) -> str:
    return f"{member['part']} of {member['of']}"


def _first_of(several: Iterable[str]) -> str:
    names = list(dict.fromkeys(several))
    more = f" and {len(names) - MOST_NAMED} more" if len(names) > MOST_NAMED else ""
    return ", ".join(names[:MOST_NAMED]) + more


def _others_found(record: Record) -> list[str]:
    """The members where another than the pinned system answered, if the run did not say so."""
    if record.first("wrong-target"):
        return []
    return [
        f"{one['of']}: another system answered: {one['found']}, pinned was {one['pinned']}"
        for one in _asked(record)
        if one["pinned"] and one["found"] and one["found"] != one["pinned"]
    ]


def _clock_notes(record: Record, at: datetime) -> list[str]:
    """A clock that jumped, or a record from the future, says nothing about age."""
    notes, start = [], record.opening
    jumps = dict(_jumps(record, datetime.fromisoformat(start["at"]), start["mono"]))
    if jumps:
        first = jumps[min(jumps)]
        notes.append(f"the clock of the gate's machine jumped by {first:.0f} s during the run")
    last = record.events[-1]
    ended = last.at if isinstance(last, Step) else datetime.fromisoformat(last["at"])
    if ended > at + timedelta(seconds=CLOCK_TOLERANCE):
        notes.append("the record is from the future: a clock is wrong")
    return notes


def _jumps(record: Record, start: datetime, mono: Number) -> Iterator[tuple[Number, float]]:
    """The numbers of events at which the wall clock was far from the one that nobody sets.

    `start` and `mono` are what both said at first; the distance is in seconds.
    """
    for kind in STEPS.values():
        for one in record.steps(kind):
            ahead = (one.at - start).total_seconds() - (one.mono - mono)
            if abs(ahead) > CLOCK_TOLERANCE:
                yield one.n, ahead
    for event in record.others:
        passed = datetime.fromisoformat(event["at"]) - start
        ahead = passed.total_seconds() - (event["mono"] - mono)
        if abs(ahead) > CLOCK_TOLERANCE:
            yield event["n"], ahead


def judge_cases(
    record: Record, catalogue: Mapping[str, Check], environment: Environment, policy: Policy
) -> list[CaseVerdict]:
    """The outcome of every case that catalogue and environment make one expect."""
    origin = origin_of(record)
    traces = _traces(record)
    seen: dict[Number, Observation] = {one.n: one for one in record.steps(Observation)}
    plan = record.first("plan") or {"cases": []}
    planned = {one["case"]: one for one in plan["cases"]}
    lacking = gaps(catalogue, environment)
    verdicts = []
    for case in expected_cases(dict(catalogue), environment):
        check, trace = catalogue[case.check], traces.get(case.key)
        entry, gap = planned.get(case.key), lacking.get(case.key)
        if trace is None:
            reason = (entry["not_run"] or NEVER_STARTED) if entry else "not in the plan of this run"
            verdicts.append(
                CaseVerdict(
                    case,
                    check,
                    Outcome.NOT_RUN,
                    gap.reason if gap else reason,
                    origin,
                    case.key,
                    gap=gap,
                    declare=gap.declare if gap else (entry or {}).get("declare", ""),
                )
            )
            continue
        outcome, reason = _outcome(trace, seen)
        if gap and gap.why is Why.ABSENT and outcome is not Outcome.FAILED:
            # An older version asked although there was nothing to ask, and was content.
            outcome, reason = Outcome.NOT_RUN, gap.reason
        if outcome is Outcome.PASSED and (doubt := _too_few_trials(check, trace, policy)):
            outcome, reason = Outcome.INCONCLUSIVE, doubt
        ended = trace.ends[0].seconds if trace.ends else None
        rests = sorted({n for claim in trace.claims for n in claim.rests_on} & seen.keys())
        evidence = tuple(seen[n] for n in rests)
        verdicts.append(
            CaseVerdict(
                case=case,
                check=check,
                outcome=outcome,
                reason=reason,
                origin=origin,
                key=case.key,
                claims=tuple(trace.claims),
                observations=evidence,
                seconds=ended,
                gap=gap,
                declare=next((one.declare for one in trace.phases if one.declare), ""),
            )
        )
    return verdicts


def origin_of(record: Record) -> Origin:
    """The run that the record is of."""
    opening = record.opening
    return Origin(opening["run"], opening["number"], opening["environment"]["name"])


def _traces(record: Record) -> dict[str, _Trace]:
    traces: dict[str, _Trace] = defaultdict(_Trace)
    for started in record.steps(CaseStarted):
        traces[started.case].starts.append(started)
    for ended in record.steps(CaseEnded):
        traces[ended.case].ends.append(ended)
    for phase in record.steps(PhaseEnded):
        traces[phase.case].phases.append(phase)
    for claim in record.steps(Claimed):
        traces[claim.case].claims.append(claim)
    for event in record.of("confidence"):
        traces[event["case"]].confidence.append(event)
    return dict(traces)


def _outcome(trace: _Trace, seen: Mapping[Number, Observation]) -> tuple[Outcome, str]:
    """Outcome of a case that left a trace: the strongest of everything that speaks against it."""
    against: list[tuple[Outcome, str]] = []
    if len(trace.starts) != 1:
        against.append((Outcome.ERROR, f"ran {len(trace.starts)} times instead of once"))
    if len(trace.ends) != 1:
        against.append((Outcome.INCONCLUSIVE, "started and did not come to its end"))
    against += _against_claims(trace.claims, seen)
    against += [
        (phase.result, phase.reason) for phase in trace.phases if phase.result is not Outcome.PASSED
    ]
    whens = {phase.when for phase in trace.phases}.union(*(one.passed for one in trace.ends))
    if not against and not {"setup", "call", "teardown"} <= whens:
        against.append((Outcome.ERROR, "not every phase of it was run"))
    if not against and not trace.claims:
        against.append((Outcome.ERROR, "it asserted nothing about what was observed"))
    if not against:
        return Outcome.PASSED, trace.claims[-1].reason
    decisive = strongest(outcome for outcome, _ in against)
    return decisive, next(reason for outcome, reason in against if outcome is decisive)


def _too_few_trials(check: Check, trace: _Trace, policy: Policy) -> str:
    """Why the trials behind a case show less than the policy asks for; empty when they do."""
    level, wanted = policy.confidence.level, policy.confidence.share
    if check.tier is Tier.DISRUPT and not trace.confidence:
        return f"it says of no trials, the policy asks that they show {wanted:.0%}"
    for event in trace.confidence:
        shown = share_shown(event["trials"], event["under"], confidence=level)
        if shown < wanted:
            return (
                f"{event['trials']} trials show that at least {shown:.0%} of such events go well, "
                f"the policy asks for {wanted:.0%}: declare more trials"
            )
    return ""


def _against_claims(
    claims: Iterable[Claimed], seen: Mapping[Number, Observation]
) -> Iterator[tuple[Outcome, str]]:
    for claim in claims:
        if claim.answer != "yes":
            wrong = Outcome.FAILED if claim.answer == "no" else Outcome.INCONCLUSIVE
            yield wrong, claim.reason
        elif not _seen_before(claim, seen):
            yield Outcome.ERROR, f"'{claim.name}' rests on nothing that was seen"


def _seen_before(claim: Claimed, seen: Mapping[Number, Observation]) -> bool:
    """Whether the claim rests on something, all of it seen in this run before it was claimed."""
    numbers, before = claim.rests_on, claim.n
    # Of a hundred thousand claims: a loop costs less than `all` with a generator.
    for one in numbers:
        if one not in seen or one >= before:
            return False
    return bool(numbers)
