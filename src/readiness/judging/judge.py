"""The judge: run record, policy, catalogue and clock in, verdict out. A pure function."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from readiness.attesting.waiver import Given
from readiness.attesting.words import NOBODY, Vouched
from readiness.catalogue.checks import Check
from readiness.catalogue.clauses import ADDED_UP, PEOPLE, Clause, Criterion
from readiness.catalogue.matrix import Proof, ProvenOn
from readiness.evidence.record import Record
from readiness.judging import sources
from readiness.judging.outcomes import origin_of
from readiness.judging.signed import Signed
from readiness.judging.verdict import CaseVerdict, ClauseVerdict, CriterionVerdict, Verdict
from readiness.judging.waived import WAIVED, Waivers
from readiness.model.words import Decision, Outcome, Tier, strongest
from readiness.site.environment import Environment
from readiness.site.kinds import KINDS
from readiness.site.needs import Why, section
from readiness.site.policy import Grant, Policy

_Cases = dict[str, list[CaseVerdict]]


def judge(
    record: Record,
    *,
    policy: Policy | None,
    catalogue: Mapping[str, Check],
    criteria: Sequence[Criterion],
    matrix: Mapping[str, Proof],
    at: datetime,
    others: Sequence[Record] = (),
    vouched: Vouched = NOBODY,
    given: Sequence[Given] = (),
) -> Verdict:
    """Judge one run, or several together, as of a moment.

    Args:
        record: the run; of several the newest of the environment that is decided about.
        policy: what a GO needs; without one every clause of the catalogue is required.
        catalogue: the checks, by id.
        criteria: the acceptance list with its clauses.
        matrix: which checks have been seen red; one that never was can't support a GO.
        at: the moment to judge at.
        others: older runs, and runs of environments that the policy accepts as sources.
        vouched: what people signed, as the run of `record` read it.
        given: the waivers, as that run read them.
    """
    asked = policy or _DEFAULT
    looks = sources.group(sources.look(one, catalogue, asked, at) for one in (record, *others))
    home = origin_of(record).environment
    environment = looks[home][0].environment
    cases = sources.in_force(looks[home], lambda case: _fresh(case, asked, at))
    away = sources.elsewhere(looks, home, asked)
    people = Signed(
        vouched,
        asked,
        environment.name,
        origin_of(record),
        at,
        tuple(_to_sign(criteria, catalogue, asked, at)),
    )
    waivers = _waivers(given, asked, home)
    bench = _Bench(policy, catalogue, environment, matrix, at, people, waivers)
    grouped = (_by_check(cases), {name: _by_check(away, name) for name in looks})
    criteria_judged = tuple(bench.criterion(one, *grouped) for one in criteria)
    notes = sources.notes(looks)
    required = [c for one in criteria_judged for c in one.clauses if c.required]
    held = [c for c in required if c.status == "held"]
    opening, closing = record.opening, record.first("run-closed")
    blocking = _blocking(cases, criteria_judged, asked if policy else None)
    complete = closing is not None and not record.torn
    waived = any(c.status == WAIVED for c in required)
    bare = ["failed" if c.status == WAIVED else c.status for c in required]
    return Verdict(
        decision=_decide([*(c.status for c in required), *blocking], notes, complete=complete),
        judged_at=at,
        run={key: opening[key] for key in ("run", "number", "version", "release", "earlier")},
        environment=environment,
        policy=policy,
        started=datetime.fromisoformat(opening["at"]),
        finished=datetime.fromisoformat(closing["at"]) if closing else None,
        interrupted=bool(closing and closing["how"] == "interrupted"),
        tier=Tier((record.first("plan") or {"tier": "observe"})["tier"]),
        criteria=criteria_judged,
        cases=cases,
        notes=tuple(notes),
        valid_until=min((c.until for c in required if c.until and c.status in _DONE), default=None),
        oldest=min((c.oldest for c in held if c.oldest), default=None),
        record=record,
        proofs=matrix,
        others=tuple(others),
        elsewhere=away,
        waivers=waivers.uses([c for one in criteria_judged for c in one.clauses], cases),
        without_waivers=_decide([*bare, *blocking], notes, complete=complete) if waived else None,
    )


def _waivers(given: Sequence[Given], policy: Policy, environment: str) -> Waivers:
    """The waivers, and what the policy lets nobody waive: also what blocks by its severity."""
    never = policy.waivers.never if policy.waivers else ()
    severities = frozenset(policy.blocking_severities)
    return Waivers(tuple(given), frozenset(never), severities, environment)


def _to_sign(
    criteria: Sequence[Criterion], catalogue: Mapping[str, Check], policy: Policy, at: datetime
) -> Iterator[Clause]:
    """The required clauses that people have to sign: without a check, and without an exception."""
    served = {clause for one in catalogue.values() for clause in one.clauses}
    for clause in (one for criterion in criteria for one in criterion.clauses):
        wanted = policy.required is None or clause.id in policy.required
        answered = clause.id in served or policy.grants(clause.id, at)
        if clause.by == PEOPLE and wanted and not answered:
            yield clause


def _fresh(case: CaseVerdict, policy: Policy, at: datetime) -> bool:
    """Whether what a case found is young enough for any of its clauses, required or not."""
    longest = max(policy.age_limit(clause) for clause in case.check.clauses)
    until = _until([case], case.oldest, longest)
    return until is not None and until > at


def _blocking(
    cases: Iterable[CaseVerdict], criteria: Iterable[CriterionVerdict], policy: Policy | None
) -> list[str]:
    """Outcomes that block by their severity, but for what nobody has to show here.

    That is what was not run and is shown elsewhere, what did not fail and is excepted, and what
    nothing is declared of.
    """
    clauses = [clause for one in criteria for clause in one.clauses]
    shown = {c.id for c in clauses if c.shown_on and c.status == "held"}
    excepted = {c.id for c in clauses if c.exception}
    severities = set(policy.blocking_severities) if policy else set()
    return [
        str(one.outcome)
        for one in cases
        if one.check.severity in severities
        and not one.passed
        and not (one.outcome is Outcome.NOT_RUN and shown.issuperset(one.check.clauses))
        and not (one.outcome is not Outcome.FAILED and excepted.issuperset(one.check.clauses))
        and not one.undeclared
    ]


def _decide(outcomes: Iterable[str], notes: Sequence[str], *, complete: bool) -> Decision:
    """A definite NO-GO wins over an inconclusive one; a GO needs a clause that holds.

    A record without its end says nothing definite: what undid or explained a red case may be gone.
    """
    seen = set(outcomes)
    if "failed" in seen and complete:
        return Decision.NO_GO
    if notes or "held" not in seen or seen - _DONE:
        return Decision.INCONCLUSIVE
    return Decision.GO


def _by_check(cases: Iterable[CaseVerdict], environment: str = "") -> _Cases:
    """The cases by check; those of one environment only if it is given."""
    grouped: _Cases = {}
    for case in cases:
        if environment in {"", case.origin.environment}:
            grouped.setdefault(case.check.id, []).append(case)
    return grouped


@dataclass(frozen=True)
class _Bench:
    """What every clause is judged by."""

    policy: Policy | None
    catalogue: Mapping[str, Check]
    environment: Environment
    matrix: Mapping[str, Proof]
    at: datetime
    people: Signed
    waivers: Waivers

    def criterion(
        self, criterion: Criterion, cases: _Cases, away: Mapping[str, _Cases]
    ) -> CriterionVerdict:
        """One line of the acceptance list."""
        clauses = tuple(self._clause(one, cases, away) for one in criterion.clauses)
        return _criterion(criterion, clauses)

    def _clause(self, clause: Clause, cases: _Cases, away: Mapping[str, _Cases]) -> ClauseVerdict:
        """The clause as it was shown, or as the policy excepts it where nothing shows it."""
        found = self._found(clause, cases, away)
        grant = (self.policy or _DEFAULT).exception(clause.id)
        if grant is None or found.status in {"held", WAIVED}:
            return found
        if refused := self._refused(grant, found):
            return replace(found, refused=refused)
        return replace(
            found, status="not-applicable", reason=str(grant), until=grant.end, exception=grant
        )

    def _refused(self, grant: Grant, found: ClauseVerdict) -> str:
        """Why an exception does not stand in for the clause; empty when it does."""
        if found.status == "failed" and not found.absent:
            return "the policy's exception does not cover what was seen to fail"
        return (self.policy or _DEFAULT).out_of_time(grant, self.at)

    def _found(self, clause: Clause, cases: _Cases, away: Mapping[str, _Cases]) -> ClauseVerdict:
        """The clause here, or as it was shown where the policy accepts that."""
        # What a check looks at is never a matter of who signed what.
        if clause.by in {PEOPLE, ADDED_UP} and not self._served(clause.id):
            return self.people.clause(clause, required=self._required(clause.id))
        here = self._shown_by(clause, cases)
        accepted = (self.policy or _DEFAULT).evidence_from.get(clause.id, ())
        if not accepted:
            return here
        there = [
            replace(self._shown_by(clause, away[name]), shown_on=name)
            for name in accepted
            if name in away
        ]
        shown = [one for one in (here, *there) if one.looked]
        return min(shown, key=_against_first, default=_missing(here, accepted))

    def _served(self, identity: str) -> bool:
        """Whether a check looks at what the clause says."""
        return any(identity in one.clauses for one in self.catalogue.values())

    def _required(self, identity: str) -> bool:
        wanted = self.policy.required if self.policy else None
        return wanted is None or identity in wanted

    def _shown_by(self, clause: Clause, cases: _Cases) -> ClauseVerdict:
        """The clause as the cases of one environment show it."""
        identity = clause.id
        serving, groups = self._answering(identity, cases)
        mine = [case for one in groups for case in one]
        oldest = min((case.oldest for case in mine if case.oldest), default=None)
        until = _until(mine, oldest, (self.policy or _DEFAULT).age_limit(identity))
        # What nobody could ask hides nothing that was asked and seen to fail.
        failed = any(case.outcome is Outcome.FAILED for case in mine)
        gone = None if failed else self._undeclared(serving, cases)
        status, reason = gone or _status(groups, until, self.at)
        untried = sorted(name for name in serving if _never_red(self.matrix.get(name)))
        if status == "held" and untried:
            status, reason = "unproven", f"no fault has ever turned {', '.join(untried)} red"
        waived_by: tuple[Given, ...] = ()
        if status == "failed" and not gone and not untried:
            waived_by = self._waived(identity, groups, until)
        if waived_by:
            status, reason = WAIVED, f"{reason}; accepted: {'; '.join(map(str, waived_by))}"
            until = min([one.ends for one in waived_by] + ([until] if until else []))
        return ClauseVerdict(
            id=identity,
            text=clause.text,
            required=self._required(identity),
            status=status,
            reason=reason,
            subjects=tuple(dict.fromkeys(case.case.subject for case in mine)),
            cases=tuple(case.key for case in mine),
            oldest=oldest,
            until=until,
            origins=tuple(dict.fromkeys(case.origin for case in mine if case.observations)),
            looked=status in _SEEN or any(case.speaks_against for case in mine),
            absent=status == "failed" and all(one.outcome is not Outcome.FAILED for one in mine),
            waived_by=waived_by,
        )

    def _waived(
        self, clause: str, groups: list[list[CaseVerdict]], until: datetime | None
    ) -> tuple[Given, ...]:
        """The waivers that accept all that failed of a clause, if nothing else is in its way."""
        red = [case for group in groups for case in group if case.failed]
        by = [self.waivers.covering(case, clause) for case in red]
        rest = [[one for one in group if not one.failed] for group in groups]
        status = _status(rest, until, self.at)[0] if any(rest) else _aged(until, self.at)
        if None in by or status != "held":
            return ()
        return tuple(dict.fromkeys(one for one in by if one is not None))

    def _answering(self, identity: str, cases: _Cases) -> tuple[list[str], list[list[CaseVerdict]]]:
        """The checks that answer a clause, and their cases, without those that it is whole without.

        Where nothing else is left to answer it, what there is not leaves it open. A check of a part
        that is not declared is left out where another answers that is declared in its place.
        """
        serving = [c.id for c in self.catalogue.values() if identity in c.clauses]
        groups = {check: list(cases.get(check, [])) for check in serving}
        kept = {check: [one for one in all_ if not one.spared] for check, all_ in groups.items()}
        if any(kept.values()):
            groups = {check: kept[check] for check in serving if kept[check] or not groups[check]}
        kinds = {check: KINDS[self.catalogue[check].each] for check in groups}
        asked = [kinds[check] for check, all_ in groups.items() if all_]
        groups = {
            check: all_
            for check, all_ in groups.items()
            if all_ or not any(kinds[check].stands_in(one) for one in asked)
        }
        return list(groups), list(groups.values())

    def _undeclared(self, serving: Sequence[str], cases: _Cases) -> tuple[str, str] | None:
        """What follows where a check has no subject at all: absent, or not declared."""
        kinds = [self.catalogue[name].each for name in serving if not cases.get(name)]
        if not kinds:
            return None
        missing = [section(self.environment, KINDS[kind].section) for kind in kinds]
        gap = min(missing, key=lambda one: one.why is not Why.ABSENT)
        return "failed" if gap.why is Why.ABSENT else "unproven", gap.reason


def _against_first(clause: ClauseVerdict) -> int:
    """What speaks against a clause anywhere decides over what was shown elsewhere."""
    order = ("failed", "error", "inconclusive", "not-run", "unproven", WAIVED, "held")
    return order.index(clause.status)


def _missing(here: ClauseVerdict, accepted: Sequence[str]) -> ClauseVerdict:
    """The clause was shown nowhere: say which run would supply it."""
    return replace(here, reason=f"{here.reason}; a run of {' or '.join(accepted)} may show it")


def _criterion(criterion: Criterion, clauses: tuple[ClauseVerdict, ...]) -> CriterionVerdict:
    wanted = [clause.status for clause in clauses if clause.required]
    if "failed" in wanted:
        status = "failed"
    elif wanted and set(wanted) <= _DONE:
        held = "held" if set(wanted) == {"held"} else "not-applicable"
        status = WAIVED if WAIVED in wanted else held
    else:
        status = "inconclusive" if wanted else "not-required"
    return CriterionVerdict(criterion.id, criterion.text, bool(wanted), status, clauses)


def _status(
    groups: list[list[CaseVerdict]], until: datetime | None, at: datetime
) -> tuple[str, str]:
    if not groups:
        return "unproven", "no check serves it yet"
    cases = [case for group in groups for case in group]
    decisive = strongest(case.outcome for case in cases)
    absent = next((case for case in cases if case.absent or case.spared), None)
    if absent and decisive is not Outcome.FAILED:
        return "failed", f"{absent.case.check} {absent.reason}"
    if decisive is not Outcome.PASSED:
        worst = next(case for case in cases if case.outcome is decisive)
        return str(decisive), f"{worst.case.check} {worst.reason}"
    aged = _aged(until, at)
    return aged, "" if aged == "held" else "its evidence is too old, look again"


def _aged(until: datetime | None, at: datetime) -> str:
    """What evidence is worth by its age alone."""
    return "inconclusive" if until is None or until <= at else "held"


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


# What was looked at, and found to be so or not.
_SEEN = frozenset({"held", "failed", WAIVED})
# What keeps nobody from a GO: what holds, what is excepted, and what is accepted as red.
_DONE = frozenset({"held", "not-applicable", WAIVED})
_DEFAULT = Policy.model_validate_json('{"schema": 1, "name": "none", "owner": "nobody"}')
