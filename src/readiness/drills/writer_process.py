"""Writes on a fixed schedule through every declared client path and keeps the ledger (M1, M2).

A process of its own (`python -m readiness.drills.writer_process`): it takes its orders as one JSON
line on standard input (secrets never stand in argv), and ends when standard input ends or its time
is up. Open loop: an operation is due every `cadence` seconds whatever became of the ones before; a
slot that hangs never stops the schedule.
"""

import asyncio
import contextlib
import hashlib
import json
import os
import queue
import sys
import threading
import time
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, Final

import psycopg
from psycopg import sql

from readiness.drills.parent import die_with_parent
from readiness.evidence.durable import open_append
from readiness.measure.operation import Op, Outcome, encode

# Provably not committed (M1): the server said no before or instead of committing.
NOT_COMMITTED: Final = frozenset({"25006", "57P03", "40001", "40P01", "53300", "3D000", "28P01"})
STATEMENT_TIMEOUT: Final = 2.0
CONNECTING: Final = 5


@dataclass
class Group:
    """One kind of client: where it connects, how often it writes, how many may be in flight."""

    name: str
    conninfo: dict[str, Any]
    cadence: float
    connect_limit: float
    slots: int
    ready: list["Slot"] = field(default_factory=list)
    busy: int = 0
    connecting: int = 0

    def take(self) -> "Slot | None":
        """A connection that works, else leave to open one, else nothing.

        Few are opened at once: a crowd of clients at the door would be an outage of its own.
        """
        if self.busy >= self.slots:
            return None
        if self.ready:
            return self.ready.pop()
        return Slot() if self.connecting < CONNECTING else None


@dataclass
class Slot:
    """One client connection; opened when first needed, thrown away when it broke."""

    connection: psycopg.AsyncConnection[Any] | None = None
    warned: bool = False


class Writer:
    """All groups of one trial."""

    def __init__(self, orders: dict[str, Any]) -> None:
        self.run: str = orders["run"]
        self.until = time.monotonic() + orders["seconds"]
        self.groups = [Group(**group) for group in orders["groups"]]
        self.insert = sql.SQL(
            "INSERT INTO {} (run, writer, seq, payload) VALUES (%s, %s, %s, %s) "
            "RETURNING host(inet_server_addr()), "
            "('x' || left(pg_walfile_name(pg_current_wal_insert_lsn()), 8))::bit(32)::int"
        ).format(sql.Identifier(*orders["table"]))
        self.kept = _Keeper(Path(orders["ledger"]))
        self.stopping = asyncio.Event()
        self.tasks: set[asyncio.Task[None]] = set()

    async def write(self) -> None:
        """Write until told to stop or the time is up; then let the operations in flight end."""
        await asyncio.gather(*(self._schedule(group) for group in self.groups))
        if self.tasks:
            await asyncio.wait(self.tasks, timeout=10)
        self.kept.close()

    async def _schedule(self, group: Group) -> None:
        first = time.monotonic()
        number = 0
        while not self.stopping.is_set() and time.monotonic() < self.until:
            intended = first + number * group.cadence
            await asyncio.sleep(max(0.0, intended - time.monotonic()))
            slot = group.take()
            if slot is not None:
                group.busy += 1
                task = asyncio.create_task(self._operate(group, slot, number, intended))
                self.tasks.add(task)
                task.add_done_callback(self.tasks.discard)
            else:
                now = time.monotonic()
                self._keep(self._op(group, number, intended, now, now, sqlstate="no-slot"))
            number += 1

    async def _operate(self, group: Group, slot: Slot, number: int, intended: float) -> None:
        op = self._op(group, number, intended, time.monotonic(), None)
        self._keep(op)
        sent = False
        try:
            if slot.connection is None:
                slot.connection = await self._connect(group, slot)
            slot.warned = False
            sent = True
            async with asyncio.timeout(STATEMENT_TIMEOUT):
                cursor = await slot.connection.execute(
                    self.insert, (self.run, group.name, number, op.payload), prepare=False
                )
                backend, timeline = await cursor.fetchone() or (None, None)
            outcome = Outcome.INFO if slot.warned else Outcome.OK
            done = replace(
                op, end=time.monotonic(), outcome=outcome, backend=backend, timeline=timeline
            )
        except Exception as error:  # noqa: BLE001 - whatever happened, the ledger says what we know
            done = replace(
                op,
                end=time.monotonic(),
                outcome=_conclude(error, sent=sent),
                sqlstate=getattr(error, "sqlstate", None) or type(error).__name__,
            )
            await self._drop(slot)
        self._keep(done)
        group.busy -= 1
        if slot.connection is not None:
            group.ready.append(slot)

    async def _connect(self, group: Group, slot: Slot) -> psycopg.AsyncConnection[Any]:
        group.connecting += 1
        try:
            async with asyncio.timeout(group.connect_limit):
                connection = await psycopg.AsyncConnection.connect(
                    **group.conninfo, autocommit=True
                )
        finally:
            group.connecting -= 1

        def warned(diagnostic: psycopg.errors.Diagnostic) -> None:
            # A commit that was not replicated still succeeds, with a warning.
            slot.warned = slot.warned or diagnostic.severity_nonlocalized == "WARNING"

        connection.add_notice_handler(warned)
        return connection

    async def _drop(self, slot: Slot) -> None:
        """Forget a connection without waiting for a server that may be gone."""
        if slot.connection is not None:
            slot.connection.pgconn.finish()
            slot.connection = None

    def _op(
        self,
        group: Group,
        number: int,
        intended: float,
        start: float,
        end: float | None,
        sqlstate: str | None = None,
    ) -> Op:
        payload = hashlib.sha256(f"{self.run}/{group.name}/{number}".encode()).hexdigest()
        return Op(group.name, number, intended, start, end, Outcome.INFO, payload, sqlstate)

    def _keep(self, op: Op) -> None:
        """Keep an operation: its intent when it is sent, its end when it is known."""
        self.kept.put(op)


class _Keeper:
    """Puts operations into the ledger, from a thread of its own: a slow disk stops no schedule.

    Whatever has queued up goes out in one write and is synced; only what is in the file counts.
    """

    def __init__(self, path: Path) -> None:
        # Exclusively: rows of an earlier attempt in the same file would be missing from this table.
        self._file = open_append(path, exclusive=True)
        self._queue: queue.SimpleQueue[Op | None] = queue.SimpleQueue()
        self._thread = threading.Thread(target=self._work)
        self._thread.start()

    def put(self, op: Op) -> None:
        """Hand an operation over."""
        self._queue.put(op)

    def close(self) -> None:
        """Return when everything handed over is on disk."""
        self._queue.put(None)
        self._thread.join()

    def _work(self) -> None:
        more = True
        while more:
            batch = [self._queue.get()]
            while not self._queue.empty():
                batch.append(self._queue.get())
            more = None not in batch
            lines = [encode(op).encode() + b"\n" for op in batch if op is not None]
            os.write(self._file, b"".join(lines))
            os.fsync(self._file)


def _conclude(error: Exception, *, sent: bool) -> Outcome:
    """Fail only what is provably not committed; when in doubt it is info."""
    state = getattr(error, "sqlstate", None)
    return Outcome.FAIL if not sent or state in NOT_COMMITTED else Outcome.INFO


async def _main() -> None:
    loop = asyncio.get_running_loop()
    orders = json.loads(await loop.run_in_executor(None, sys.stdin.readline))
    writer = Writer(orders)

    async def listen() -> None:
        await loop.run_in_executor(None, sys.stdin.read)
        writer.stopping.set()

    listening = asyncio.create_task(listen())
    await writer.write()
    listening.cancel()
    # The thread that still reads standard input must not keep the process alive.
    os._exit(0)


if __name__ == "__main__":
    die_with_parent()
    # Whoever measures must not wait for whom it measures; where that is refused, lateness shows.
    with contextlib.suppress(OSError):
        os.nice(-10)
    asyncio.run(_main())
