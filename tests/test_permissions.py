"""Scanning is a permission of its own: the file allows it and the command line asks for it."""

from pathlib import Path

import pytest

from readiness.catalogue.checks import load_catalogue
from readiness.model.errors import UsageError
from readiness.model.words import Permission, Tier
from readiness.session.plan import Plan, make_plan
from readiness.session.run import RunRequest, _agree
from readiness.site.documents import load_environment
from readiness.site.environment import Environment, Permissions

LAB = Path(__file__).parents[1] / "environments/lab.yaml"


@pytest.fixture(scope="module")
def site() -> Environment:
    """The lab, which allows it."""
    return load_environment(LAB)


def planned(site: Environment, *permissions: Permission, tier: Tier = Tier.OBSERVE) -> Plan:
    """What a run with those permissions would do."""
    return make_plan(load_catalogue(), site, tier, (), permissions)


def scans(plan: Plan) -> set[str]:
    """Why the cases that scan would not run; empty text for those that would."""
    return {one.not_run for one in plan.cases if one.check.permission is Permission.SCAN}


def test_nothing_scans_unless_asked(site: Environment) -> None:
    """No tier brings it along."""
    assert scans(planned(site)) == {"needs --scan, this run is without"}
    assert scans(planned(site, tier=Tier.DISRUPT)) == {"needs --scan, this run is without"}


def test_what_is_asked_and_allowed_scans(site: Environment) -> None:
    """At the observe tier already, and the record's plan says so."""
    plan = planned(site, Permission.SCAN)
    assert scans(plan) == {""}
    assert plan.event()["permissions"] == ["scan"]
    assert plan.reach == "tier observe and scan"


def test_what_the_file_does_not_allow_does_not_scan(site: Environment) -> None:
    """Asking is not enough; without a word in the file it is not allowed."""
    closed = site.model_copy(update={"permissions": Permissions()})
    (reason,) = scans(planned(closed, Permission.SCAN))
    assert "permissions.scan" in reason


def test_production_is_scanned_only_when_its_name_is_typed(site: Environment) -> None:
    """At the observe tier, too; observing alone needs no name."""
    production = site.model_copy(update={"kind": "production"})
    _agree(RunRequest(LAB), production)
    asked = RunRequest(LAB, permissions=(Permission.SCAN,))
    with pytest.raises(UsageError, match="when its name is typed"):
        _agree(asked, production)
    _agree(RunRequest(LAB, permissions=(Permission.SCAN,), confirmed="lab"), production)
