"""The outcome of a drill: its trials show what the policy asks for, or it is not green."""

import json
from pathlib import Path

import pytest
from stories import POLICY, Story

from readiness.model import Outcome
from readiness.policy import Policy

DRILL = "PG-020|student-db"


def outcome(story: Story, share: float) -> tuple[Outcome, str]:
    """What became of the drill, under a policy that asks its trials for that share."""
    story.write()
    wanted = POLICY | {"confidence": {"share": share}}
    verdict = story.verdict_under(Policy.model_validate_json(json.dumps(wanted)))
    (case,) = [one for one in verdict.cases if one.case.key == DRILL]
    return case.outcome, case.reason


def test_enough_trials_are_green(tmp_path: Path) -> None:
    """Three of three show 36.8 %."""
    assert outcome(Story(tmp_path), 0.36)[0] is Outcome.PASSED


def test_too_few_trials_are_not_green(tmp_path: Path) -> None:
    """Three trials show nothing about nine of ten."""
    found, reason = outcome(Story(tmp_path), 0.9)
    assert found is Outcome.INCONCLUSIVE
    assert "declare more trials" in reason


@pytest.mark.parametrize("share", [0.01, 0.36])
def test_a_drill_without_a_number_of_trials_is_not_green(tmp_path: Path, share: float) -> None:
    """Who does not say how many there were has shown nothing."""
    found, reason = outcome(Story(tmp_path, drills=False), share)
    assert found is Outcome.INCONCLUSIVE
    assert "no trials" in reason
