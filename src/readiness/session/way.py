"""What a GO under a policy still needs, as far as the two files tell: the least of it first."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from enum import IntEnum

from readiness.attesting.words import NOBODY, Vouched
from readiness.catalogue.checks import Check, gaps
from readiness.catalogue.clauses import clause_ids
from readiness.session.plan import Plan, PlannedCase
from readiness.session.to_sign import signed_clauses, to_sign
from readiness.site.environment import Environment
from readiness.site.kinds import KINDS
from readiness.site.needs import Gap, Why, section
from readiness.site.policy import Policy


class Cost(IntEnum):
    """What somebody has to do so that a clause can be shown, the least first."""

    NOTHING = 0
    """This run shows it, if it holds."""
    COMMAND = 1
    """Another command does: a higher tier, or a scan."""
    PERMISSION = 2
    """The environment's owner has to allow that command first."""
    DECLARATION = 3
    """Something has to be written into the environment file."""
    SIGNATURE = 4
    """Somebody has to sign it whom the policy names."""
    BUILDING = 5
    """Something is declared as absent: it has to be there."""
    NEVER = 6
    """No check can show it yet; only an exception of the policy lets a GO lean on it."""


@dataclass(frozen=True)
class Step:
    """One thing to do, and the clauses that wait for nothing more."""

    cost: Cost
    what: str
    clauses: tuple[str, ...]


def way_to_go(
    plan: Plan,
    catalogue: Mapping[str, Check],
    environment: Environment,
    policy: Policy,
    vouched: Vouched = NOBODY,
) -> tuple[Step, ...]:
    """The steps to a GO, by cost; a clause stands at the costliest thing that it waits for.

    Args:
        plan: what would be asked, without a selection.
        catalogue: our checks and the site's own.
        environment: what is declared.
        policy: what is required.
        vouched: what people signed, as a run would read it now.
    """
    excepted = {one.clause for one in policy.exceptions.granted}
    required = clause_ids() if policy.required is None else policy.required
    lacking = gaps(catalogue, environment)
    steps: dict[tuple[Cost, str], list[str]] = {}
    open_ = [one for one in required if one not in excepted]
    for clause in open_:
        serving = [one for one in catalogue.values() if clause in one.clauses]
        people = None if serving else signed_clauses(clause, open_)
        if people is not None:
            what = to_sign(people, environment, policy, vouched)
            needed = (Cost.SIGNATURE, what) if what else (Cost.NOTHING, "")
        else:
            needed = max(_needs(serving, plan, lacking, environment))
        steps.setdefault(needed, []).append(clause)
    return tuple(Step(cost, what, tuple(names)) for (cost, what), names in sorted(steps.items()))


def _needs(
    serving: list[Check], plan: Plan, lacking: Mapping[str, Gap], environment: Environment
) -> Iterator[tuple[Cost, str]]:
    """What each check of a clause waits for."""
    if not serving:
        yield Cost.NEVER, "no check can show it yet"
        return
    asked = {one.check.id for one in plan.cases}
    kinds = [KINDS[one.each] for one in serving if one.id in asked]
    for check in serving:
        kind = KINDS[check.each]
        if check.id not in asked and not any(kind.stands_in(one) for one in kinds):
            yield _of_gap(section(environment, kind.section))
    for one in plan.cases:
        if one.check in serving:
            yield _of_case(one, lacking.get(one.case.key))


def _of_case(one: PlannedCase, gap: Gap | None) -> tuple[Cost, str]:
    if gap is not None:
        return (Cost.NOTHING, "") if gap.why is Why.SPARED else _of_gap(gap)
    if not one.not_run:
        return Cost.NOTHING, ""
    command = f"--{one.check.permission}" if one.check.permission else f"--tier {one.check.tier}"
    if one.declare:
        return Cost.PERMISSION, f"{one.declare}, then {command}"
    return Cost.COMMAND, command


def _of_gap(gap: Gap) -> tuple[Cost, str]:
    if gap.why is Why.ABSENT:
        return Cost.BUILDING, gap.reason
    return Cost.DECLARATION, gap.declare or gap.reason
