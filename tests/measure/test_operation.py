"""The ledger's file says exactly what was tried and answered, even after a crash."""

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from readiness.measure.operation import LedgerError, Op, Outcome, encode, read_ledger

OP = Op("pooled", 3, 1.0, 1.01, 1.02, Outcome.OK, "ab12", backend="198.18.3.1", timeline=4)


@given(
    seq=st.integers(0, 10**9),
    start=st.floats(0, 1e9),
    took=st.none() | st.floats(0, 60),
    payload=st.text(),
)
def test_an_operation_survives_its_line(
    tmp_path_factory: pytest.TempPathFactory,
    seq: int,
    start: float,
    took: float | None,
    payload: str,
) -> None:
    """Writing and reading gives the same operation, times to the last bit."""
    end = None if took is None else start + took
    op = Op("reconnecting", seq, start, start, end, Outcome.INFO, payload, sqlstate="57P03")
    path = tmp_path_factory.mktemp("ledger") / "ledger.jsonl"
    path.write_text(encode(op) + "\n", encoding="utf-8")

    assert read_ledger(path).ops == (op,)


def test_result_replaces_its_intent(tmp_path: Path) -> None:
    """An intent without result is info; with one, the result counts; retries stay apart."""
    intent = Op("pooled", 3, 1.0, 1.01, None, Outcome.INFO, "ab12")
    lonely = Op("pooled", 4, 1.05, 1.06, None, Outcome.INFO, "cd34")
    retry = Op("pooled", 3, 1.0, 2.01, 2.02, Outcome.OK, "ab12", attempt=2)
    path = tmp_path / "ledger.jsonl"
    path.write_text("".join(encode(op) + "\n" for op in (intent, lonely, OP, retry)))

    assert read_ledger(path).ops == (OP, lonely, retry)


@pytest.mark.parametrize("cut", [1, 20, len(encode(OP))])
def test_torn_last_line_is_left_out_and_marked(tmp_path: Path, cut: int) -> None:
    """A crash while appending costs the last line only, and shows."""
    path = tmp_path / "ledger.jsonl"
    path.write_text(encode(OP) + "\n" + encode(OP)[:cut])

    ledger = read_ledger(path)

    assert ledger.ops == (OP,)
    assert ledger.torn == f"{path}:2"


def test_whole_file_is_not_marked(tmp_path: Path) -> None:
    """A file that ends with a line end, or is empty, isn't torn."""
    path = tmp_path / "ledger.jsonl"
    path.write_text("")

    assert read_ledger(path).torn is None
    assert read_ledger(path).ops == ()


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ('"seq":3', '"seq":"3"', "key seq: expected int, found '3'"),
        ('"seq":3', '"seq":true', "key seq: expected int, found True"),
        ('"seq":3,', "", "key seq: expected a value, found none"),
        ('"start":1.01', '"start":NaN', "key start: expected int or float, found nan"),
        ('"outcome":"ok"', '"outcome":"fine"', "'fine' is not a valid Outcome"),
        ('"end":1.02', '"end":0.5', "expected end >= start"),
        ('"end":1.02', '"end":null', "expected an end for outcome ok"),
        ("{", "[{", "expected one JSON object"),
        (encode(OP), "[]", "expected one JSON object"),
        (encode(OP), "\x00", "expected one JSON object"),
    ],
)
def test_broken_line_is_refused_with_its_place(
    tmp_path: Path, old: str, new: str, message: str
) -> None:
    """A whole line that isn't an operation is an error naming file, line, expected and found."""
    path = tmp_path / "ledger.jsonl"
    path.write_text(encode(OP) + "\n" + encode(OP).replace(old, new) + "\n" + encode(OP) + "\n")

    with pytest.raises(LedgerError) as caught:
        read_ledger(path)

    assert str(caught.value).startswith(f"{path}:2: ")
    assert message in str(caught.value)


def test_missing_file_is_refused(tmp_path: Path) -> None:
    """No ledger is an error, never an empty ledger."""
    with pytest.raises(LedgerError, match="expected a readable ledger"):
        read_ledger(tmp_path / "none.jsonl")


def test_keys_of_a_later_writer_are_ignored(tmp_path: Path) -> None:
    """A later version may add keys; what we know keeps its meaning."""
    path = tmp_path / "ledger.jsonl"
    path.write_text(encode(OP).replace("{", '{"mood":"good",', 1) + "\n")

    assert read_ledger(path).ops == (OP,)
