"""Stretches that no signal cuts short, and what it does at their end."""

import os
import signal
import threading
from collections.abc import Iterator
from types import FrameType
from typing import Any

import pytest

from readiness.drills.disturbance import reconnect
from readiness.model.errors import LimitReached
from readiness.model.interrupts import ENDING, deferred, interrupt
from readiness.systems.answer import Answer


def reach_limit(_number: int, _frame: FrameType | None) -> None:
    """What a case's limit does."""
    raise LimitReached("too long")


@pytest.fixture(autouse=True)
def listening() -> Iterator[None]:
    """Signals end what runs, as in a gate and its pytest."""
    handlers = dict.fromkeys(ENDING, interrupt) | {signal.SIGALRM: reach_limit}
    before = {number: signal.signal(number, handler) for number, handler in handlers.items()}
    yield
    for number, handler in before.items():
        signal.signal(number, handler)


@pytest.mark.parametrize("number", ENDING)
def test_a_signal_waits_for_the_end(number: signal.Signals) -> None:
    """What is inside comes to its end; then the signal does what it always does."""
    done = []

    @deferred()
    def undo() -> None:
        os.kill(os.getpid(), number)
        done.append("all of it")

    with pytest.raises(KeyboardInterrupt):
        undo()
    assert done == ["all of it"]
    with pytest.raises(KeyboardInterrupt):
        os.kill(os.getpid(), number)


def test_a_second_signal_is_dropped_where_the_end_is_served_already() -> None:
    """Who asks ten times gets what who asks once gets."""
    with deferred(ENDING, dropped=True):
        for number in ENDING * 3:
            os.kill(os.getpid(), number)
    with pytest.raises(KeyboardInterrupt):
        os.kill(os.getpid(), signal.SIGTERM)


def test_an_error_inside_comes_out() -> None:
    """It is not lost behind the signal's."""

    @deferred()
    def undo() -> None:
        os.kill(os.getpid(), signal.SIGINT)
        raise OSError("not put back")

    with pytest.raises(KeyboardInterrupt) as raised:
        undo()
    assert isinstance(raised.value.__context__, OSError)


def test_another_thread_is_left_alone() -> None:
    """Python hands signals to the main thread only, and only there they can be waited with."""
    done = []

    def work() -> None:
        with deferred():
            done.append("worked")

    thread = threading.Thread(target=work)
    thread.start()
    thread.join()
    assert done == ["worked"]


class Machine:
    """A machine that is cut off; a signal comes with each command that is sent to it."""

    name = "db1"

    def __init__(self, number: signal.Signals) -> None:
        self.number = number
        self.tables = {"readiness_1"}
        self.sent: list[str] = []

    def run(self, argv: list[str], **_: Any) -> Answer:
        """Send a command."""
        self.sent.append(" ".join(argv))
        os.kill(os.getpid(), self.number)
        if "delete" in argv:
            self.tables.clear()
        listed = "".join(f"table inet {one}\n" for one in self.tables)
        return Answer(0, listed.encode() if "list" in argv else b"", b"")


@pytest.mark.parametrize(
    ("number", "raises"),
    [(signal.SIGALRM, LimitReached), (signal.SIGINT, KeyboardInterrupt)],
)
def test_b2_no_limit_leaves_a_machine_cut_off(
    number: signal.Signals, raises: type[BaseException]
) -> None:
    """Undo that has begun is whole, and proven, before the limit or a signal takes effect."""
    machine = Machine(number)
    with pytest.raises(raises):
        reconnect(machine, "readiness_1")  # type: ignore[arg-type]
    assert machine.tables == set()
    assert "stop" in machine.sent[-1]
