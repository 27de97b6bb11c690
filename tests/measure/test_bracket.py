"""The outage bracket holds the truth, whatever clients meet and however the generator stumbles."""

# ruff: noqa: S311 -- seeded simulation, nothing secret

import random
import statistics
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st
from outage_simulator import (
    CADENCE,
    TIMEOUT,
    Behaviour,
    Truth,
    random_standstills,
    simulate,
)

from readiness.measure.bracket import Rules, bracket, bracket_group
from readiness.measure.operation import Op, Outcome
from readiness.measure.outage import Series, worst

RULES = Rules(cadence=CADENCE, slow=0.25, stable_run=20, stable_seconds=3.0, maximum_late=0.01)
BEFORE, AFTER = 3.0, 8.0


def one_outage(seed: int, *, stumbling: bool) -> tuple[Truth, Series]:
    """An outage of 0.3 to 40 s met by clients of one behaviour or of all three."""
    rng = random.Random(seed)
    begins = BEFORE + rng.random()
    truth = Truth(begins, begins + 0.3 * (40 / 0.3) ** rng.random())
    until = truth.ends + AFTER
    standstills = random_standstills(rng, until, rng.randint(0, 4)) if stumbling else []
    if stumbling and rng.random() < 0.3:
        edge = rng.choice([truth.begins, truth.ends]) - rng.uniform(0, 0.5)
        standstills.append((edge, edge + rng.uniform(0.05, 1.0)))
    behaviours = [[b] for b in Behaviour] + [list(Behaviour)]
    ops = simulate(rng, truth, behaviours[seed % 4], standstills, until)
    return truth, bracket_group("clients", ops, RULES)


def excess(truth: Truth, series: Series) -> float:
    """By how much the tightest outage that holds the truth exceeds it; fails when none does."""
    holding = [
        outage.upper - truth.length
        for outage in series.outages
        if outage.begins is not None
        and outage.ends is not None
        and outage.upper is not None
        and outage.begins <= truth.begins
        and truth.ends <= outage.ends
        and outage.lower <= truth.length <= outage.upper
    ]

    assert holding, f"no outage holds {truth}: {series.outages}"
    return min(holding)


@pytest.mark.parametrize("stumbling", [False, True], ids=["steady", "stumbling"])
def test_thousand_outages_lie_inside_their_brackets(*, stumbling: bool) -> None:
    """In 1,000 outages of known length the truth is inside, and the median excess <= 0.15 s."""
    excesses = [excess(*one_outage(seed, stumbling=stumbling)) for seed in range(1000)]

    assert len(excesses) == 1000
    assert statistics.median(excesses) <= 0.15


@pytest.mark.parametrize("behaviour", Behaviour, ids=lambda b: b.name.lower())
def test_steady_clients_bracket_tightly(behaviour: Behaviour) -> None:
    """Without standstills no upper bound exceeds the truth by more than 2 c + 2 latencies."""
    for seed in range(60):
        rng = random.Random(seed)
        truth = Truth(BEFORE, BEFORE + rng.uniform(0.5, 10))
        ops = simulate(rng, truth, [behaviour], [], truth.ends + AFTER)

        assert excess(truth, bracket_group("clients", ops, RULES)) <= 2 * CADENCE + 2 * 0.03


@given(seed=st.integers(0, 2**32))
def test_healthy_and_steady_run_shows_no_outage(seed: int) -> None:
    """Without outage and standstill nothing is found, and the claim is the resolution, not 0."""
    ops = simulate(random.Random(seed), None, list(Behaviour), [], 6.0)

    series = bracket_group("clients", ops, RULES)

    assert series.outages == ()
    assert series.late == 0
    longest = series.longest()
    assert longest.lower == 0
    assert longest.upper is not None
    assert 0 < longest.upper <= 2 * CADENCE


def test_standstill_alone_is_blind_not_down() -> None:
    """A generator that stood still has lower 0, may hide an outage, and too often shows nothing."""
    ops = simulate(random.Random(1), None, list(Behaviour), [(2.0, 3.0)], 6.0)

    series = bracket_group("clients", ops, RULES)

    (outage,) = series.outages
    assert outage.blind
    assert outage.lower == 0
    assert outage.upper is not None
    assert 1.0 <= outage.upper <= 1.2
    assert series.late_ratio > RULES.maximum_late
    assert not series.usable
    assert series.longest().upper is None
    assert series.longest().lower == 0


def test_outage_hidden_in_a_standstill_is_inside_a_blind_one() -> None:
    """An outage that no attempt met is still held by the bracket of the standstill."""
    truth = Truth(2.2, 2.8)
    ops = simulate(random.Random(1), truth, [Behaviour.REFUSED], [(2.0, 3.0)], 8.0)

    assert excess(truth, bracket_group("clients", ops, RULES)) < 0.6


def schedule(outcomes: str, *, first: float = 0.0) -> list[Op]:
    """One attempt a cadence: `.` ok, `x` refused, `?` hung to the time-out, `_` never answered."""
    ends: dict[str, tuple[float | None, Outcome]] = {
        ".": (0.01, Outcome.OK),
        "x": (0.01, Outcome.FAIL),
        "?": (TIMEOUT, Outcome.INFO),
        "_": (None, Outcome.INFO),
    }
    ops = []
    for seq, kind in enumerate(outcomes):
        took, outcome = ends[kind]
        at = first + seq * CADENCE
        end = None if took is None else at + took
        ops.append(Op("clients", seq, at, at, end, outcome, ""))
    return ops


UP = "." * 80  # longer than a stable run


def test_never_recovered_has_no_upper_bound() -> None:
    """An outage without an ok after it is open: lower known, upper not."""
    (outage,) = bracket_group("clients", schedule(UP + "x" * 40), RULES).outages

    assert outage.ends is None
    assert outage.upper is None
    assert outage.lower == pytest.approx(39 * CADENCE - 0.01)


def test_never_up_before_has_no_upper_bound() -> None:
    """An outage without an ok before it may have begun at any time."""
    series = bracket_group("clients", schedule("x" * 40 + UP), RULES)

    (outage,) = series.outages
    assert outage.begins is None
    assert outage.recovered
    assert series.longest().upper is None
    assert series.longest().lower == pytest.approx(39 * CADENCE - 0.01)


def test_never_ok_at_all() -> None:
    """Clients that were never served have one open outage."""
    (outage,) = bracket_group("clients", schedule("x" * 40), RULES).outages

    assert (outage.begins, outage.ends) == (None, None)


def test_no_attempts_show_nothing() -> None:
    """An empty series is unknown in every figure."""
    measurement = bracket_group("clients", [], RULES).longest()

    assert (measurement.value, measurement.lower, measurement.upper) == (None, None, None)


def test_recovery_too_short_to_be_stable_stays_open() -> None:
    """A run of ok shorter than the rule's isn't a recovery."""
    (outage,) = bracket_group("clients", schedule(UP + "xx" + "." * 30), RULES).outages

    assert not outage.recovered
    assert outage.upper is None


def test_flap_reopens_the_same_outage() -> None:
    """Failures before a stable run belong to the outage before; sum and span differ."""
    series = bracket_group("clients", schedule(UP + "x" * 20 + "." * 20 + "x" * 20 + UP), RULES)

    (outage,) = series.outages
    assert len(outage.parts) == 2
    assert outage.upper == pytest.approx(61 * CADENCE + 0.01)
    assert outage.lower == pytest.approx(59 * CADENCE - 0.01)
    total = series.total()
    assert total.upper == pytest.approx(2 * (21 * CADENCE + 0.01))
    assert total.lower == pytest.approx(2 * (19 * CADENCE - 0.01))


def test_ok_overtaking_a_hung_attempt_does_not_split_the_outage() -> None:
    """An ok sent after an attempt that hangs may have been served before it: no proof of an up."""
    ops = schedule(UP + "?" * 60 + UP)
    first_hung = ops[len(UP)]
    at = first_hung.start + 0.005
    overtaking = Op("clients", 999, at, at, at + 0.001, Outcome.OK, "")

    plain = bracket_group("clients", ops, RULES).outages
    overtaken = bracket_group("clients", [*ops, overtaking], RULES).outages

    assert [len(outage.parts) for outage in overtaken] == [1]
    assert overtaken[0].upper == plain[0].upper


def test_outages_apart_are_counted_apart() -> None:
    """A stable run ends an outage: two outages have a longest, a sum and a span."""
    series = bracket_group("clients", schedule(UP + "x" * 20 + UP + "x" * 10 + UP), RULES)

    assert len(series.outages) == 2
    assert series.longest().upper == pytest.approx(21 * CADENCE + 0.01)
    assert series.total().upper == pytest.approx(32 * CADENCE + 0.02)
    assert series.span().upper == pytest.approx((21 + 80 + 10) * CADENCE + 0.01)


def test_unanswered_attempts_are_failures() -> None:
    """An attempt whose runner died before an answer witnesses like a hung one."""
    hung = bracket_group("clients", schedule(UP + "?" * 60 + UP), RULES).outages
    unanswered = bracket_group("clients", schedule(UP + "_" * 60 + UP), RULES).outages

    assert [(o.begins, o.ends, o.lower) for o in hung] == [
        (o.begins, o.ends, o.lower) for o in unanswered
    ]


def test_groups_recover_apart_and_the_slowest_counts() -> None:
    """Each client group has its own outages; the worst bound of all is judged."""
    quick = schedule(UP + "x" * 10 + UP * 2)
    slow = [
        Op("pooled", op.seq, op.intended, op.start, op.end, op.outcome, "")
        for op in schedule(UP + "?" * 60 + UP)
    ]

    series = bracket([*quick, *slow], RULES)

    assert list(series) == ["clients", "pooled"]
    figures = [each.longest() for each in series.values()]
    assert worst(figures, "outage").upper == figures[1].upper
    assert worst(figures, "outage").n == len(quick) + len(slow)


def test_missing_bound_is_missing_in_the_worst() -> None:
    """One group still down leaves the worst without upper bound."""
    figures = [
        bracket_group("clients", schedule(UP + "xx" + UP), RULES).longest(),
        bracket_group("clients", schedule(UP + "xx"), RULES).longest(),
    ]

    assert worst(figures, "outage").upper is None


def test_worst_of_nothing_is_refused() -> None:
    """An empty set has no worst: it must not pass for a figure."""
    with pytest.raises(ValueError, match="expected measurements of one unit"):
        worst([], "outage")


@given(st.text(alphabet=".x?_", min_size=1, max_size=200))
def test_bounds_are_ordered_for_any_series(outcomes: str) -> None:
    """Whatever happened: lower <= upper, outages in order, failures never without an outage."""
    series = bracket_group("clients", schedule(outcomes), RULES)

    for outage in series.outages:
        assert outage.upper is None or 0 <= outage.lower <= outage.upper
    for one, other in pairwise(series.outages):
        assert one.ends is not None
        assert other.begins is not None
        assert one.begins is None or one.begins <= other.begins
    assert bool(series.outages) == bool(set(outcomes) - {"."})
    assert series.total().n == len(outcomes)


@given(st.text(alphabet=".x?", min_size=2, max_size=120), st.randoms(use_true_random=False))
def test_order_of_attempts_in_the_ledger_is_irrelevant(outcomes: str, rng: random.Random) -> None:
    """Attempts are logged as they end; the result depends on their times alone."""
    ops = schedule(outcomes)
    shuffled = ops[:]
    rng.shuffle(shuffled)

    assert bracket_group("clients", shuffled, RULES) == bracket_group("clients", ops, RULES)


@pytest.mark.parametrize(
    "wrong",
    [{"cadence": 0.0}, {"slow": 0.09}, {"stable_run": 0}, {"maximum_late": 1.5}],
    ids=str,
)
def test_rules_under_which_nothing_holds_are_refused(wrong: dict[str, float]) -> None:
    """A bracket under senseless rules would be a number without meaning."""
    with pytest.raises(ValueError, match="expected"):
        Rules(**wrong)  # type: ignore[arg-type]
