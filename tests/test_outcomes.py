"""The outcome of a drill: its trials show what the policy asks for, or it is not green."""

import json
from pathlib import Path

import pytest
from engine import outcome
from stories import POLICY, Story

from readiness.judging.verdict import CaseVerdict
from readiness.model.words import Outcome
from readiness.site.policy import Policy


def drill(story: Story, share: float) -> CaseVerdict:
    """What became of the drill, under a policy that asks its trials for that share."""
    story.write()
    wanted = POLICY | {"confidence": {"share": share}}
    verdict = story.verdict_under(Policy.model_validate_json(json.dumps(wanted)))
    return outcome(verdict, "PG-020|student-db")


def test_enough_trials_are_green(tmp_path: Path) -> None:
    """Three of three show 36.8 %."""
    assert drill(Story(tmp_path), 0.36).outcome is Outcome.PASSED


def test_too_few_trials_are_not_green(tmp_path: Path) -> None:
    """Three trials show nothing about nine of ten."""
    found = drill(Story(tmp_path), 0.9)
    assert found.outcome is Outcome.INCONCLUSIVE
    assert "declare more trials" in found.reason


@pytest.mark.parametrize("share", [0.01, 0.36])
def test_a_drill_without_a_number_of_trials_is_not_green(tmp_path: Path, share: float) -> None:
    """Who does not say how many there were has shown nothing."""
    found = drill(Story(tmp_path, drills=False), share)
    assert found.outcome is Outcome.INCONCLUSIVE
    assert "no trials" in found.reason
