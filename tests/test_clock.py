"""The clocks: durations survive a moved wall clock, and the move shows."""

import subprocess
import sys
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from readiness.model.clock import Clock, Instant, elapsed, jumped

SECOND = 10**9
START = Instant(wall=1_700_000_000 * SECOND, steady=50 * SECOND, boot_id="one")


def test_two_readings_agree() -> None:
    """On a machine whose clock nobody moves, no jump is seen and time passes."""
    clock = Clock()
    a, b = clock.now(), clock.now()
    passed = elapsed(a, b)
    assert passed is not None
    assert passed >= timedelta(0)
    assert not jumped(a, b, timedelta(seconds=1))


@given(
    passed=st.integers(0, 10**6), jump=st.integers(-(10**6), 10**6), tolerance=st.integers(0, 60)
)
def test_a_jump_shows_and_leaves_durations_alone(passed: int, jump: int, tolerance: int) -> None:
    """Whatever the wall clock does, the duration is the boot clock's; a move beyond is a jump."""
    later = replace(
        START,
        wall=START.wall + (passed + jump) * SECOND,
        steady=START.steady + passed * SECOND,
    )
    assert elapsed(START, later) == timedelta(seconds=passed)
    assert jumped(START, later, timedelta(seconds=tolerance)) == (abs(jump) > tolerance)


def test_a_reboot_measures_nothing() -> None:
    """Across boots there is no duration, and nothing shows that the clock did not jump."""
    later = replace(START, wall=START.wall + SECOND, steady=START.steady + SECOND, boot_id="two")
    assert elapsed(START, later) is None
    assert jumped(START, later, timedelta(days=999))


def test_the_wall_clock_is_written_in_utc() -> None:
    """Microseconds stay exact and the zone is said."""
    instant = replace(START, wall=START.wall + 123_456_789)
    assert instant.utc == "2023-11-14T22:13:20.123456Z"
    assert datetime.fromisoformat(instant.utc).tzinfo == UTC


def test_a_real_process_with_moved_clocks_is_caught() -> None:
    """A process in a time namespace, 1000 s off, reads clocks that disagree with ours."""
    script = "from readiness.model.clock import *; print(repr(Clock().now()))"
    command = ["unshare", "--time", "--boottime", "1000", sys.executable, "-c", script]
    before = Clock().now()
    answer = subprocess.run(command, capture_output=True, text=True, check=False)
    if answer.returncode != 0:
        pytest.skip(f"no time namespaces for this user: {answer.stderr.strip()}")
    other = eval(answer.stdout, {"Instant": Instant})  # noqa: S307 - our own repr
    assert jumped(before, other, timedelta(seconds=900))
