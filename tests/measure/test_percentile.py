"""Percentiles with bounds: the published least numbers of samples, and that the bounds hold."""

import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from readiness.measure.percentile import percentile, ranks, share


@pytest.mark.parametrize(("p", "n"), [(0.5, 5), (0.9, 29), (0.95, 59), (0.99, 299)])
def test_least_samples_for_an_upper_bound(p: float, n: int) -> None:
    """One sample less, and no sample is surely above the quantile."""
    assert ranks(n, p)[1] == n
    assert ranks(n - 1, p)[1] is None


@given(st.integers(0, 400), st.floats(0.5, 0.99))
def test_the_bounds_stand_on_both_sides(n: int, p: float) -> None:
    """The rank below the quantile is never above the rank above it."""
    low, high = ranks(n, p)
    assert low is None or 1 <= low <= n
    assert high is None or (low or 1) <= high <= n


def test_the_truth_is_between_the_bounds_as_often_as_promised() -> None:
    """Of 400 runs with a known p95 each bound fails in about 5 %, and never in 9 %."""
    chance = random.Random(95)  # noqa: S311 - repeats
    too_low = too_high = 0
    for _ in range(400):
        found = percentile("p95", [(0.0, chance.random()) for _ in range(200)], 95)
        assert found.lower is not None
        assert found.upper is not None
        too_low += found.upper < 0.95
        too_high += found.lower > 0.95
    assert too_low <= 36
    assert too_high <= 36


def test_a_bad_stretch_widens_the_interval() -> None:
    """Ten slow seconds of sixty may be more or fewer of the next sixty."""
    even = [(second / 10, 0.1 + second % 7 / 100) for second in range(600)]
    uneven = [(when, 0.9 if 20 <= when < 23 else took) for when, took in even]
    bad = percentile("p95", uneven, 95)
    assert bad.value is not None
    assert bad.value < 0.9
    assert bad.upper == 0.9


def test_nothing_was_measured() -> None:
    """Without samples there is no value and no bound, and so no answer."""
    found = percentile("p95", [], 95)
    assert (found.value, found.lower, found.upper, found.n) == (None, None, None, 0)


def test_too_few_samples_have_no_upper_bound() -> None:
    """Fifty-eight quick answers say nothing about the slowest twentieth."""
    found = percentile("p95", [(0.0, 0.1)] * 58, 95)
    assert found.upper is None


def test_the_same_samples_give_the_same_bounds() -> None:
    """Judged again, a record says the same."""
    samples = [(number / 5, number * 7919 % 1000 / 1000) for number in range(300)]
    assert percentile("p", samples, 95) == percentile("p", samples, 95)


def test_no_failure_in_many_is_still_a_share_above_nothing() -> None:
    """The rule of three: none of 300 shows less than 1 percent, and not none."""
    found = share("failures", 0, 300, "0" * 64)
    assert found.value == found.lower == 0
    assert found.upper is not None
    assert 0.9 < found.upper < 1.0
