"""Permits come from the frozen plan alone, and cover no more than its check."""

from types import SimpleNamespace
from typing import Any

import pytest

from readiness.drills.permit import Permit, mint
from readiness.model.errors import NotRun
from readiness.model.words import Case, Tier

CASE = Case("PG-020", "db")


def run(case: Case | None, tier: Tier, asked: Tier) -> Any:
    """A run of that tier, whose plan holds one case of a check that asks for another."""
    planned = SimpleNamespace(case=CASE, check=SimpleNamespace(tier=asked))
    plan = SimpleNamespace(runs=(planned,), tier=tier)
    return SimpleNamespace(id="run", case=case, plan=plan, disturbed=lambda: None)


@pytest.mark.parametrize("case", [None, Case("PG-020", "other"), Case("PG-001", "db")])
def test_what_is_not_planned_gets_no_permit(case: Case | None) -> None:
    """Between cases, for another subject, for another check: nothing may be disturbed."""
    with pytest.raises(NotRun, match="not in the frozen plan"):
        mint(run(case, Tier.DISRUPT, Tier.DISRUPT))


@pytest.mark.parametrize("tier", [Tier.OBSERVE, Tier.TOUCH, Tier.LOAD])
def test_a_run_below_the_tier_of_its_check_gets_no_permit(tier: Tier) -> None:
    """Whoever asked for less than a disruption gets none."""
    with pytest.raises(NotRun, match=f"needs --tier disrupt, this run is --tier {tier}"):
        mint(run(CASE, tier, Tier.DISRUPT))


def test_a_permit_covers_its_check_and_no_more() -> None:
    """In a run that may disrupt, a check that only touches may not cut anything off."""
    permit = mint(run(CASE, Tier.DISRUPT, Tier.TOUCH))
    permit.require(Tier.TOUCH)
    with pytest.raises(NotRun, match="needs a permit for tier disrupt, has one for touch"):
        permit.require(Tier.DISRUPT)
    assert permit == Permit("run", CASE, Tier.TOUCH)
