"""The pace of the gate: what is due when, at which address, and what became of it.

Open loop: a request is due at a fixed moment whatever became of the ones before, and its time
counts from that moment, so that a server that stands still is seen by every request that was due
meanwhile. Addresses take turns, and every user stays with one, so that a slow one is not spared.
A moment goes to whoever is in the middle of a task, else to who has waited longest to begin one.
"""

import json
import time
from collections import deque
from collections.abc import Iterable, Iterator
from itertools import count, cycle
from typing import Any, Final, TextIO

import gevent
from gevent.event import AsyncResult
from gevent.queue import PriorityQueue
from locust import User
from locust.exception import StopUser

from readiness.drills.journeys import Asked

# The load ends by itself when most of what it asks for fails, and more than is allowed.
ABORT_WINDOW: Final = 5.0
ABORT_LEAST: Final = 20
ABORT_SHARE: Final = 0.5


class Schedule:
    """What is due when, and what became of it. Moments are seconds from the start of the window."""

    def __init__(self, orders: dict[str, Any], output: TextIO) -> None:
        self.orders, self.output = orders, output
        self.offered = round(orders["rate"] * (orders["warm_up"] + orders["duration"]))
        self.started = time.monotonic() + 1
        addresses: list[str] = orders["addresses"]
        self.addresses = addresses
        self.slots = {
            address: self._slots(range(turn, self.offered, len(addresses)))
            for turn, address in enumerate(addresses)
        }
        self.ready = {address: PriorityQueue() for address in addresses}
        self.numbers = count()
        self.turns: dict[type[User], Iterator[str]] = {}
        self.token = ""
        self.shut_out = ""
        self.broken = ""
        self.aborted = ""
        self.asked = 0
        self.recent: deque[tuple[float, bool]] = deque()

    def begin(self) -> None:
        """Have the first request due in a second, and hand out the moments from then on."""
        self.started = time.monotonic() + 1
        for address in self.addresses:
            gevent.spawn(self._hand_out, address)

    def _hand_out(self, address: str) -> None:
        """Give each moment, when it comes, to a user who is ready there; at the end, the news."""
        for when in self.slots[address]:
            if (early := when - self.now) > 0:
                gevent.sleep(early)
            *_, turn = self.ready[address].get()
            turn.set(when)
        while True:
            *_, turn = self.ready[address].get()
            turn.set_exception(StopUser())

    def _slots(self, numbers: Iterable[int]) -> Iterator[float]:
        """The moments at which these requests are due."""
        for number in numbers:
            if self.aborted:
                return
            yield number / self.orders["rate"] - self.orders["warm_up"]

    @property
    def now(self) -> float:
        """Seconds since the window began; negative while it warms up."""
        return time.monotonic() - self.started - float(self.orders["warm_up"])

    def place(self, journey: type[User]) -> str:
        """Each address in turn, for every journey by itself: all are at all addresses."""
        return next(self.turns.setdefault(journey, cycle(self.addresses)))

    def due(self, address: str, *, going: bool) -> float:
        """Wait for a moment at which a request is due there.

        Raises:
            StopUser: nothing more is due.
        """
        turn = AsyncResult()
        self.ready[address].put((not going, next(self.numbers), turn))
        return float(turn.get())

    def note(self, asked: Asked) -> None:
        """Write one request down."""
        done = self.now
        self.asked += 1
        sample = {
            "page": asked.page,
            "address": asked.address,
            "due": round(asked.due, 6),
            "lag": round(asked.sent - asked.due, 6),
            "took": round(done - asked.due, 6),
            "problem": asked.problem,
        }
        self.output.write(json.dumps(sample) + "\n")
        self.recent.append((done, bool(asked.problem)))
        while self.recent[0][0] < done - ABORT_WINDOW:
            self.recent.popleft()
        failed = sum(bad for _, bad in self.recent)
        share = max(ABORT_SHARE, self.orders["failures"] / 100)
        if len(self.recent) >= ABORT_LEAST and failed > share * len(self.recent):
            what = asked.problem or "before"
            self.aborted = f"{failed} of {len(self.recent)} requests failed: {what}"
