"""Claims: only a definite yes is one, whatever Python itself would say of the comparison."""

from datetime import UTC, datetime

import pytest

from readiness.evidence.claim import Answer, Fact, holds, plain
from readiness.measure.measurement import Measurement, digest_of

NAN = float("nan")
SPAN = Measurement("outage", 1.0, 1.0, 2.0, "s", 0.1, 3, digest_of(()))


def claimed(value: object, relation: str, limit: object, *, empty_is_fine: bool = False) -> Answer:
    """The answer to one claim."""
    fact = Fact("it", value, "box", (1,))
    return holds(fact, relation, limit, empty_is_fine=empty_is_fine).answer


@pytest.mark.parametrize("relation", ["==", "!=", "<", "<=", ">", ">="])
@pytest.mark.parametrize(("value", "limit"), [(NAN, 1), (1, NAN), (None, 1), (1, None)])
def test_no_number_is_no_answer(value: object, relation: str, limit: object) -> None:
    """What is not a number differs from everything, and that shows nothing."""
    assert claimed(value, relation, limit) is Answer.UNKNOWN


def test_a_measurement_against_no_number_is_no_answer() -> None:
    """Nor does an interval stand in any relation to it."""
    assert claimed(SPAN, "<=", NAN) is Answer.UNKNOWN


@pytest.mark.parametrize(
    ("value", "relation", "limit"),
    [
        *(((), "within", ("a",)), ((), "without", ("a",)), ((), "includes", ())),
        *((("a",), "includes", ()), (("a",), "without", ()), ("a", "not in", ())),
    ],
)
def test_nothing_compared_is_no_answer(value: object, relation: str, limit: object) -> None:
    """An empty set satisfies these; only who says that it is a finding gets a yes."""
    assert claimed(value, relation, limit) is Answer.UNKNOWN
    assert claimed(value, relation, limit, empty_is_fine=True) is Answer.YES


@pytest.mark.parametrize(
    ("value", "relation", "limit"),
    [
        *(("", "in", "abc"), ("x", "not in", "abc"), ("abc", "within", ["a", "b", "c"])),
        *((["a"], "includes", ""), (iter(()), "within", ["a"]), (["a"], "without", iter("a"))),
        *(("10.0", "<", "9.0"), ("10.0", "<=", "9.0"), ("9", ">", "10"), ("9", ">=", 10)),
    ],
)
def test_what_can_not_be_compared_is_refused(value: object, relation: str, limit: object) -> None:
    """Letters of a text, an order of texts, and what can be read only once: a broken check."""
    with pytest.raises(TypeError):
        claimed(value, relation, limit)


@pytest.mark.parametrize(("value", "limit"), [([], ()), ((), []), (["a"], ("a",))])
def test_a_list_equals_the_tuple_of_its_entries(value: object, limit: object) -> None:
    """A reading holds one or the other by chance; "expected none, found none" is not red."""
    assert claimed(value, "==", limit) is Answer.YES
    assert claimed(value, "!=", limit) is Answer.NO


def test_a_list_is_found_among_lists() -> None:
    """What is one of several sets of names is compared as it is."""
    assert claimed(["edge1"], "in", [["edge1"], ["edge2"]]) is Answer.YES


def test_an_end_needs_its_time_zone() -> None:
    """Judged elsewhere it would be another moment."""
    fact = Fact("it", 1, "box", (1,))
    assert holds(fact, "==", 1, until=datetime(2999, 1, 1, tzinfo=UTC))
    with pytest.raises(ValueError, match="time zone"):
        holds(fact, "==", 1, until=datetime(2999, 1, 1))  # noqa: DTZ001 - that is the mistake


def test_what_json_has_no_number_for_is_recorded_in_words() -> None:
    """A line of the record is JSON for every reader."""
    assert plain([NAN, float("inf"), 1.5]) == ["nan", "inf", 1.5]
