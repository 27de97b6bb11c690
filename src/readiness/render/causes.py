"""What blocks, grouped by cause: one broken thing is told once, however many checks see it.

Cases go together when they ended alike and their reasons differ only in where: subject, machine,
address or number. What could not be looked at goes together by machine: a machine that is down is
one cause and not forty.
"""

import re
import shlex
from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Final

from readiness.judging.signed import UNSIGNED
from readiness.judging.verdict import CaseVerdict, ClauseVerdict, Verdict
from readiness.judging.waived import WAIVED
from readiness.model.words import STRENGTH, Decision, Outcome, Severity, Tier
from readiness.render import words

MOST_NAMED = 3
SATISFIED = frozenset({"held", "not-applicable", WAIVED})
_NUMBER = re.compile(r"\d+(?:[.:]\d+)*")
_ADDRESS = re.compile(r"\b(?:\d{1,3}(?:\.\d{1,3}){3}|[0-9a-f]*:[0-9a-f:]+:[0-9a-f]*)\b")


@dataclass(frozen=True)
class Cause:
    """One thing that stands between this run and a GO, and what to do about it."""

    outcome: str
    reason: str
    cases: tuple[CaseVerdict, ...]
    clauses: tuple[str, ...]
    remedy: str
    commands: tuple[str, ...]

    @property
    def checks(self) -> tuple[str, ...]:
        """The checks that see it."""
        return tuple(dict.fromkeys(case.check.id for case in self.cases))

    @property
    def subjects(self) -> tuple[str, ...]:
        """Where it was seen."""
        return tuple(dict.fromkeys(case.case.subject for case in self.cases))


def causes(verdict: Verdict) -> tuple[Cause, ...]:
    """Everything that blocks, what failed first; empty exactly when the verdict is GO."""
    groups: defaultdict[tuple[str, ...], list[CaseVerdict]] = defaultdict(list)
    machines = frozenset(machine.name for machine in verdict.environment.machines)
    for case in blocking_cases(verdict):
        groups[_cause_key(case, machines)].append(case)
    seen = [_of_cases(cases, machines, verdict) for cases in groups.values()]
    seen.sort(key=_weight)
    everything = [*seen, *_of_clauses(verdict)]
    failed = [one for one in everything if one.outcome == Outcome.FAILED]
    rest = [one for one in everything if one.outcome != Outcome.FAILED]
    # What is required comes before what is in the way by its severity alone.
    failed.sort(key=lambda one: not one.clauses)
    found = (*failed, *_of_run(verdict), *rest)
    return found or _of_nothing(verdict)


def blocking_cases(verdict: Verdict) -> list[CaseVerdict]:
    """Cases without which there is no GO and that did not pass."""
    open_clauses = [one for one in verdict.required if one.status not in SATISFIED]
    deciding = {key for one in open_clauses for key in one.cases}
    shown = {one.id for one in verdict.required if one.shown_on}
    excepted = {one.id for one in verdict.required if one.exception}
    severities = set(verdict.policy.blocking_severities) if verdict.policy else set()
    return [
        case
        for case in verdict.every_case
        if case.outcome not in {Outcome.PASSED, Outcome.NOT_APPLICABLE}
        and (
            case.key in deciding
            or (_here(case, verdict) and case.check.severity in severities and not case.undeclared)
        )
        and not (case.outcome is Outcome.NOT_RUN and shown.issuperset(case.check.clauses))
        and not (case.outcome is not Outcome.FAILED and excepted.issuperset(case.check.clauses))
    ]


def _here(case: CaseVerdict, verdict: Verdict) -> bool:
    """Whether it is about the environment that is decided about."""
    return case.origin.environment == verdict.environment.name


def machine_of(subject: str, machines: Iterable[str]) -> str:
    """The machine that a subject is about, if it names one."""
    known = set(machines)
    return next((part for part in subject.split("/") if part in known), "")


def _cause_key(case: CaseVerdict, machines: frozenset[str]) -> tuple[str, ...]:
    machine = machine_of(case.case.subject, machines)
    if case.absent:
        return (_ending(case), "reason", case.reason)
    if machine and case.outcome in {Outcome.INCONCLUSIVE, Outcome.ERROR}:
        return (str(case.outcome), "machine", machine)
    return (str(case.outcome), "reason", _pattern(case, machines))


def _ending(case: CaseVerdict) -> str:
    """How it counts: what is declared as absent was not asked, and fails its clauses."""
    return str(Outcome.FAILED if case.absent else case.outcome)


def _pattern(case: CaseVerdict, machines: frozenset[str]) -> str:
    """The reason without what only says where."""
    text = case.reason.replace(case.case.subject, "…")
    text = _ADDRESS.sub("…", text)
    for name in sorted(machines, key=len, reverse=True):
        text = re.sub(rf"\b{re.escape(name)}\b", "…", text)
    return _NUMBER.sub("N", text)


def _weight(cause: Cause) -> tuple[int, int, int]:
    """Strongest outcome first, then worst severity, then most cases."""
    severity = min(list(Severity).index(case.check.severity) for case in cause.cases)
    return STRENGTH.index(Outcome(cause.outcome)), severity, -len(cause.cases)


def _of_cases(cases: Sequence[CaseVerdict], machines: frozenset[str], verdict: Verdict) -> Cause:
    first = min(cases, key=lambda case: list(Severity).index(case.check.severity))
    others = len({_pattern(case, machines) for case in cases}) - 1
    more = f" (and {words.count(others, 'other reason')} at the same machine)" if others else ""
    required = {one.id for one in verdict.required}
    served = (clause for case in cases for clause in case.check.clauses)
    checks = tuple(dict.fromkeys(case.check.id for case in cases))
    refused = (
        one.refused for one in verdict.required if one.refused and one.id in first.check.clauses
    )
    return Cause(
        outcome=_ending(first),
        reason="; ".join((where_and_what(first) + more, *refused)),
        cases=tuple(cases),
        clauses=tuple(clause for clause in dict.fromkeys(served) if clause in required),
        remedy=remedy(first, verdict) + _other_source(first, verdict),
        commands=_commands(first, checks, verdict),
    )


def where_and_what(case: CaseVerdict) -> str:
    """The reason of a case, its subject named; of a passed one, what was claimed last."""
    last = case.claims[-1].reason if case.outcome is Outcome.PASSED and case.claims else ""
    reason = words.short(last or case.reason, 600)
    return reason if case.case.subject in reason else f"{case.case.subject}: {reason}"


def remedy(case: CaseVerdict, verdict: Verdict) -> str:
    """What to do: the check's own remedy where something is wrong; else how to look again."""
    match case.outcome:
        case Outcome.FAILED:
            return case.check.remedy
        case Outcome.NOT_RUN:
            return _to_run(case, verdict)
        case Outcome.ERROR:
            return "the check itself broke: read its section in pytest.html, then look again"
        case Outcome.INCONCLUSIVE:
            return f"give the gate what it needs ({case.check.rights}), then look again"
    return ""


def _to_run(case: CaseVerdict, verdict: Verdict) -> str:
    """What lets a case run that did not: a key of the environment file, or another command."""
    where = f"{case.declare} in {environment_file(verdict)}"
    if case.absent:
        return f"build what is missing and declare it ({where}), or do not require the clause"
    if case.declare:
        return f"declare {where}, then look again"
    if case.key in _planned(verdict):
        return "run the gate with what it needs"
    return "see to what kept it from running, then look again"


def _planned(verdict: Verdict) -> frozenset[str]:
    """The cases that the plan left out: another command would run them."""
    plan = verdict.record.first("plan") or {"cases": []}
    return frozenset(one["case"] for one in plan["cases"] if one["not_run"])


def _other_source(case: CaseVerdict, verdict: Verdict) -> str:
    """Where else the policy lets a case that was not run be shown."""
    if case.outcome is not Outcome.NOT_RUN or verdict.policy is None:
        return ""
    accepted = verdict.policy.evidence_from
    names = dict.fromkeys(
        name for clause in case.check.clauses for name in accepted.get(clause, ())
    )
    if not names:
        return ""
    tier = f"run of {' or '.join(names)} at tier {case.check.tier}"
    return f", or judge this run together with a {tier}"


def _commands(case: CaseVerdict, checks: Sequence[str], verdict: Verdict) -> tuple[str, ...]:
    tier = case.check.tier
    permissions = (case.check.permission,) if case.check.permission else ()
    if case.outcome is Outcome.NOT_RUN:
        if case.absent:
            return (f"readiness plan --env {environment_file(verdict)}",)
        most = max(tier, verdict.tier, key=lambda one: one.rank)
        asked = tuple(dict.fromkeys((*verdict.permissions, *permissions)))
        return (gate_command(verdict, tier=most, permissions=asked),)
    only = checks if len(checks) <= MOST_NAMED else ()
    again = gate_command(verdict, only=only, tier=tier, permissions=permissions)
    if case.outcome is Outcome.FAILED:
        return again, f"readiness explain {checks[0]}"
    return f"readiness doctor --env {environment_file(verdict)}", again


def environment_file(verdict: Verdict) -> str:
    """The environment file as the run was given it."""
    return str(verdict.record.opening.get("environment_file") or "FILE")


def policy_file(verdict: Verdict) -> str:
    """The policy's file: the one that was given to judge by, or that the run was made under."""
    if verdict.policy is None:
        return ""
    given = verdict.policy.file
    return str(given or verdict.record.opening.get("policy_file") or "POLICY")


def gate_command(
    verdict: Verdict,
    *,
    only: Sequence[str] = (),
    tier: Tier = Tier.OBSERVE,
    permissions: Sequence[str] = (),
) -> str:
    """The command that looks again, under the same policy."""
    parts = ["readiness gate --env", shlex.quote(environment_file(verdict))]
    if policy := policy_file(verdict):
        parts.append(f"--policy {shlex.quote(policy)}")
    if tier is not Tier.OBSERVE:
        parts.append(f"--tier {tier}")
    parts += [f"--{one}" for one in permissions]
    site = verdict.environment
    if site.kind == "production" and (tier is not Tier.OBSERVE or permissions):
        parts.append(f"--confirm {shlex.quote(site.name)}")
    parts += [f"--only {one}" for one in only]
    return " ".join(parts)


def _of_run(verdict: Verdict) -> list[Cause]:
    """What speaks against the run as a whole."""
    if not verdict.notes:
        return []
    file = environment_file(verdict)
    first = next(verdict.record.of("wrong-target", "undo-failed", "not-restored"), None)
    again = gate_command(verdict, tier=verdict.tier, permissions=verdict.permissions)
    command, what = again, "run the whole gate again"
    if first is not None and first["kind"] == "wrong-target":
        command, what = f"readiness doctor --env {file}", "find out which system answers there"
    elif first is not None or verdict.finished is None:
        command, what = f"readiness recover --env {file}", "undo what is left, then run it again"
    return [Cause("run", words.sentence(*verdict.notes), (), (), what, (command,))]


def _of_nothing(verdict: Verdict) -> tuple[Cause, ...]:
    """Nothing speaks against it and nothing for it."""
    if verdict.decision is Decision.GO:
        return ()
    reason = "the policy requires no clause, so nothing was proven"
    remedy = "name the clauses that a GO needs in the policy"
    return (Cause("inconclusive", reason, (), (), remedy, ("readiness checks",)),)


SIGN: Final = "--clause CLAUSE --seen FILE --until DAY --key file:KEY"
_NO_CASES = {
    "no fault": "see it go red under a fault that it should find, or do not require it",
    "no check": "no check can prove it yet; only the policy's owner can leave it out",
    "the environment": "declare its subjects in the environment file, or do not require it",
    "its evidence": "look again, the evidence has expired",
    UNSIGNED: "have them signed by whom the policy names, then look again",
}


_BUILD: Final = (
    "build what is missing and declare it under its own key instead of `absent`, or do not require "
    "the clause"
)


def _of_clauses(verdict: Verdict) -> list[Cause]:
    """Required clauses that no case answers for, by reason."""
    told = {clause for case in blocking_cases(verdict) for clause in case.check.clauses}
    groups: defaultdict[str, list[ClauseVerdict]] = defaultdict(list)
    for one in verdict.required:
        if one.status not in SATISFIED and one.id not in told:
            kind = next((start for start in _NO_CASES if one.reason.startswith(start)), one.reason)
            kind = UNSIGNED if one.status == UNSIGNED else kind
            groups[kind].append(one)
    again = gate_command(verdict, tier=verdict.tier, permissions=verdict.permissions)
    return [
        Cause(
            outcome=clauses[0].status,
            reason=_unheld(clauses),
            cases=(),
            clauses=tuple(one.id for one in clauses),
            remedy=_BUILD if clauses[0].absent else _NO_CASES.get(kind, "look again"),
            commands=_to_hold(clauses[0].status, again, verdict),
        )
        for kind, clauses in groups.items()
    ]


def _unheld(clauses: Sequence[ClauseVerdict]) -> str:
    """Why they do not hold: of what is unsigned each has a reason of its own."""
    first = clauses[0]
    # Several that nobody signed say the same, and are told once.
    told = {one.reason: one for one in reversed(clauses)} if first.status == UNSIGNED else {}
    several = [*reversed(told.values())] or [first]
    return words.sentence(*(f"{one.id}: {one.reason}" for one in several), first.refused)


def _to_hold(status: str, again: str, verdict: Verdict) -> tuple[str, ...]:
    """The commands after which the clauses may hold."""
    if status == UNSIGNED:
        where = f"--env {shlex.quote(environment_file(verdict))}"
        where += f" --policy {shlex.quote(policy_file(verdict) or 'POLICY')}"
        return (f"readiness plan {where}", f"readiness attest {where} {SIGN}", again)
    return (again,) if status == "inconclusive" else ("readiness checks",)
