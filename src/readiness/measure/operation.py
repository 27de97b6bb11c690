"""One write tried by one client, and the JSON Lines file in which clients keep them.

The file is kept off the system under test. A writer appends an *intent* (an operation
without an end) before it sends, and the result before an acknowledgement counts. A later line about
the same attempt replaces the earlier one, so a runner that dies leaves an honest file: what it sent
and never saw answered is `info`.
"""

import json
import math
from collections.abc import Iterable
from dataclasses import dataclass, fields
from enum import StrEnum
from pathlib import Path
from typing import Any


class LedgerError(ValueError):
    """A ledger can't be read; the message names file, line, key, expected and found."""


class Outcome(StrEnum):
    """What the client may conclude about one attempt. When in doubt: info."""

    OK = "ok"
    """Acknowledged, without a warning that the acknowledgement is only local."""
    FAIL = "fail"
    """Provably not committed: connection refused, read-only transaction, serialization failure."""
    INFO = "info"
    """Anything else: time-out, connection lost during commit, never answered."""


@dataclass(frozen=True, slots=True)
class Op:
    """One attempt at one write. Times are seconds on one monotonic clock shared by all writers."""

    group: str
    """The kind of client: `pooled`, `reconnecting`."""
    seq: int
    """The number of the write within its group; a retry keeps it."""
    intended: float
    """When the schedule wanted it sent."""
    start: float
    """Read just before sending."""
    end: float | None
    """Read just after the answer or the time-out; `None` while unanswered."""
    outcome: Outcome
    payload: str
    """Hash of what was written."""
    sqlstate: str | None = None
    backend: str | None = None
    """Address of the server that answered."""
    timeline: int | None = None
    """Timeline of the server that answered, where the client asked for it."""
    attempt: int = 1

    @property
    def id(self) -> str:
        """The key under which the write is stored: `group/seq`."""
        return f"{self.group}/{self.seq}"

    def __post_init__(self) -> None:
        """Refuse an operation that can't have happened.

        Raises:
            ValueError: it ends before it starts, or it is answered without an end.
        """
        if self.end is None and self.outcome is not Outcome.INFO:
            raise ValueError(f"{self.id}: expected an end for outcome {self.outcome}, found none")
        if self.end is not None and self.end < self.start:
            raise ValueError(f"{self.id}: expected end >= start, found {self.end} < {self.start}")


_KEYS = [field.name for field in fields(Op)]


@dataclass(frozen=True, slots=True)
class Ledger:
    """What a ledger file says: the last word on every attempt, in order of first mention."""

    ops: tuple[Op, ...]
    torn: str | None
    """Where the last line is cut off (`file:line`), or `None` when the file ends whole."""


def encode(op: Op) -> str:
    """The operation as one line of JSON, without the line end."""
    return json.dumps(
        {key: getattr(op, key) for key in _KEYS}, separators=(",", ":"), sort_keys=True
    )


def read_ledger(path: Path) -> Ledger:
    """Read a ledger file. A last line without its line end is left out and marked as torn.

    Raises:
        LedgerError: the file can't be read, or a line before the last isn't an operation.
    """
    try:
        raw = path.read_bytes()
    except OSError as error:
        raise LedgerError(f"{path}: expected a readable ledger, found {error.strerror}") from error
    *whole, rest = raw.split(b"\n")
    ops = _last_words(_decode(line, f"{path}:{n}") for n, line in enumerate(whole, start=1))
    return Ledger(ops=ops, torn=f"{path}:{len(whole) + 1}" if rest else None)


def _last_words(ops: Iterable[Op]) -> tuple[Op, ...]:
    latest: dict[tuple[str, int, int], Op] = {}
    for op in ops:
        latest[op.group, op.seq, op.attempt] = op
    return tuple(latest.values())


_NUMBER = (int, float)
_TYPES: dict[str, tuple[type, ...]] = {
    "group": (str,),
    "seq": (int,),
    "intended": _NUMBER,
    "start": _NUMBER,
    "end": (*_NUMBER, type(None)),
    "outcome": (str,),
    "payload": (str,),
    "sqlstate": (str, type(None)),
    "backend": (str, type(None)),
    "timeline": (int, type(None)),
    "attempt": (int,),
}


def _decode(line: bytes, where: str) -> Op:
    try:
        record = json.loads(line)
    except ValueError as error:
        raise LedgerError(f"{where}: expected one JSON object, found {line[:60]!r}") from error
    if not isinstance(record, dict):
        raise LedgerError(f"{where}: expected one JSON object, found {line[:60]!r}")
    for key in _KEYS:
        _require(record, key, where)
    # Unknown keys are of a later version of the writer, which may add but not change.
    known = {key: record[key] for key in _KEYS if key in record}
    try:
        return Op(**{**known, "outcome": Outcome(known["outcome"])})
    except ValueError as error:
        raise LedgerError(f"{where}: {error}") from error


def _require(record: dict[str, Any], key: str, where: str) -> None:
    if key not in record:
        if key in {"sqlstate", "backend", "timeline", "attempt"}:
            return
        raise LedgerError(f"{where}: key {key}: expected a value, found none")
    found = record[key]
    wrong = not isinstance(found, _TYPES[key]) or isinstance(found, bool)
    if wrong or (isinstance(found, float) and not math.isfinite(found)):
        names = " or ".join(kind.__name__ for kind in _TYPES[key])
        raise LedgerError(f"{where}: key {key}: expected {names}, found {found!r}")
