"""The plan: which cases there are, which will run, and why the others will not.

Frozen before anything is touched. Its cases come from the committed catalogue and the environment.
"""

import difflib
from collections.abc import Sequence
from dataclasses import dataclass
from fnmatch import fnmatchcase
from itertools import groupby

from readiness.catalogue.checks import Check, expected_cases, gaps, load_catalogue
from readiness.evidence.state import DRIFT, GATE
from readiness.model.errors import UsageError
from readiness.model.words import Case, Json, Permission, Tier
from readiness.site.environment import Environment

# A guard that the design asks for and that comes with the part it needs; until then it is said.
NO_ALERTING = "no blocking alert before the cut: no alerting is examined yet"


@dataclass(frozen=True)
class PlannedCase:
    """One expected case; without a reason it will run."""

    case: Case
    check: Check
    not_run: str = ""
    declare: str = ""
    """The key of the environment file that would let it run, where one would."""


@dataclass(frozen=True)
class Plan:
    """Every expected case of the environment, in running order."""

    tier: Tier
    only: tuple[str, ...]
    cases: tuple[PlannedCase, ...]
    permissions: tuple[Permission, ...] = ()
    not_guarded: tuple[str, ...] = ()
    """What nobody makes sure of before a disturbing action."""
    purpose: str = GATE

    @property
    def runs(self) -> tuple[PlannedCase, ...]:
        """The cases that will run."""
        return tuple(planned for planned in self.cases if not planned.not_run)

    @property
    def parts(self) -> tuple[tuple[PlannedCase, ...], ...]:
        """The cases that will run, in order, cut wherever ours end and a site's own begin.

        Each part has a process of its own: what a site's checks import is never among ours.
        """
        ours = load_catalogue().keys()
        cut = groupby(self.runs, key=lambda planned: planned.check.id in ours)
        return tuple(tuple(part) for _, part in cut) or ((),)

    @property
    def reach(self) -> str:
        """How far it goes, in words."""
        return " and ".join([f"tier {self.tier}", *self.permissions])

    @property
    def disturbs(self) -> bool:
        """Whether any case that will run disturbs the target."""
        return any(one.check.tier is Tier.DISRUPT for one in self.runs)

    def event(self) -> Json:
        """The plan as the record keeps it."""
        return {
            "tier": self.tier,
            "only": list(self.only),
            "permissions": list(self.permissions),
            "purpose": self.purpose,
            "not_guarded": list(self.not_guarded) if self.disturbs else [],
            "cases": [
                {"case": one.case.key, "not_run": one.not_run}
                | ({"declare": one.declare} if one.declare else {})
                for one in self.cases
            ],
        }


def make_plan(
    catalogue: dict[str, Check],
    environment: Environment,
    tier: Tier,
    only: Sequence[str] = (),
    permissions: Sequence[Permission] = (),
    purpose: str = GATE,
) -> Plan:
    """What a run for that purpose, at that tier, with that selection and permissions would do.

    Raises:
        UsageError: a selection names nothing known, or nothing is left to run.
    """
    chosen = _select(catalogue, only)
    lacking = gaps(catalogue, environment)
    planned = []
    for case in expected_cases(catalogue, environment):
        if case.check in chosen:
            check, gap = catalogue[case.check], lacking.get(case.key)
            why = (
                (gap.reason, gap.declare)
                if gap
                else _why_not(check, tier, environment)
                or _not_permitted(check, permissions, environment)
                or _not_for(check, purpose)
            )
            planned.append(PlannedCase(case, check, *why))
    planned.sort(key=_place)
    if not planned:
        raise UsageError(
            "nothing to look at: no check of the selection has a subject in this environment",
            expected="at least one case",
            found="0",
        )
    unguarded = _not_guarded(environment)
    return Plan(tier, tuple(only), tuple(planned), tuple(permissions), unguarded, purpose)


def _not_guarded(environment: Environment) -> tuple[str, ...]:
    """The guards that this environment's drills lack."""
    kept = {one.database for one in environment.backups}
    bare = [one.name for one in environment.databases if one.failover and one.name not in kept]
    backup = f"a fresh backup before the cut of {', '.join(bare)}: no backups are declared for it"
    return (*((backup,) if bare else ()), NO_ALERTING)


def _place(planned: PlannedCase) -> tuple[int, bool, str, str]:
    """By tier, so that all is looked at before anything is disturbed; a site's own come last there.

    They run in processes of their own, which are few that way.
    """
    check = planned.check
    return check.tier.rank, check.id not in load_catalogue(), check.id, planned.case.subject


def _why_not(check: Check, tier: Tier, environment: Environment) -> tuple[str, ...]:
    """Why the tier keeps a case from running, and the key that would allow it; or nothing."""
    allowed = check.tier is Tier.OBSERVE or check.tier in environment.permissions.tiers
    key = "" if allowed else f"`{check.tier}` among `permissions: tiers`"
    if not tier.covers(check.tier):
        return f"needs --tier {check.tier}, this run is --tier {tier}", key
    return () if allowed else (f"the environment does not allow tier {check.tier}", key)


def _not_permitted(
    check: Check, permissions: Sequence[Permission], environment: Environment
) -> tuple[str, ...]:
    if check.permission is None:
        return ()
    key = "" if environment.permissions.scan else "`permissions: scan: true`"
    if check.permission not in permissions:
        return f"needs --{check.permission}, this run is without", key
    if check.permission is Permission.SCAN and not environment.permissions.scan:
        return "the environment does not allow its network to be scanned (permissions.scan)", key
    return ()


def _not_for(check: Check, purpose: str) -> tuple[str, ...]:
    """Why a run of that purpose leaves a case out; or nothing."""
    left_out = check.gate_only and purpose == DRIFT
    return (
        ("only the gate asks for it: it takes too long for a look for drift",) if left_out else ()
    )


def _select(catalogue: dict[str, Check], only: Sequence[str]) -> set[str]:
    """Ids of the checks that the patterns name: check, clause, criterion or a glob of those."""
    if not only:
        return set(catalogue)
    chosen: set[str] = set()
    for pattern in only:
        named = {
            entry.id
            for entry in catalogue.values()
            if any(
                fnmatchcase(name, pattern) for name in (entry.id, *entry.clauses, *entry.criteria)
            )
        }
        if not named:
            raise _unknown(catalogue, pattern)
        chosen |= named
    return chosen


def _unknown(catalogue: dict[str, Check], pattern: str) -> UsageError:
    names = [name for entry in catalogue.values() for name in (entry.id, *entry.clauses)]
    close = difflib.get_close_matches(pattern, names, n=1)
    hint = f" (did you mean '{close[0]}'?)" if close else ""
    return UsageError(
        f"no check, clause or criterion is called '{pattern}'{hint}",
        key="--only",
        expected="a name that `readiness checks` lists, or a glob of it",
    )
