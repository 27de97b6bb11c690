"""Checks of caches, backups and services, red on what the healthy lab said with one value altered.

These are defects that no recording under a fault shows yet, or that a lab can't be given.
"""

import json
import re
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest
from replay import Recording, load, replay

from readiness.model import Case, Outcome

Alter = Callable[[Any], None]


@pytest.fixture(scope="module")
def healthy() -> Recording:
    """What an observe run of the healthy lab saw."""
    return load("healthy")


def altered(recording: Recording, subject: str, source: str, alter: Alter) -> Recording:
    """The recording with one reading of it changed."""
    changed = json.loads(json.dumps(recording.observations))
    (mine,) = [one for one in changed if (one["subject"], one["source"]) == (subject, source)]
    alter(mine["reading"])
    return replace(recording, observations=tuple(changed), known={})


def timeout(milliseconds: int) -> Alter:
    """A Sentinel with this failover-timeout."""
    return lambda reading: reading["watched"].update(failover_timeout_ms=milliseconds)


@pytest.mark.parametrize(
    ("milliseconds", "outcome", "reason"),
    [
        (2000, Outcome.PASSED, ""),
        (1999, Outcome.FAILED, "until it gives a failover up at least 2000, found 1999"),
        (897_500, Outcome.PASSED, ""),
        (898_000, Outcome.FAILED, r"tries a failover again .* at most 1800\S*, found 1801"),
    ],
)
def test_a_failover_has_its_time_and_is_tried_again(
    healthy: Recording, milliseconds: int, outcome: Outcome, reason: str
) -> None:
    """Neither given up before an answer can come, nor tried again after the recovery time."""
    seen = altered(healthy, "sessions/sentinel/cache2", "sentinel", timeout(milliseconds))
    result = replay(seen, Case("CACHE-003", "sessions"))
    assert result.outcome is outcome, result
    assert re.search(reason, result.reason), result.reason
