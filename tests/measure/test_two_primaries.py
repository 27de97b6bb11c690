"""Two primaries at once are found, ruled out, or admitted to be unknown."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from readiness.measure.clock import SAME_CLOCK, OffsetBound
from readiness.measure.operation import Op, Outcome
from readiness.measure.two_primaries import Overlap, decide_overlap, decide_stayed

FIRST = Op("pooled", 7, 100.0, 100.0, 100.1, Outcome.OK, "")
"""The new primary's first acknowledged commit, on our clock."""


def local(*attempts: tuple[float, Outcome]) -> list[Op]:
    """The victim's log: attempts of 10 ms that end at the given times."""
    return [
        Op("victim", seq, end - 0.01, end - 0.01, end, outcome, "")
        for seq, (end, outcome) in enumerate(attempts)
    ]


OK, FAIL, INFO = Outcome.OK, Outcome.FAIL, Outcome.INFO


def test_clean_handover() -> None:
    """All acknowledged before, and the writer kept being refused after: no overlap."""
    log = local((90.0, OK), (91.0, INFO), (99.0, FAIL), (101.0, FAIL))

    assert decide_overlap(log, FIRST, SAME_CLOCK).overlap is Overlap.NO


def test_acknowledged_after_the_new_primary() -> None:
    """One commit acknowledged after the new primary's first is an overlap, and is named."""
    decision = decide_overlap(local((90.0, OK), (100.5, OK), (101, FAIL)), FIRST, SAME_CLOCK)

    assert decision.overlap is Overlap.YES
    assert (decision.offending, decision.sample) == (1, ("victim/1",))


def test_clocks_too_coarse_to_tell() -> None:
    """A last commit within the clock's error of the new first can't be ordered."""
    coarse = OffsetBound(-3.0, 3.0, steady=True)

    decision = decide_overlap(local((98.0, OK), (110.0, FAIL)), FIRST, coarse)

    assert decision.overlap is Overlap.UNKNOWN
    assert decision.sample == ("victim/0",)


def test_offset_is_applied() -> None:
    """Readings of a clock that is an hour ahead are brought onto ours first."""
    ahead = OffsetBound(3600.0, 3600.2, steady=True)

    assert decide_overlap(local((3690, OK), (3702, FAIL)), FIRST, ahead).overlap is Overlap.NO
    assert decide_overlap(local((3701, OK)), FIRST, ahead).overlap is Overlap.YES


@pytest.mark.parametrize(
    ("log", "first", "offset", "reason"),
    [
        (None, FIRST, SAME_CLOCK, "no log"),
        ([], FIRST, SAME_CLOCK, "never had a commit acknowledged"),
        (local((90, FAIL), (101, FAIL)), FIRST, SAME_CLOCK, "never had a commit acknowledged"),
        (local((90, OK), (101, FAIL)), None, SAME_CLOCK, "no commit acknowledged by a new"),
        (local((90, OK)), FIRST, SAME_CLOCK, "stopped trying"),
        (local((101, OK)), FIRST, OffsetBound(0, 0, steady=False), "drifted or stepped"),
    ],
    ids=["no-log", "empty-log", "never-worked", "no-promotion", "died-early", "clock-stepped"],
)
def test_missing_evidence_is_unknown(
    log: list[Op] | None, first: Op | None, offset: OffsetBound, reason: str
) -> None:
    """Without a log, a promotion, a living writer or a steady clock there is no decision."""
    decision = decide_overlap(log, first, offset)

    assert decision.overlap is Overlap.UNKNOWN
    assert reason in decision.reason


@given(
    last=st.floats(80, 120),
    theta=st.floats(-50, 50),
    error=st.floats(0, 5),
    lie=st.floats(-1, 1),
)
def test_decision_is_never_wrong(last: float, theta: float, error: float, lie: float) -> None:
    """With the true offset anywhere in its bounds, yes and no are only said when true."""
    truth = theta + lie * error
    log = local((last + truth, OK), (200 + truth, FAIL))
    offset = OffsetBound(theta - error - 1e-6, theta + error + 1e-6, steady=True)

    decision = decide_overlap(log, FIRST, offset)

    if decision.overlap is Overlap.YES:
        assert last > FIRST.start
    if decision.overlap is Overlap.NO:
        assert FIRST.end is not None
        assert last < FIRST.end


def answered(*servers: str | None) -> list[Op]:
    """Writes of clients, each acknowledged by the server of that address."""
    return [
        Op("pooled", seq, seq, seq, seq + 0.1, OK, "", backend=server)
        for seq, server in enumerate(servers)
    ]


@pytest.mark.parametrize(
    ("ops", "overlap"),
    [
        (answered("192.0.2.1", "192.0.2.1"), Overlap.NO),
        (answered("192.0.2.1", "192.0.2.2"), Overlap.UNKNOWN),
        (answered("192.0.2.1", None), Overlap.UNKNOWN),
        ([], Overlap.UNKNOWN),
    ],
)
def test_a_primary_that_stayed(ops: list[Op], overlap: Overlap) -> None:
    """Nobody was promoted: no second writer where the primary alone acknowledged every write."""
    assert decide_stayed(ops, ("192.0.2.1",)).overlap is overlap
