"""The confidence that trials give is exact, printed as a sentence that never claims more."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from readiness.measure.confidence import minimum_trials, sentence, share_shown


@pytest.mark.parametrize(
    ("n", "percent"), [(1, 5), (3, 37), (5, 55), (9, 72), (20, 86), (29, 90), (59, 95)]
)
def test_share_shown_by_trials_that_all_stayed_under(n: int, percent: int) -> None:
    """The published table of 0.05 ** (1 / n), to the whole percent."""
    assert round(100 * share_shown(n)) == percent


def test_nothing_tried_shows_nothing() -> None:
    """Without trials, or with none under the limit, the share shown is 0."""
    assert share_shown(0) == 0
    assert share_shown(9, 0) == 0


@pytest.mark.parametrize(
    ("share", "n"), [(0.5, 5), (0.9, 29), (0.95, 59), (0.99, 299), (0.999, 2995)]
)
def test_minimum_trials(share: float, n: int) -> None:
    """The least n for the usual percentiles at 95 % confidence."""
    assert minimum_trials(share) == n


@pytest.mark.parametrize(("n", "failures"), [(4742, 1), (6294, 2), (9151, 4)])
def test_share_shown_with_failures_is_the_exact_binomial_bound(n: int, failures: int) -> None:
    """The least n that shows 99.9 % in spite of some failures, known from binomial tables."""
    assert share_shown(n, n - failures) >= 0.999
    assert share_shown(n - 1, n - 1 - failures) < 0.999


@given(st.floats(0.01, 0.999), st.floats(0.5, 0.999))
def test_minimum_is_enough_and_one_less_is_not(share: float, confidence: float) -> None:
    """The minimum is a minimum, rounding of logarithms notwithstanding."""
    n = minimum_trials(share, confidence=confidence)

    assert share_shown(n, confidence=confidence) >= share
    assert n == 1 or share_shown(n - 1, confidence=confidence) < share


@given(st.integers(1, 200), st.data())
def test_each_failure_shows_less_and_each_success_more(n: int, data: st.DataObject) -> None:
    """The bound rises with successes, stays below the observed share, and falls with failures."""
    under = data.draw(st.integers(0, n))

    shown = share_shown(n, under)

    assert 0 <= shown < 1
    assert under == 0 or shown < under / n
    assert share_shown(n + 1, under + 1) >= shown >= share_shown(n + 1, under)


def test_sentence_rounds_down() -> None:
    """`at least` must be true: 71.69 % isn't printed as 72 %."""
    assert sentence(9, "under 60 s") == (
        "9 of 9 under 60 s: at least 71.6 % of such failovers at 95 % confidence"
    )


def test_sentence_says_when_nothing_is_shown() -> None:
    """No trials give a sentence that claims nothing."""
    assert "shows nothing" in sentence(0, "under 60 s")
    assert "shows nothing" in sentence(3, "under 60 s", under=0)


@pytest.mark.parametrize(("n", "under"), [(3, 4), (3, -1), (-1, None)])
def test_impossible_counts_are_refused(n: int, under: int | None) -> None:
    """More successes than trials are a bug of the caller."""
    with pytest.raises(ValueError, match="expected 0 <= trials under the limit <= trials"):
        share_shown(n, under)


@pytest.mark.parametrize("share", [0.0, 1.0, -1.0, float("nan")])
def test_certainty_cannot_be_shown(share: float) -> None:
    """No number of trials shows a share of 1."""
    with pytest.raises(ValueError, match="expected share strictly between 0 and 1"):
        minimum_trials(share)
