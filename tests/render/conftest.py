"""Judged runs, each in a folder of its own."""

from pathlib import Path

import pytest
from stories import EARLIER, RED, UNSURE, Story, Tell

from readiness.judging.verdict import Verdict
from readiness.model.words import Tier


@pytest.fixture
def tell(tmp_path: Path) -> Tell:
    """Make a story in a folder of its own."""

    def make(**parts: object) -> Story:
        return Story(tmp_path, **parts)  # type: ignore[arg-type]

    return make


@pytest.fixture
def go(tell: Tell) -> Verdict:
    """A run in which everything holds, after two that failed."""
    return tell(earlier=EARLIER).verdict()


@pytest.fixture
def no_go(tell: Tell) -> Verdict:
    """A run with every kind of bad ending."""
    return tell(bad=RED).verdict()


@pytest.fixture
def inconclusive(tell: Tell) -> Verdict:
    """An observe run: one machine does not answer, and the drill was not run."""
    return tell(bad=UNSURE, tier=Tier.OBSERVE).verdict()
