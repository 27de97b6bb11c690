"""A measurement can't contradict itself and never stands for more than it knows."""

import math
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from readiness.measure.measurement import Measurement, digest_of

NOTHING = digest_of([])


def measurement(**changes: Any) -> Measurement:
    """A plain measurement with some fields replaced."""
    fields: dict[str, Any] = {
        "name": "outage",
        "value": 2.0,
        "lower": 1.0,
        "upper": 3.0,
        "unit": "s",
        "resolution": 0.1,
        "n": 9,
        "digest": NOTHING,
    }
    return Measurement(**{**fields, **changes})


@given(st.lists(st.none() | st.floats(-1e9, 1e9), min_size=3, max_size=3))
def test_bounds_that_are_known_must_be_in_order(numbers: list[float | None]) -> None:
    """Exactly the figures whose known numbers ascend from lower over value to upper exist."""
    lower, value, upper = numbers
    known = [number for number in numbers if number is not None]

    if known == sorted(known):
        assert measurement(lower=lower, value=value, upper=upper).value == value
    else:
        with pytest.raises(ValueError, match="expected lower <= value <= upper"):
            measurement(lower=lower, value=value, upper=upper)


@pytest.mark.parametrize("field", ["value", "lower", "upper", "resolution"])
@pytest.mark.parametrize("number", [math.nan, math.inf, -math.inf])
def test_numbers_must_be_finite(field: str, number: float) -> None:
    """Not known is None; infinity and NaN compare in ways that could turn a claim green."""
    with pytest.raises(ValueError, match=f"expected {field} to be finite or None"):
        measurement(**{field: number})


@pytest.mark.parametrize("wrong", ["3", True])
def test_numbers_must_be_numbers(wrong: object) -> None:
    """A string or a boolean in a figure's place is refused."""
    with pytest.raises(TypeError, match="expected upper to be a number or None"):
        measurement(upper=wrong)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"resolution": -0.1}, "expected resolution >= 0"),
        ({"n": -1}, "expected n to be a count"),
        ({"n": True}, "expected n to be a count"),
        ({"digest": ""}, "expected a SHA-256"),
        ({"digest": NOTHING.upper()}, "expected a SHA-256"),
        ({"digest": NOTHING + "\n"}, "expected a SHA-256"),
    ],
)
def test_other_fields_are_checked(changes: dict[str, Any], message: str) -> None:
    """Resolution, count and digest are refused when they can't be what they say."""
    with pytest.raises(ValueError, match=message):
        measurement(**changes)


def test_digest_tells_lines_from_their_concatenation() -> None:
    """Moving a line break changes the digest."""
    assert digest_of(["ab", "c"]) != digest_of(["a", "bc"])
