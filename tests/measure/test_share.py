"""The chance of a count at a declared share: against the sum over all counts, and at its ends."""

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from readiness.measure.share import chance


@given(st.integers(0, 60), st.integers(0, 60), st.floats(0.01, 0.99))
def test_it_is_twice_the_smaller_tail(one: int, other: int, share: float) -> None:
    """As the coefficients say, worked out another way."""
    found, of = sorted((one, other))
    each = [math.comb(of, k) * share**k * (1 - share) ** (of - k) for k in range(of + 1)]
    tails = sum(each[: found + 1]), sum(each[found:])
    assert chance(found, of, share) == pytest.approx(min(1.0, 2 * min(tails)), abs=1e-9)


@pytest.mark.parametrize(
    ("found", "of", "share", "is_it"),
    [(10, 10, 1.0, 1.0), (9, 10, 1.0, 0.0), (0, 10, 0.0, 1.0), (1, 10, 0.0, 0.0)],
)
def test_all_and_nothing_leave_nothing_to_chance(
    found: int, of: int, share: float, is_it: float
) -> None:
    """One that is missing is one too many."""
    assert chance(found, of, share) == is_it


def test_nothing_of_sixty_is_no_chance_at_one_half() -> None:
    """And half of them is the likeliest of all."""
    assert chance(0, 60, 0.5) < 1e-17
    assert chance(30, 60, 0.5) == 1.0


@pytest.mark.parametrize(("found", "of", "share"), [(-1, 2, 0.5), (3, 2, 0.5), (1, 2, 1.5)])
def test_what_makes_no_sense_is_refused(found: int, of: int, share: float) -> None:
    """Counts and shares have bounds."""
    with pytest.raises(ValueError, match="expected 0 <= found"):
        chance(found, of, share)
