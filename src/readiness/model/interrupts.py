"""Signals: which of them end a run like Ctrl-C, and stretches that none of them may cut short.

Whoever starts a program with `&` in a script, or with nohup, has it ignore SIGINT or SIGHUP, and
a program hands that on to every program that it starts. A gate ignores them then, as it was told;
what it starts must not, or nothing but a kill could end it.
"""

import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType
from typing import Final

ENDING: Final = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
# How long what was begun may take to be undone: an SSH command has an end after 30 s by itself.
UNWINDING: Final = 90.0


def interrupt(_number: int, _frame: FrameType | None) -> None:
    """End like Ctrl-C, so that what was put up is taken down."""
    raise KeyboardInterrupt


def listen() -> None:
    """Have SIGTERM and SIGHUP end this program like Ctrl-C, but for what it was told to ignore."""
    for number in (signal.SIGTERM, signal.SIGHUP):
        if signal.getsignal(number) is not signal.SIG_IGN:
            signal.signal(number, interrupt)


def stop_listening() -> None:
    """What was to be done is done: a signal that comes late does not cut its last line short."""
    for number in ENDING:
        signal.signal(number, signal.SIG_IGN)


def ignored_by_nobody_else() -> None:
    """Go on ignoring what this program was told to ignore; what it starts begins afresh."""
    for number in ENDING:
        if signal.getsignal(number) is signal.SIG_IGN:
            signal.signal(number, _nothing)


def _nothing(_number: int, _frame: FrameType | None) -> None:
    """A handler is not handed on to the programs that are started, unlike an ignored signal."""


@contextmanager
def deferred(
    numbers: tuple[signal.Signals, ...] = (*ENDING, signal.SIGALRM), *, dropped: bool = False
) -> Iterator[None]:
    """Let nothing cut short what is inside; what came meanwhile takes effect at its end.

    Args:
        numbers: the signals.
        dropped: what comes meanwhile asks for what is being done already, and is forgotten.
    """
    if threading.current_thread() is not threading.main_thread():
        # Python raises out of a signal's handler in the main thread only.
        yield
        return
    came: list[int] = []
    before = {number: signal.getsignal(number) for number in numbers}

    def note(number: int, _frame: FrameType | None) -> None:
        came.append(number)

    for number in numbers:
        signal.signal(number, note)
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, signal.SIG_DFL if handler is None else handler)
        for each in () if dropped else dict.fromkeys(came):
            signal.raise_signal(each)
