"""Users of a listener while something is disturbed: pages that they ask for, and what they write.

Each request is due on a fixed schedule and has a connection of its own: none waits for the one
before, and none profits from a connection that is still open. What was written is read in the end.
"""

import hashlib
import json
import os
import random
import threading
import time
from collections.abc import Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from readiness.drills.asked import asked, header_of
from readiness.measure.bracket import Rules
from readiness.measure.operation import Op, Outcome, encode
from readiness.model.errors import NotUnderstood, ProbeError
from readiness.systems.http.asking.pages import Heard, Question

CADENCE: Final = 0.5
"""Seconds between two requests of a group: an outage is known to about that."""
SLOW: Final = 2.0
"""Seconds that no healthy answer takes."""
PATIENCE: Final = 3.0
"""Seconds until a user gives up."""
STABLE: Final = 5.0
"""Seconds of service after which an outage counts as over."""
RULES: Final = Rules(
    cadence=CADENCE, slow=SLOW, stable_run=8, stable_seconds=STABLE - 1, maximum_late=0.02
)
AT_ONCE: Final = 96
"""Requests that may wait at the same time: more than are due while one waits, and slow ones."""
_OK: Final = 200
_KEPT: Final = (200, 201, 204)


@dataclass(frozen=True)
class Group:
    """One kind of request at one address."""

    name: str
    question: Question
    contains: str = ""
    """What a right page holds; of writes nothing."""
    writes: str = ""
    """The path below which this run writes; empty for a page."""


class Users:
    """Keeps on asking until it is told to stop."""

    def __init__(self, groups: Sequence[Group], served_by: str, ledger: Path) -> None:
        self._groups, self._served_by = groups, served_by
        self._file = os.open(ledger, os.O_CREAT | os.O_EXCL | os.O_WRONLY | os.O_APPEND, 0o600)
        self._lock = threading.Lock()
        self._over = threading.Event()
        self._ops: dict[tuple[str, int], Op] = {}
        self._seq: dict[str, int] = {}
        self._pool: ThreadPoolExecutor | None = None

    @contextmanager
    def asking(self) -> Iterator["Users"]:
        """Ask until the block ends, and for no request that is on its way any longer."""
        with ThreadPoolExecutor(AT_ONCE) as self._pool:
            clock = threading.Thread(target=self._keep_time, daemon=True)
            clock.start()
            try:
                yield self
            finally:
                self._over.set()
                clock.join()
        os.close(self._file)

    def ops(self) -> list[Op]:
        """Every attempt so far, by its start."""
        with self._lock:
            found = list(self._ops.values())
        return sorted(found, key=lambda op: op.start)

    def once(self, group: Group) -> "Future[None]":
        """One request beside the schedule, on its way at once."""
        if self._pool is None:
            raise NotUnderstood(f"{group.name}: nobody asks yet")
        return self._pool.submit(self._ask, group, self._next(group), time.monotonic())

    def _next(self, group: Group) -> int:
        with self._lock:
            self._seq[group.name] = self._seq.get(group.name, -1) + 1
            return self._seq[group.name]

    def _keep_time(self) -> None:
        """Spread over the cadence, so that they do not come all at once.

        In another order each time: a balancer that takes turns would give each group one server
        for ever, where the number of groups and that of servers have a divisor.
        """
        begun, tick = time.monotonic(), 0
        while not self._over.is_set():
            for index, group in enumerate(random.sample(self._groups, len(self._groups))):
                due = begun + (tick + index / len(self._groups)) * CADENCE
                if self._over.wait(max(0.0, due - time.monotonic())):
                    return
                assert self._pool is not None  # noqa: S101 - it is there while we run
                self._pool.submit(self._ask, group, self._next(group), due)
            tick += 1

    def _ask(self, group: Group, seq: int, due: float) -> None:
        payload = hashlib.sha256(f"{group.writes}{group.name}/{seq}".encode()).hexdigest()[:32]
        begun = time.monotonic()
        self._keep(Op(group.name, seq, due, begun, None, Outcome.INFO, payload), group)
        outcome, server = self._outcome(group, seq, payload)
        self._keep(
            Op(group.name, seq, due, begun, time.monotonic(), outcome, payload, backend=server),
            group,
        )

    def _outcome(self, group: Group, seq: int, payload: str) -> tuple[Outcome, str | None]:
        """What a user may conclude. What was never taken is not stored."""
        try:
            if group.writes:
                path = f"{group.writes}/{stored_as(group.name, seq)}"
                found = asked(group.question, path, method="PUT", body=payload.encode()).heard
            else:
                found = asked(group.question).heard
        except ProbeError:
            return Outcome.INFO, None
        server = header_of(found, self._served_by) or None
        if not found.status:
            return Outcome.FAIL, server
        return (Outcome.OK if right(found, group) else Outcome.INFO), server

    def _keep(self, op: Op, group: Group) -> None:
        """On disk before it counts, where it is about what must be kept."""
        with self._lock:
            os.write(self._file, (encode(op) + "\n").encode())
            if group.writes and op.end is not None:
                os.fsync(self._file)
            self._ops[op.group, op.seq] = op


def right(heard: Heard, group: Group) -> bool:
    """Whether a user got what was asked for."""
    if group.writes:
        return heard.status in _KEPT
    return heard.status == _OK and heard.complete and group.contains.encode() in heard.body


def stored_as(group: str, seq: int) -> str:
    """What a write is called on the server: nothing that a path reads otherwise."""
    return f"{hashlib.sha256(group.encode()).hexdigest()[:8]}-{seq}"


def stored(question: Question, path: str, ops: Sequence[Op]) -> list[tuple[str, str]]:
    """Of these writes each id with what is stored, where something is; others under their own name.

    Raises:
        ProbeError: it is not answered, or not with a JSON object of texts.
    """
    heard = asked(question, path).heard
    try:
        said = json.loads(heard.body) if heard.status == _OK and heard.complete else None
    except (ValueError, RecursionError):
        said = None
    if not isinstance(said, dict) or not all(isinstance(one, str) for one in said.values()):
        raise NotUnderstood(
            f"{question.place}: what is stored was answered with HTTP {heard.status}, "
            "expected a JSON object of texts"
        )
    names = {stored_as(op.group, op.seq): op.id for op in ops}
    return [(names.get(str(key), str(key)), str(text)) for key, text in said.items()]
