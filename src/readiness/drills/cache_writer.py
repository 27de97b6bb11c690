"""Writes to a cache as programs do that ask a Sentinel for the master, and keeps what was answered.

Each write is due on a fixed schedule and has a connection of its own: none waits for the one
before. The master is asked for anew after a write that was not acknowledged, as clients do.
"""

import hashlib
import os
import threading
import time
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

from readiness.measure.operation import Op, Outcome, encode
from readiness.model.errors import NotUnderstood, ProbeError
from readiness.systems.redis.asking.resp import Conversation, RespTarget
from readiness.systems.redis.reading import Refusal

GROUP: Final = "through Sentinel"
CADENCE: Final = 0.2
"""Seconds between two writes: an outage is known to about that, and a busy gate keeps up."""
PATIENCE: Final = 1.0
"""Seconds for one write with everything around it: what takes longer is down (`Rules.slow`)."""
ASKING: Final = 0.3
"""Seconds for one Sentinel to name the master: one that is cut off must not use up a write."""
AT_ONCE: Final = 24
"""Writes that may wait at the same time: far more than are due within one that waits."""
KEPT: Final = 3600
"""Seconds after which what was written is gone by itself."""
# What says by itself that nothing was stored (errors of Redis 7).
_NOT_STORED: Final = frozenset(
    {"READONLY", "NOREPLICAS", "LOADING", "MASTERDOWN", "NOAUTH", "WRONGPASS", "NOPERM", "OOM"}
)


@dataclass(frozen=True)
class Server:
    """A Redis or a Sentinel, with the login that is used there."""

    target: RespTarget
    user: str
    password: str = field(repr=False)

    def talk(self, timeout: float) -> Conversation:
        """A connection that is logged in.

        Raises:
            ProbeError: there is none, or the login is refused.
        """
        talk = Conversation(self.target, timeout=timeout)
        try:
            talk.log_in(self.user, self.password)
        except BaseException:
            talk.close()
            raise
        return talk


@dataclass(frozen=True)
class Reached:
    """A cache as its clients reach it."""

    nodes: Sequence[Server]
    sentinels: Sequence[Server]
    watches: str
    prefix: str

    def master(self, seconds: float) -> Server:
        """The master as the first Sentinel says that answers.

        Raises:
            ProbeError: none answers in time, or the answer is no declared node.
        """
        end = time.monotonic() + seconds
        why: ProbeError | None = None
        for one in self.sentinels:
            left = min(ASKING, end - time.monotonic())
            if left <= 0:
                break
            try:
                with one.talk(left) as talk:
                    said = talk.require("SENTINEL", "GET-MASTER-ADDR-BY-NAME", self.watches)
                return self._node(said)
            except ProbeError as error:
                why = error
        raise why or NotUnderstood(f"{self.watches}: no Sentinel was asked in time")

    def _node(self, said: Any) -> Server:
        if isinstance(said, list) and said:
            for one in self.nodes:
                if said[0] in (one.target.address, one.target.host):
                    return one
        raise NotUnderstood(f"{self.watches}: a Sentinel names a master that is not declared")


class Writer:
    """Keeps on writing until it is told to stop."""

    def __init__(self, cache: Reached, run: str, ledger: Path) -> None:
        self._cache, self._run = cache, run
        self._file = os.open(ledger, os.O_CREAT | os.O_EXCL | os.O_WRONLY | os.O_APPEND, 0o600)
        self._lock = threading.Lock()
        self._over = threading.Event()
        self._master: Server | None = None
        self._ops: dict[int, Op] = {}

    def key(self, name: str) -> str:
        """The key that a write of this run is stored under."""
        return f"{self._cache.prefix}{self._run}:{name}"

    @contextmanager
    def writing(self) -> Iterator["Writer"]:
        """Write until the block ends, and for no write that is on its way any longer."""
        with ThreadPoolExecutor(AT_ONCE) as pool:
            clock = threading.Thread(target=self._keep_time, args=(pool,), daemon=True)
            clock.start()
            try:
                yield self
            finally:
                self._over.set()
                clock.join()
        os.close(self._file)

    def ops(self) -> list[Op]:
        """Every attempt so far, in order."""
        with self._lock:
            return [self._ops[seq] for seq in sorted(self._ops)]

    def last_acknowledged(self) -> float:
        """When a write was acknowledged last; 0 before the first."""
        return max((one.end or 0.0 for one in self.ops() if one.outcome is Outcome.OK), default=0.0)

    def _keep_time(self, pool: ThreadPoolExecutor) -> None:
        begun, seq = time.monotonic(), 0
        while not self._over.is_set():
            due = begun + seq * CADENCE
            if self._over.wait(max(0.0, due - time.monotonic())):
                return
            pool.submit(self._write, seq, due)
            seq += 1

    def _write(self, seq: int, due: float) -> None:
        payload = hashlib.sha256(f"{self._run}/{seq}".encode()).hexdigest()[:32]
        begun = time.monotonic()
        self._keep(Op(GROUP, seq, due, begun, None, Outcome.INFO, payload))
        outcome, server = self._outcome(f"{GROUP}/{seq}", payload, begun + PATIENCE)
        ended = time.monotonic()
        self._keep(Op(GROUP, seq, due, begun, ended, outcome, payload, backend=server))

    def _outcome(self, name: str, payload: str, end: float) -> tuple[Outcome, str | None]:
        """What a client may conclude; before it was sent nothing can be stored."""
        outcome, server = Outcome.FAIL, None
        try:
            server = self._master or self._cache.master(end - time.monotonic())
            with server.talk(max(end - time.monotonic(), 0.01)) as talk:
                role = talk.require("ROLE")
                if not isinstance(role, list) or not role or role[0] != "master":
                    raise NotUnderstood(f"{server.target}: is no master any more")
                outcome = Outcome.INFO
                said = talk.call("SET", self.key(name), payload, "EX", str(KEPT))
            if said == "OK":
                self._master = server
                return Outcome.OK, server.target.address
            if isinstance(said, Refusal) and said.code in _NOT_STORED:
                outcome = Outcome.FAIL
        except ProbeError:
            pass  # the outcome says as much as is known
        self._master = None
        return outcome, server.target.address if server else None

    def _keep(self, op: Op) -> None:
        """On disk before it counts."""
        with self._lock:
            os.write(self._file, (encode(op) + "\n").encode())
            os.fsync(self._file)
            self._ops[op.seq] = op


def stored(server: Server, keys: Sequence[tuple[str, str]]) -> list[tuple[str, str]]:
    """Of these (id, key) each id with what is stored under its key, where something is.

    Raises:
        ProbeError: the server does not answer.
    """
    with server.talk(30.0) as talk:
        said = talk.calls(("GET", key) for _, key in keys)
    found: list[tuple[str, str]] = []
    for (name, _), value in zip(keys, said, strict=True):
        if isinstance(value, Refusal):
            raise NotUnderstood(f"{server.target}: GET is refused: {value.code}")
        if isinstance(value, str):
            found.append((name, value))
    return found
