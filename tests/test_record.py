"""The run record under interruption: whatever ends a write, and wherever, the file reads whole."""

import signal
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from types import FrameType
from typing import Any

import pytest

from readiness import durable, record
from readiness.record import RecordWriter, no_collection, read_record
from readiness.redact import Redactor

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
    assert found.events[-1]["how"] == "finished"


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
