"""What is red and that a GO does without: it is said, shortly, and decides nothing."""

from pathlib import Path

from test_absent import ROTATION, judged, lacking, section
from test_needs import told

WANTED = "infra.cache/persistence"


def test_what_is_absent_and_not_required_is_named(tmp_path: Path) -> None:
    """One line for each reason, with the clauses, beside a verdict that it does not change."""
    verdict = judged(tmp_path, lacking(section("balancers", absent=True)), WANTED)
    said = told(verdict)
    assert "red, and not required by this policy" in said
    assert "there is none of its balancers" in said
    assert f"infra.load-balancer/{ROTATION[0]}" in said


def test_what_is_required_is_told_once(tmp_path: Path) -> None:
    """A cause in the way is not said again as one that is not."""
    clause = f"infra.load-balancer/{ROTATION[1]}"
    verdict = judged(tmp_path, lacking(section("balancers", absent=True)), clause)
    assert f"({clause}" not in told(verdict).partition("red, and not required")[2]
