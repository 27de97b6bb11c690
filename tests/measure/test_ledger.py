"""The ledger finds every broken promise, and nothing in a run that kept them all."""

# ruff: noqa: S311 -- seeded simulation, nothing secret

import random
from collections import Counter
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from readiness.measure.ledger import SAMPLE, Reconciliation, reconcile
from readiness.measure.operation import Op, Outcome

FAULT = 500.0
CLASSES = ["lost", "recovered", "unexpected", "duplicate", "corrupt", "failed", "holes"]


def attempt(seq: int, outcome: Outcome, at: float = 1.0, **changes: object) -> Op:
    """An attempt of 10 ms whose payload's hash tells its number."""
    op = Op("pooled", seq, at, at, at + 0.01, outcome, f"hash-{seq}")
    return replace(op, **changes)  # type: ignore[arg-type]


def row(op: Op) -> tuple[str, str]:
    """The row that the attempt stores."""
    return op.id, op.payload


def clean_run(rng: random.Random, count: int) -> tuple[list[Op], list[tuple[str, str]]]:
    """A run with an outage that kept its promises: unknown outcomes may or may not have landed."""
    kinds = [Outcome.OK] * 8 + [Outcome.INFO, Outcome.FAIL]
    ops = [attempt(seq, rng.choice(kinds), at=seq * 0.01) for seq in range(count)]
    landed = [
        op
        for op in ops
        if op.outcome is Outcome.OK or (op.outcome is Outcome.INFO and rng.random() < 0.5)
    ]
    rng.shuffle(landed)
    return ops, [row(op) for op in landed]


def counts(result: Reconciliation) -> dict[str, int | None]:
    """The number of ids in each class."""
    return {name: getattr(result, name).count for name in CLASSES}


def test_one_lost_write_in_100_000_is_found() -> None:
    """A single acknowledged write that is missing is found and named, wherever it was."""
    ops, final = clean_run(random.Random(0), 100_000)
    victim = next(op for op in ops[70_000:] if op.outcome is Outcome.OK)
    final.remove(row(victim))

    result = reconcile(ops, final, fault_at=FAULT, minimum_acknowledged=1000)

    assert (result.lost.count, result.lost.sample) == (1, (victim.id,))
    assert result.measurement("lost").lower == 1


def test_hundred_clean_runs_raise_no_alarm() -> None:
    """Writes of unknown outcome are never taken for lost or unexpected, landed or not."""
    for seed in range(100):
        ops, final = clean_run(random.Random(seed), 1000)

        result = reconcile(ops, final, fault_at=5.0, minimum_acknowledged=100)

        found = counts(result)
        recovered = found.pop("recovered")
        assert found == dict.fromkeys(found, 0)
        stored = set(final)
        assert recovered == sum(row(op) in stored for op in ops if op.outcome is Outcome.INFO)
        assert result.unknown == ()


OPS = st.lists(st.tuples(st.integers(0, 12), st.sampled_from(Outcome)), max_size=40)
ROWS = st.lists(st.tuples(st.integers(0, 15), st.booleans()), max_size=40)


@given(OPS, ROWS)
def test_classes_are_the_sets_they_are_defined_as(
    tried: list[tuple[int, Outcome]], stored: list[tuple[int, bool]]
) -> None:
    """For any attempts and rows, retries and duplicates included, each class is its set."""
    ops = [attempt(seq, outcome, attempt=n) for n, (seq, outcome) in enumerate(tried, start=1)]
    rows = [(f"pooled/{seq}", f"hash-{seq}" if sound else "x") for seq, sound in stored]
    a = {op.id for op in ops}
    k = {op.id for op in ops if op.outcome is Outcome.OK}
    unfailed = {op.id for op in ops if op.outcome is not Outcome.FAIL}
    f = {key for key, _ in rows}

    found = counts(reconcile(ops, rows, minimum_acknowledged=0))

    assert found["lost"] == len(k - f)
    assert found["recovered"] == len((f & a) - k)
    assert found["unexpected"] == len(f - a)
    assert found["duplicate"] == sum(
        times > 1 for times in Counter(key for key, _ in rows).values()
    )
    assert found["corrupt"] == len({key for key, payload in rows if payload == "x"} & a)
    assert found["failed"] == len((f & a) - unfailed)


def test_loss_and_duplicate_do_not_cancel_out() -> None:
    """As many rows as acknowledgements, and yet one lost and one double."""
    one, two = attempt(1, Outcome.OK), attempt(2, Outcome.OK)

    result = reconcile([one, two], [row(one), row(one)])

    assert (result.lost.sample, result.duplicate.sample) == (("pooled/2",), ("pooled/1",))


def test_without_a_final_read_nothing_is_known() -> None:
    """No final read leaves every class unknown, not empty."""
    result = reconcile([attempt(1, Outcome.OK)], None)

    assert set(counts(result).values()) == {None}
    assert result.final is None
    assert result.unknown == ("no final read",)
    assert result.measurement("lost").upper is None
    assert result.loss_window().value is None


def test_an_empty_final_read_is_total_loss() -> None:
    """A read that found no rows isn't the same as no read."""
    assert reconcile([attempt(1, Outcome.OK)], []).lost.count == 1


def test_too_few_acknowledged_before_the_fault_show_nothing_but_a_loss() -> None:
    """Below the minimum a clean result is unknown, while a finding stands."""
    ops = [attempt(seq, Outcome.OK, at=seq) for seq in range(10)]

    clean = reconcile(ops, [row(op) for op in ops], fault_at=5.0, minimum_acknowledged=6)
    loss = reconcile(ops, [row(op) for op in ops[:9]], fault_at=5.0, minimum_acknowledged=6)

    assert clean.acknowledged_before_fault == 5
    assert clean.lost.count is None
    assert "5 writes acknowledged before the fault, at least 6 expected" in clean.unknown
    assert loss.lost.count == 1


def test_nothing_attempted_shows_nothing() -> None:
    """An empty ledger with an empty table is unknown by default."""
    assert reconcile([], []).lost.count is None


def test_samples_are_bounded_and_counts_are_not() -> None:
    """A disaster is counted whole and named in part."""
    result = reconcile([attempt(seq, Outcome.OK) for seq in range(1000)], [])

    assert result.lost.count == 1000
    assert len(result.lost.sample) == SAMPLE


def test_acknowledged_retry_of_a_failed_write_is_acknowledged() -> None:
    """The same id tried twice is one write; its best outcome counts."""
    tries = [attempt(1, Outcome.INFO), attempt(1, Outcome.OK, at=2.0, attempt=2)]

    assert reconcile(tries, []).lost.count == 1
    assert reconcile(tries, [row(tries[0])]).recovered.count == 0


def timeline_run() -> list[Op]:
    """Ten writes a second apart on timeline 1, then two on timeline 2."""
    old = [attempt(seq, Outcome.OK, at=seq, timeline=1) for seq in range(10)]
    return old + [attempt(seq, Outcome.OK, at=20 + seq, timeline=2) for seq in (10, 11)]


def test_lost_suffix_has_no_hole() -> None:
    """The end of the old timeline lost, the new one kept: asynchronous replication, no hole."""
    ops = timeline_run()
    kept = [row(op) for op in ops if op.seq not in {8, 9}]

    result = reconcile(ops, kept, fault_at=10.0, old_timeline=1)

    assert (result.lost.count, result.holes.count) == (2, 0)


def test_hole_is_found() -> None:
    """A lost write with a later survivor of the same timeline is a hole."""
    ops = timeline_run()
    kept = [row(op) for op in ops if op.seq not in {4, 9}]

    result = reconcile(ops, kept, fault_at=10.0, old_timeline=1)

    assert (result.holes.count, result.holes.sample) == (1, ("pooled/4",))


def test_overlapping_writes_are_no_hole() -> None:
    """Writes in flight together may commit in any order: only precedence in time makes a hole."""
    lost = attempt(1, Outcome.OK, at=1.0, end=2.0, timeline=1)
    survivor = attempt(2, Outcome.OK, at=1.5, end=1.6, timeline=1)

    assert reconcile([lost, survivor], [row(survivor)], old_timeline=1).holes.count == 0


def test_shape_without_timelines() -> None:
    """Survivors acknowledged before the promotion tell the shape; without them it is unknown."""
    ops = [replace(op, timeline=None) for op in timeline_run()]
    kept = [row(op) for op in ops if op.seq not in {4, 9}]

    assert reconcile(ops, kept, promoted_at=12.0).holes.count == 1
    assert reconcile(ops, kept).holes.count is None


def test_loss_as_time() -> None:
    """From the oldest lost acknowledgement to the last before the outage, and its upper bound."""
    ops = timeline_run()
    kept = [row(op) for op in ops if op.seq not in {8, 9}]

    window = reconcile(ops, kept, fault_at=10.0).loss_window()

    assert window.value == pytest.approx(1.0)
    assert window.upper == pytest.approx(10.0 - 7.01)


def test_no_loss_is_reported_with_its_resolution() -> None:
    """Nothing lost is never a bare 0: the time since the last acknowledgement can't be seen."""
    ops = timeline_run()

    window = reconcile(ops, [row(op) for op in ops], fault_at=10.0).loss_window()

    assert window.value == 0
    assert window.upper == pytest.approx(10.0 - 9.01)


def test_digest_covers_ledger_and_rows() -> None:
    """Changing an operation or a row changes the digest behind the figures."""
    op = attempt(1, Outcome.OK)
    digests = {
        reconcile([op], [row(op)]).digest,
        reconcile([replace(op, end=3.0)], [row(op)]).digest,
        reconcile([op], [(op.id, "other")]).digest,
        reconcile([op], []).digest,
        reconcile([op], None).digest,
    }

    assert len(digests) == 5
