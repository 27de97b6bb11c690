"""Asks in several lanes at once, until all is asked or the time is over."""

from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import Future, InvalidStateError, wait
from contextlib import suppress
from dataclasses import dataclass, field
from threading import Event, Thread
from typing import Any

from readiness.model.errors import TimedOut
from readiness.outside.finding import Finding, Weight
from readiness.probes.wire import Deadline


@dataclass(frozen=True)
class Case:
    """One thing that is asked of one place."""

    where: str
    what: str
    """In words, for who is told that there was no time for it."""
    ask: Callable[[], Sequence[Finding]]
    checks: tuple[str, ...] = ()
    """The checks of the gate that it asks, by id."""
    answer: Future[Sequence[Finding]] = field(default_factory=Future)

    @property
    def quiet(self) -> bool:
        """Whether it was asked and there is nothing to say about it."""
        done = self.answer.done() and not self.answer.cancelled()
        return done and not self.answer.result()


@dataclass
class Patience:
    """How long a look may take, in seconds, from when it began."""

    seconds: float
    deadline: Deadline = field(init=False)

    def __post_init__(self) -> None:
        self.deadline = Deadline(self.seconds)

    @property
    def left(self) -> float:
        """Seconds that are left; 0 when the time is over."""
        try:
            return self.deadline.left()
        except TimeoutError:
            return 0.0

    def wait_for(self, what: str, ask: Callable[[], tuple[str, ...]]) -> tuple[str, ...]:
        """An answer that nothing else gives a deadline to.

        Raises:
            TimedOut: it did not come in time.
        """
        answer: Future[tuple[str, ...]] = Future()
        _in_the_background(lambda: _settle(answer, ask))
        wait([answer], self.left)
        if not answer.done():
            raise TimedOut(f"{what}: no answer within {self.seconds:g} s")
        return answer.result()


def ask_all(lanes: Iterable[Sequence[Case]], patience: Patience) -> list[Finding]:
    """What is found in all lanes; the cases of a lane are asked one after the other.

    A case that is not answered when the time is over could not be asked. Whoever still waits for a
    server then holds nothing up: the threads end with the process.
    """
    lanes, over = [list(lane) for lane in lanes], Event()
    for lane in lanes:
        _in_the_background(lambda lane=lane: _go(lane, over))  # type: ignore[misc]
    cases = [case for lane in lanes for case in lane]
    wait([case.answer for case in cases], patience.left)
    over.set()
    found: list[Finding] = []
    for case in cases:
        if case.answer.cancel():  # what comes from now on comes too late
            late = f"{case.what}: no answer within {patience.seconds:g} s"
            remedy = "give it more time by --within"
            found.append(
                Finding(Weight.UNASKED, case.where, late, remedy=remedy, checks=case.checks)
            )
        else:
            found += case.answer.result()
    return found


def _go(lane: list[Case], over: Event) -> None:
    for case in lane:
        if over.is_set():
            return
        _settle(case.answer, case.ask)


def _settle(answer: Future[Any], ask: Callable[[], Any]) -> None:
    """Keep what asking gives, or the mistake that it ended with for who waits to break off with."""
    with suppress(InvalidStateError):  # nobody waits for it any more
        try:
            answer.set_result(ask())
        except InvalidStateError:
            raise
        except Exception as error:  # noqa: BLE001 - raised again where the answer is read
            answer.set_exception(error)


def _in_the_background(act: Callable[[], None]) -> None:
    Thread(target=act, daemon=True).start()
