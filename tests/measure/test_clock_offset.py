"""The offset between two clocks is bounded whatever the network does to the messages."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from readiness.measure.clock import SAME_CLOCK, Offset, best, bound, measure_offset

LEG = st.floats(0, 10)


@given(theta=st.floats(-1e6, 1e6), out=LEG, back=LEG, served=LEG, t0=st.floats(0, 1e6))
def test_true_offset_lies_within_the_error(
    theta: float, out: float, back: float, served: float, t0: float
) -> None:
    """However unequal the two legs are, the truth is within half the round trip."""
    t1 = t0 + out + theta
    t2 = t1 + served
    t3 = t0 + out + served + back

    offset = measure_offset(t0, t1, max(t1, t2), t3) if t3 - t0 >= t2 - t1 else None

    if offset is not None:
        rounding = 1e-9 * (1 + abs(theta) + abs(t0))
        assert abs(offset.theta - theta) <= offset.error + rounding


def test_symmetric_exchange() -> None:
    """Two legs of 10 ms, the other clock 5 s ahead."""
    offset = measure_offset(100.0, 105.01, 105.03, 100.04)

    assert offset.theta == pytest.approx(5.0)
    assert offset.error == pytest.approx(0.01)


@pytest.mark.parametrize("times", [(1, 1, 1, 0), (0, 2, 1, 3), (0, 0, 2, 1)])
def test_clock_running_backwards_is_refused(times: tuple[float, float, float, float]) -> None:
    """An exchange that ends before it starts, or is answered for longer, bounds nothing."""
    with pytest.raises(ValueError, match="expected t0 <= t3"):
        measure_offset(*times)


def test_run_is_bounded_by_both_sides() -> None:
    """The bound covers both samples with their errors and maps readings onto our clock."""
    run = bound(Offset(5.00, 0.01), Offset(5.03, 0.02))

    assert run.steady
    assert (run.lower, run.upper) == pytest.approx((4.99, 5.05))
    assert run.to_ours(10.0) == pytest.approx((4.95, 5.01))
    assert SAME_CLOCK.to_ours(10.0) == (10.0, 10.0)


def test_step_is_seen() -> None:
    """A clock that moved more than 50 ms during the run isn't steady."""
    assert not bound(Offset(0.0, 0.01), Offset(-0.06, 0.01)).steady


def test_best_sample_is_the_least_uncertain() -> None:
    """The exchange with the shortest round trip wins."""
    assert best([Offset(1, 0.3), Offset(2, 0.1), Offset(3, 0.2)]) == Offset(2, 0.1)


@pytest.mark.parametrize(("theta", "error"), [(float("nan"), 0), (0, float("inf")), (0, -1)])
def test_offset_without_a_bound_is_refused(theta: float, error: float) -> None:
    """An infinite or negative error bounds nothing."""
    with pytest.raises(ValueError, match="expected a finite offset"):
        Offset(theta, error)
