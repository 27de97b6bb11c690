"""The run record under interruption: whatever ends a write, and wherever, the file reads whole."""

import json
import signal
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from datetime import datetime
from pathlib import Path
from types import FrameType
from typing import Any

import pytest

from readiness.evidence import durable, record
from readiness.evidence.record import RecordWriter, no_collection, read_record
from readiness.evidence.redact import Redactor
from readiness.evidence.steps import Claimed

INTERRUPTED = 1_000
OPENING = {"schema": 1, "run": "mini-1", "number": 1, "environment": {"name": "mini"}}
OURS = frozenset({record.__file__, durable.__file__})


class Stopped(BaseException):
    """What a signal's handler raises here."""


@contextmanager
def opened(folder: Path) -> Iterator[RecordWriter]:
    """A record with its opening and one event."""
    path = folder / "record.jsonl"
    path.unlink(missing_ok=True)
    with RecordWriter(path, Redactor()) as writer:
        writer.write("run-opened", **OPENING)
        writer.write("step", text="before")
        yield writer


class Interruption:
    """Raises before the n-th instruction that is run in the record's own code."""

    def __init__(self, at: int) -> None:
        self.left = at

    def __call__(self, frame: FrameType, event: str, _argument: Any) -> "Interruption | None":
        """A tracing function: once for each call, and then for each instruction in it."""
        if frame.f_code.co_filename not in OURS:
            return None
        frame.f_trace_lines, frame.f_trace_opcodes = False, True
        if event == "opcode":
            self.left -= 1
            if self.left == 0:
                raise Stopped
        return self


def test_c1_no_instruction_of_a_write_is_a_bad_moment(tmp_path: Path) -> None:
    """A write is interrupted before its first instruction, its second, …; its last is found."""
    tried = 0
    while True:
        tried += 1
        with opened(tmp_path) as writer:
            interruption = Interruption(tried)
            before = sys.gettrace()
            try:
                sys.settrace(interruption)
                writer.write("step", text="interrupted")
            except Stopped:
                pass
            finally:
                sys.settrace(before)
            writer.write("step", text="after")
        found = read_record(tmp_path)
        texts = [one["text"] for one in found.of("step")]
        assert texts in (["before", "after"], ["before", "interrupted", "after"])
        assert not found.torn
        if interruption.left > 0:
            break
    assert tried > 100


def test_c1_a_thousand_interrupted_writes_are_readable(tmp_path: Path) -> None:
    """Real signals, each at another moment: 1,000 writes are cut short, and the record is whole."""
    cut = written = 0

    def ring(_number: int, _frame: FrameType | None) -> None:
        raise Stopped

    path = tmp_path / "record.jsonl"
    before = signal.signal(signal.SIGALRM, ring)
    try:
        # Hypothesis, once imported, is called at every collection, where the signal would be lost.
        with no_collection(), RecordWriter(path, Redactor()) as writer:
            writer.write("run-opened", **OPENING)
            begun = time.perf_counter()
            writer.write("plan", text="how long one takes")
            span = time.perf_counter() - begun
            while cut < INTERRUPTED:
                moment = span * (written % 97 + 1) / 97
                written += 1
                try:
                    signal.setitimer(signal.ITIMER_REAL, moment)
                    writer.write("step" if written % 3 else "undo-played", text=str(written))
                    signal.setitimer(signal.ITIMER_REAL, 0)
                except Stopped:
                    cut += 1
                else:
                    with suppress(Stopped):
                        signal.setitimer(signal.ITIMER_REAL, 0)
            writer.write("run-closed", how="finished")
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)
    found = read_record(tmp_path)
    texts = [int(one["text"]) for one in found.of("step", "undo-played")]
    assert not found.torn
    assert texts == sorted(set(texts))
    assert found.others[-1]["how"] == "finished"


@pytest.mark.parametrize("left", [b"", b"torn", b'{"n":2,"kind":"step"}'])
def test_c1_what_another_wrote_behind_our_back_is_counted(tmp_path: Path, left: bytes) -> None:
    """A writer goes on from the end of the file, also behind a line that was never finished."""
    with opened(tmp_path) as writer:
        with RecordWriter(writer.path, Redactor()) as other:
            other.write("step", text="of another")
        with writer.path.open("ab") as file:
            file.write(left)
        writer.write("step", text="after")
    found = read_record(tmp_path)
    assert [one["text"] for one in found.of("step")] == ["before", "of another", "after"]
    assert found.torn == bool(left)


CLAIM: dict[str, Any] = {
    "case": "TLS-001|a", "subject": "a", "name": "days left", "observed": 61, "relation": ">=",
    "limit": 14, "answer": "yes", "reason": "a: expected days left at least 14, found 61",
    "rests_on": [1], "until": None,
}  # fmt: skip
ENDS = "2026-12-31T00:00:00+00:00"


def kinds(folder: Path) -> list[str]:
    """The kinds of a record's lines, in order, without its opening."""
    lines = (folder / "record.jsonl").read_text().splitlines()
    return [str(json.loads(line)["kind"]) for line in lines[2:]]


def test_claims_that_hold_share_a_line(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """About one subject, by the same observations; they are in the file before the next event."""
    monkeypatch.setattr(record, "TOGETHER", float("inf"))
    with opened(tmp_path) as writer:
        writer.write("claim", **CLAIM)
        writer.write("claim", **CLAIM | {"name": "n", "reason": "in other words", "until": ENDS})
        writer.write("claim", **CLAIM | {"rests_on": [1, 0]})
        writer.write("claim", **CLAIM | {"subject": "b"})
        writer.write("step", text="next")
        writer.write("claim", **CLAIM | {"case": "TLS-002|a"})
    assert kinds(tmp_path) == ["claims", "claims", "claims", "step", "claims"]
    found = read_record(tmp_path).steps(Claimed)
    assert [one.n for one in found] == [2, 2, 3, 4, 6]
    first, second, *_ = found
    assert {key: getattr(first, key) for key in CLAIM} == CLAIM | {"rests_on": (1,)}
    assert (second.reason, second.until) == ("in other words", datetime.fromisoformat(ENDS))


def test_claims_apart_in_time_have_their_own_moments(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """One that comes later than the line's first allows begins a line."""
    monkeypatch.setattr(record, "TOGETHER", 0.0)
    with opened(tmp_path) as writer:
        writer.write("claim", **CLAIM)
        writer.write("claim", **CLAIM)
    assert kinds(tmp_path) == ["claims", "claims"]


@pytest.mark.parametrize("other", [{"answer": "no"}, {"answer": "unknown"}, {"critical": True}])
def test_what_speaks_against_is_written_at_once(tmp_path: Path, other: dict[str, object]) -> None:
    """It stands after what held before it, in a line of its own, and nothing follows it there."""
    with opened(tmp_path) as writer:
        writer.write("claim", **CLAIM)
        number = writer.write("claim", **CLAIM | other)
        assert kinds(tmp_path) == ["claims", "claim"]
        writer.write("claim", **CLAIM)
    assert kinds(tmp_path) == ["claims", "claim", "claims"]
    assert [one.n for one in read_record(tmp_path).steps(Claimed)] == [2, number, 4]


def test_no_instruction_of_a_claim_is_a_bad_moment(tmp_path: Path) -> None:
    """Whatever ends the writing of claims, each that was made is there, and the chain is whole."""
    tried, left = 0, 0
    while left <= 0:
        tried += 1
        with opened(tmp_path) as writer:
            writer.write("claim", **CLAIM)
            interruption, before = Interruption(tried), sys.gettrace()
            with suppress(Stopped):
                try:
                    sys.settrace(interruption)
                    writer.write("claim", **CLAIM | {"subject": "b"})
                finally:
                    sys.settrace(before)
        found = read_record(tmp_path)
        assert {"a"} <= {one.subject for one in found.steps(Claimed)} <= {"a", "b"}
        assert not found.torn
        left = interruption.left
    assert tried > 100
