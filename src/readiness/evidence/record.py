"""The run record: an append-only, hash-chained JSON Lines file, the only thing a run produces.

Each line carries `n` (its number), `at` (RFC 3339, UTC), `mono` (seconds since boot), `kind` and
`prev`, the SHA-256 of the raw bytes of the line before. Anyone can recompute a chain: it shows
accidents and half-written tails, only a signed head proves who wrote it.

What holds is worth nothing without the end of its case: claims that hold wait for one another and
share a line, until another event is written. What speaks against is written at once.
"""

import gc
import hashlib
import json
import os
import re
import threading
import time
from collections import defaultdict
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cached_property
from operator import attrgetter
from pathlib import Path
from typing import Any, Final, NamedTuple, TypeVar

from readiness.evidence.durable import append_line, open_append, read_whole, split_lines
from readiness.evidence.redact import Redactor
from readiness.evidence.steps import CLAIM, STEPS, Claimed, Claims, Step, parted, read_event
from readiness.model.closing import Closes
from readiness.model.errors import UsageError
from readiness.model.words import Json

S = TypeVar("S", bound=Step)
SCHEMA: Final = 2
START: Final = "0" * 64
FILE_NAME: Final = "record.jsonl"
_NAME: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]*")
_MOST_SHOWN: Final = 80
# Steps inside a case are worth nothing without its end: the line that ends it takes them to the
# disk. A machine that loses power before that leaves a case that never ended.
# Cases that end right after one another go to the disk together, and claims of one line were made
# within as many seconds: by then a person can't tell the moments apart, and a disk has kept up.
END: Final = "case-ended"
TOGETHER: Final = 0.2
# Digits of seconds: what is finer than a tenth of a millisecond is noise.
EXACT: Final = 4


def now() -> datetime:
    """The wall clock; only for correlation and ages, durations use the monotonic clock."""
    return datetime.now(UTC)


def stamp(moment: datetime) -> str:
    """RFC 3339 in UTC with milliseconds."""
    return moment.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def digest(line: bytes) -> str:
    """SHA-256 of a line's raw bytes, without its line break."""
    return hashlib.sha256(line).hexdigest()


class _End(NamedTuple):
    """The end of a record: the file's size, the next line's number, the last line's digest.

    It is replaced in one step, so that a signal finds the old one or the new one.
    """

    size: int
    number: int
    previous: str


class _Waiting(NamedTuple):
    """Claims that hold and are not written yet. It is replaced in one step, as `_End` is."""

    at: str
    mono: float
    common: Json
    claims: tuple[Json, ...]

    def takes(self, common: Json, mono: float) -> bool:
        """Whether a claim made at that moment may stand in the same line."""
        return common == self.common and mono - self.mono < TOGETHER


class RecordWriter(Closes):
    """Appends events. One process writes at a time: the gate, then pytest, then the gate again.

    Its threads take turns: a number and the digest of the line before belong to one line only.
    """

    def __init__(self, path: Path, redactor: Redactor) -> None:
        self.path = path
        self.redactor = redactor
        self._file = open_append(path)
        self._end = _End(-1, 0, START)
        self._waiting: _Waiting | None = None
        self._synced = time.monotonic()
        # Questions are asked of many machines at once, and each notes its command.
        self._turn = threading.RLock()

    def write(self, kind: str, **data: object) -> int:
        """Append one event and give its number; on disk when this returns, but for the steps.

        A case's steps go to the disk with its end. Ends that come within `TOGETHER` seconds of the
        last write to the disk go with the next event that does. A claim that holds is in the file
        with the next event.

        Raises:
            StateError: the disk is full or the file can't be written; nothing is half written.
            RedactionError: the event could not be made safe; it was not written.
        """
        with self._turn:
            said = self.redactor.value(data)
            at, mono = self.clocks()
            if kind == "claim" and said.keys() == CLAIM and said["answer"] == "yes":
                return self._wait(at, mono, said)
            self._catch_up()
            return self._append(at, mono, kind, said)

    def clocks(self) -> tuple[str, float]:
        """The moment for people, and the seconds since boot."""
        return stamp(now()), round(time.clock_gettime(time.CLOCK_BOOTTIME), EXACT)

    def _wait(self, at: str, mono: float, said: Json) -> int:
        """Keep a claim that holds for the line that it shares with others."""
        common, claim = parted(said)
        waiting = self._waiting
        if waiting is not None and waiting.takes(common, mono):
            self._waiting = waiting._replace(claims=(*waiting.claims, claim))
        else:
            self._catch_up()
            self._waiting = _Waiting(at, mono, common, (claim,))
        return self._whereabouts().number

    def _catch_up(self) -> None:
        """Write the claims that wait."""
        if waiting := self._waiting:
            said = {**waiting.common, "claims": list(waiting.claims)}
            self._append(waiting.at, waiting.mono, "claims", said)
            self._waiting = None

    def _append(self, at: str, mono: float, kind: str, said: Json) -> int:
        end = self._whereabouts()
        event = {"n": end.number, "at": at, "mono": mono, "kind": kind, "prev": end.previous}
        text = json.dumps(event | said, separators=(",", ":"), ensure_ascii=False, default=str)
        line = text.encode()
        due = self._due(kind)
        append_line(self._file, line, name=self.path, sync=due)
        self._end = _End(os.fstat(self._file).st_size, end.number + 1, digest(line))
        self._synced = time.monotonic() if due else self._synced
        return end.number

    def _whereabouts(self) -> "_End":
        """Where the file ends now: read again when it is not where the last event left it.

        A signal may end `write` at any moment, also when the line is in the file already and
        nobody has counted it yet. The file alone says what was written.
        """
        size = os.fstat(self._file).st_size
        if size != self._end.size:
            content = os.pread(self._file, size, 0)
            whole = [line.raw for line in split_lines(content) if not line.torn]
            self._end = _End(size, len(whole), digest(whole[-1]) if whole else START)
        return self._end

    def _due(self, kind: str) -> bool:
        """Whether that event must be on disk before anything else happens."""
        waited = time.monotonic() - self._synced
        return kind not in STEPS or (kind == END and waited > TOGETHER)

    def close(self) -> None:
        """Close the file; `session-finished` and `run-closed` have put every event on disk."""
        try:
            self._catch_up()
        finally:
            os.close(self._file)


@dataclass(frozen=True)
class Record:
    """What a record file holds.

    `torn` says that a line was cut off while it was written; `head` is the SHA-256 of the last
    whole line.
    """

    path: Path
    events: tuple[Step | Json, ...]
    torn: bool
    head: str

    @property
    def opening(self) -> Json:
        """The first event: which run this is."""
        first = self.events[0]
        assert not isinstance(first, Step)  # noqa: S101 - `read_record` refuses such a file
        return first

    @cached_property
    def _by_type(self) -> dict[type, list[Any]]:
        found: dict[type, list[Any]] = defaultdict(list)
        for event in self.events:
            found[type(event)].append(event)
        if Claims in found:
            several = (one for line in found[Claims] for one in line.each())
            found[Claimed] = sorted((*found[Claimed], *several), key=attrgetter("n"))
        return dict(found)

    @property
    def others(self) -> list[Json]:
        """The events that are no steps, in order."""
        return self._by_type.get(dict, [])

    def steps(self, kind: type[S]) -> list[S]:
        """The steps of a type, in order; claims that share a line come one by one."""
        return self._by_type.get(kind, [])

    def of(self, *kinds: str) -> Iterator[Json]:
        """The events of those kinds, in order; steps of cases are told by `steps`."""
        return (one for one in self.others if one["kind"] in kinds)

    def first(self, kind: str) -> Json | None:
        """The first event of a kind."""
        return next(self.of(kind), None)


def locate(run: Path) -> Path:
    """The record file of a run given by its folder or its record file."""
    path = run / FILE_NAME if run.is_dir() else run
    if not path.is_file():
        raise UsageError(
            "no run here", file=str(run), expected=f"a run's folder or its {FILE_NAME}"
        )
    return path


def read_record(run: Path) -> Record:
    """Read a run's record and prove its chain.

    Raises:
        UsageError: not a record, or its chain is broken before its last line.
    """
    path = locate(run)
    whole, torn = read_whole(path)
    if not whole or (torn and torn[0] == 1):
        raise UsageError("no whole first line", file=str(path), expected="a run record")
    with no_collection():
        events, previous = _chain(path, whole, torn)
    opening = events[0]
    _check_opening(path, {"kind": opening.kind} if isinstance(opening, Step) else opening)
    return Record(path, tuple(events), bool(torn), previous)


def _check_opening(path: Path, opening: Json) -> None:
    """Refuse a first line that does not say which run this is: files are named after it."""
    if opening["kind"] != "run-opened":
        raise UsageError("not a run record", file=str(path), line=1, expected="kind run-opened")
    described = opening.get("environment")
    name = described.get("name") if isinstance(described, dict) else None
    run, number, schema = (opening.get(key) for key in ("run", "number", "schema"))
    for key, found, right, expected in (
        ("schema", schema, schema in range(1, SCHEMA + 1), f"at most {SCHEMA}"),
        ("run", run, isinstance(run, str) and _NAME.fullmatch(run), "the name of a run"),
        ("number", number, type(number) is int and number > 0, "the number of a run"),
        ("environment", name, isinstance(name, str) and _NAME.fullmatch(name), "its description"),
    ):
        if not right:
            raise UsageError(
                "not a run record that this version can read",
                file=str(path),
                line=1,
                key=key,
                expected=expected,
                found=str(found)[:_MOST_SHOWN],
            )


def _chain(path: Path, lines: list[bytes], torn: list[int]) -> tuple[list[Step | Json], str]:
    """The events of whole lines, and the digest of the last one."""
    # One thing after the other for a hundred thousand lines is faster than all for each line.
    events = [_event(line) for line in lines]
    digests = [digest(line) for line in lines]
    for number, (event, previous) in enumerate(zip(events, (START, *digests), strict=False)):
        if isinstance(event, Step):
            unbroken = event.prev == previous and event.n == number
        else:
            linked = event.get("prev") == previous and event.get("n") == number
            unbroken = linked and "kind" in event
        if not unbroken:
            raise UsageError(
                "the record was altered or damaged here",
                file=str(path),
                line=_place(number, torn),
                expected="an unbroken hash chain",
            )
    return events, digests[-1]


def _event(line: bytes) -> Step | Json:
    """The event of a line, without any key where it is none."""
    try:
        return read_event(line)
    except (ValueError, RecursionError):
        return {}


def _place(number: int, torn: list[int]) -> int:
    """Where the file has the whole line of that number, the torn ones counted."""
    place = number + 1
    for one in torn:
        place += one <= place
    return place


@contextmanager
def no_collection() -> Iterator[None]:
    """No garbage collection: it walks all events again and again, and none of them is garbage."""
    was = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was:
            gc.enable()
