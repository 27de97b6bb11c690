"""What a GO still needs, as `readiness plan --policy` tells it from the files alone."""

from pathlib import Path

import pytest
from engine import Engine, Site
from wrong_files import LAB

from readiness.catalogue.checks import load_catalogue
from readiness.catalogue.clauses import load_clauses
from readiness.model.words import Tier
from readiness.session.plan import make_plan
from readiness.session.way import Cost, Step, way_to_go
from readiness.site.documents import load_environment
from readiness.site.examples import POLICIES, policy_text
from readiness.site.policy import Policy

SHOWN = "infra.hosts/clock-synchronised"
TOUCHED = "sec.ferpa/reads-audited"
SCANNED = "sec.firewall/open-ipv4"
BACKED_UP = "ops.backup/age"


def steps(folder: Path, text: str, *required: str, tier: Tier = Tier.OBSERVE) -> tuple[Step, ...]:
    """The way to a GO that needs these clauses."""
    path = folder / "site.yaml"
    path.write_text(text)
    site = load_environment(path)
    policy = Policy.model_validate(
        {"schema": 1, "name": "p", "owner": "o", "catalogue": 1, "required": required}
    )
    catalogue = load_catalogue()
    return way_to_go(make_plan(catalogue, site, tier), catalogue, site, policy)


def test_the_nearest_comes_first_and_each_clause_once(tmp_path: Path) -> None:
    """What this run shows, then other commands."""
    found = steps(tmp_path, LAB, SCANNED, TOUCHED, SHOWN)
    assert [(one.cost, one.what, one.clauses) for one in found] == [
        (Cost.NOTHING, "", (SHOWN,)),
        (Cost.COMMAND, "--scan", (SCANNED,)),
        (Cost.COMMAND, "--tier touch", (TOUCHED,)),
    ]
    (one,) = steps(tmp_path, LAB, TOUCHED, tier=Tier.TOUCH)
    assert one.cost is Cost.NOTHING


def test_what_the_owner_has_to_allow_is_told_as_the_key(tmp_path: Path) -> None:
    """Allow it, then call for it."""
    text = LAB.replace("tiers: [observe, touch, load, disrupt]", "tiers: [observe]")
    (one,) = steps(tmp_path, text, TOUCHED)
    assert (one.cost, one.what) == (
        Cost.PERMISSION,
        "`touch` among `permissions: tiers`, then --tier touch",
    )


def test_undeclared_and_absent_are_not_the_same(tmp_path: Path) -> None:
    """One is a line to write, the other something to build."""
    text = LAB[: LAB.index("\nbackups:")] + LAB[LAB.index("\nobjectives:") :]
    (one,) = steps(tmp_path, text, BACKED_UP)
    assert (one.cost, one.what) == (Cost.DECLARATION, "`backups`")
    (one,) = steps(tmp_path, text + "\nabsent: [backups]\n", BACKED_UP)
    assert one.cost is Cost.BUILDING
    assert "there is none of its backups" in one.what


def test_what_no_check_can_show_comes_last(tmp_path: Path) -> None:
    """Only an exception of the policy's helps there."""
    served = {clause for one in load_catalogue().values() for clause in one.clauses}
    looked_at = (one for each in load_clauses() for one in each.clauses if one.by == "check")
    unserved = min({one.id for one in looked_at} - served)
    found = steps(tmp_path, LAB, unserved, SHOWN)
    assert [one.cost for one in found] == [Cost.NOTHING, Cost.NEVER]


def test_the_command_prints_it(engine: Engine, site: Site) -> None:
    """Beside the plan, for the policy that is named."""
    words = ("plan", "--env", site.environment, "--policy", site.policy)
    ended = engine.cli(site, *words)
    assert ended.code == 0, ended.text
    assert "A GO under small needs 1 clauses, the nearest first:" in ended.text
    assert "1 this run shows, if they hold" in ended.text


def test_a_policy_that_names_no_clause_is_refused(engine: Engine, site: Site) -> None:
    """As the gate refuses it."""
    site.requiring("sec.tls/no-such-thing")
    ended = engine.cli(site, "plan", "--env", site.environment, "--policy", site.policy)
    assert ended.code == 64
    assert "unknown clause" in ended.text


@pytest.mark.parametrize("name", POLICIES)
def test_a_policy_to_start_from_names_only_what_a_check_can_show(name: str) -> None:
    """A GO that no site could ever have helps nobody."""
    served = {clause for one in load_catalogue().values() for clause in one.clauses}
    lines = [line.strip(" -") for line in policy_text(name).splitlines() if line[:4] == "  - "]
    assert {one for one in lines if "/" in one} <= served
