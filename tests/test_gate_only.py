"""What only a gate asks for: it has the time that it takes, and a look for drift leaves it out."""

from pathlib import Path
from types import SimpleNamespace

import pytest

from lab import product
from readiness.catalogue.checks import load_catalogue
from readiness.catalogue.limits import limit_of, scan_limit
from readiness.drift.compare import _direction
from readiness.evidence.state import DRIFT, GATE
from readiness.model.words import Outcome, Tier
from readiness.session.plan import Plan, make_plan
from readiness.site.documents import load_environment
from readiness.site.environment import Environment
from readiness.site.subjects import endpoints

ROOT = Path(__file__).parents[1]
ONLY = {"TLS-007", "TLS-008"}


@pytest.fixture(scope="module")
def lab() -> Environment:
    """The lab as it is declared."""
    return load_environment(ROOT / "environments/lab.yaml")


def planned(environment: Environment, purpose: str) -> Plan:
    """What an observe run for that purpose would do."""
    return make_plan(load_catalogue(), environment, Tier.OBSERVE, purpose=purpose)


def test_a_gate_asks(lab: Environment) -> None:
    """Every listener at every address."""
    run = {one.case.key for one in planned(lab, GATE).runs}
    assert {f"{check}|{one.id}" for check in ONLY for one in endpoints(lab)} <= run


def test_a_look_for_drift_leaves_it_out(lab: Environment) -> None:
    """The plan has the cases, and says why they are not run; a child makes the same plan."""
    plan = planned(lab, DRIFT)
    left_out = {one.check.id: one.not_run for one in plan.cases if one.check.gate_only}
    assert set(left_out) == ONLY
    assert set(left_out.values()) == {
        "only the gate asks for it: it takes too long for a look for drift"
    }
    assert plan.event()["purpose"] == DRIFT


@pytest.mark.parametrize(
    ("now", "told"), [(Outcome.NOT_RUN, False), (Outcome.FAILED, True), (Outcome.ERROR, True)]
)
def test_what_was_left_out_is_no_drift(now: Outcome, *, told: bool) -> None:
    """A gate's pass is not taken back by a look that was not to see it."""
    check = load_catalogue()["TLS-007"]
    before, after = (
        SimpleNamespace(check=check, outcome=one, passed=one is Outcome.PASSED)
        for one in (Outcome.PASSED, now)
    )
    assert (_direction(before, after, ()) is not None) is told  # type: ignore[arg-type]


def test_a_case_has_the_time_of_the_whole_scan(lab: Environment) -> None:
    """Whichever is the first waits for all of them."""
    check = load_catalogue()["TLS-007"]
    whole = scan_limit(len(endpoints(lab)))
    assert limit_of(check, lab, "portal/edge1/v4") == check.limit + whole
    assert whole >= 60


def test_the_lab_asks_where_it_is_named() -> None:
    """Not under every fault; in healthy runs, and where a fault names the check."""
    assert not ONLY & set(product.observing(scan=True))
    assert set(product.observing(gate_only=True)) >= ONLY
