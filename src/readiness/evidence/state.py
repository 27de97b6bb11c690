"""What outlives a run: the state folder of an environment and its append-only log of runs.

The folder lies outside the clone, so running again from a fresh clone shows in the same log. Each
started run takes the next number; numbers are consecutive and never repeat, so running until it
is green shows. A run that was opened and never closed stays in the log as unfinished. A line torn
while it was written keeps its place, and its number when it may have been the opening of a run.
"""

import os
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Final

from readiness.evidence import durable
from readiness.evidence.lease import (
    Halt,
    HaltOutcome,
    Holder,
    Lease,
    clear_halt,
    halt,
    halt_requested,
    holder,
    request_halt,
)
from readiness.evidence.locking import appending
from readiness.model.clock import Clock, Instant, elapsed, jumped
from readiness.model.errors import StateError

__all__ = [
    "UNFINISHED",
    "Clock",
    "Halt",
    "HaltOutcome",
    "Holder",
    "Instant",
    "Lease",
    "RunEntry",
    "RunLog",
    "clear_halt",
    "elapsed",
    "halt",
    "halt_requested",
    "holder",
    "jumped",
    "request_halt",
    "state_directory",
]

SCHEMA: Final = 1
UNFINISHED: Final = "unfinished"
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,99}")
# Lines start with their event, so that a torn line tells whether it can have opened a run.
_TORN_LATER = (b'{"event":"c', b'{"event":"r')


def state_directory(environment_name: str) -> Path:
    """Return the environment's state folder, created with mode 0700.

    `$READINESS_STATE`, else `$XDG_STATE_HOME`, else `~/.local/state`, and in it
    `readiness/<environment>`. A relative `$XDG_STATE_HOME` counts as unset, as its standard asks.
    """
    if not _NAME.fullmatch(environment_name):
        raise StateError(
            "environment name: expected letters, digits, dots, dashes and underscores, "
            f"found {environment_name!r}"
        )
    return durable.make_folder(state_root() / environment_name)


def state_root() -> Path:
    """Return the folder that holds every environment's state folder, whether it exists or not."""
    own, xdg = os.environ.get("READINESS_STATE"), os.environ.get("XDG_STATE_HOME", "")
    if own:
        base = Path(own).expanduser().absolute()
    elif Path(xdg).is_absolute():
        base = Path(xdg)
    else:
        base = Path("~/.local/state").expanduser()
    return base / "readiness"


GATE: Final = "gate"
DRIFT: Final = "drift"
EXPERIMENT: Final = "experiment"


@dataclass(frozen=True)
class RunEntry:
    """One run as the log knows it."""

    number: int
    run: str
    """Empty when the opening line is torn: then only the number is known."""
    release: str | None
    tier: str
    folder: str
    started: str
    """Wall clock, ISO 8601 in UTC."""
    pid: int
    boot_id: str
    verdict: str = UNFINISHED
    exit_code: int | None = None
    finished: str | None = None
    torn: bool = False
    purpose: str = GATE
    recorded: bool = True
    """Whether it came so far that it may have looked at anything."""

    @property
    def decides_nothing(self) -> bool:
        """Whether a verdict on the runs around it can do without it."""
        saw_nothing = not self.recorded and self.finished is None
        return not self.torn and (saw_nothing or not self.sought_go)

    @property
    def sought_go(self) -> bool:
        """Whether it counts among the runs that it took: drift looks and experiments do not.

        One that saw something fail counts all the same; one that was killed saw nothing.
        """
        return self.purpose == GATE or self.verdict == "NO-GO"


class RunLog:
    """The log of an environment's runs, `runs.jsonl` in its state folder."""

    def __init__(self, folder: Path, clock: Clock | None = None) -> None:
        """Use the log in a folder made by `state_directory`; nothing is read or written yet."""
        self.path = folder / "runs.jsonl"
        self._clock = clock or Clock()

    def open_run(
        self, run_id: str, release: str | None, tier: str, folder: Path, purpose: str = GATE
    ) -> int:
        """Enter a run that starts now, durably, and return its number.

        Raises:
            StateError: the log is damaged, cannot be written, or knows the run already.
        """
        with appending(self.path) as descriptor:
            if any(entry.run == run_id for entry in self.entries()):
                raise StateError(f"{self.path}: run {run_id} is in the log already")
            number = self.next_number()
            now = self._clock.now()
            fields = {"event": "open", "schema": SCHEMA, "number": number, "run": run_id}
            fields |= {"release": release, "tier": tier, "folder": str(folder)}
            fields |= {"purpose": purpose, "recorded": False}
            fields |= {"started": now.utc, "pid": os.getpid(), "boot_id": now.boot_id}
            durable.append_object(descriptor, fields, name=self.path)
        return number

    def recorded(self, run_id: str) -> None:
        """Note that the run has a record, before it looks at anything.

        One that dies earlier has seen nothing, and may have no record that could be judged.

        Raises:
            StateError: the log cannot be written, or the run is not in it.
        """
        with appending(self.path) as descriptor:
            entry = next((each for each in self.entries() if each.run == run_id), None)
            if entry is None:
                raise StateError(f"{self.path}: run {run_id} was never opened")
            fields = {"event": "record", "schema": SCHEMA, "number": entry.number, "run": run_id}
            durable.append_object(descriptor, fields, name=self.path)

    def next_number(self) -> int:
        """The number of the next run; who holds the environment's lease is who gets it."""
        entries = self.entries()
        return entries[-1].number + 1 if entries else 1

    def close_run(self, run_id: str, verdict: str, exit_code: int) -> None:
        """Enter the end of a run, durably; a run ends once."""
        with appending(self.path) as descriptor:
            entry = next((each for each in self.entries() if each.run == run_id), None)
            if entry is None:
                raise StateError(f"{self.path}: run {run_id} was never opened")
            if entry.finished is not None:
                raise StateError(f"{self.path}: run {run_id} ended already as {entry.verdict}")
            fields = {"event": "close", "schema": SCHEMA, "number": entry.number, "run": run_id}
            fields |= {"verdict": verdict, "exit_code": exit_code}
            fields |= {"finished": self._clock.now().utc}
            durable.append_object(descriptor, fields, name=self.path)

    def entries(self) -> tuple[RunEntry, ...]:
        """Return all runs, oldest first.

        Raises:
            StateError: a line before the tail is damaged, or numbers are missing or repeated.
        """
        runs: dict[int, RunEntry] = {}
        for line in durable.read_lines(self.path):
            if line.torn:
                if not line.raw.startswith(_TORN_LATER):
                    runs[len(runs) + 1] = _torn_entry(len(runs) + 1)
                continue
            fields = _Fields(self.path, line)
            event = fields.text("event")
            if event == "open":
                entry = _opened(fields, expected=len(runs) + 1)
                runs[entry.number] = entry
            elif event == "record":
                entry = replace(_open_one(fields, runs), recorded=True)
                runs[entry.number] = entry
            elif event == "close":
                entry = _closed(fields, runs)
                runs[entry.number] = entry
        return tuple(runs.values())

    def drift_looks(self, run_id: str) -> tuple[tuple[int, int], ...]:
        """The numbers before that run that decide nothing.

        Looks for drift took them, or runs that died before they had a record.
        As first and last of each row of numbers, so that a year of looks is a short list.
        """
        rows: list[tuple[int, int]] = []
        for entry in self.entries():
            if entry.run == run_id:
                break
            if not entry.decides_nothing:
                continue
            if rows and rows[-1][1] == entry.number - 1:
                rows[-1] = (rows[-1][0], entry.number)
            else:
                rows.append((entry.number, entry.number))
        return tuple(rows)

    def earlier(self, run_id: str | None = None) -> tuple[RunEntry, ...]:
        """Return the runs since the last GO or change of release, oldest first.

        With `run_id` (in the log) those before that run and of its release; without, those up to
        the newest and of the newest's release. The GO itself is not among them. A torn entry
        belongs to whatever surrounds it.
        """
        entries = self.entries()
        if run_id is None:
            return _since_go_or_release(entries, _newest_release(entries))
        for position, entry in enumerate(entries):
            if entry.run == run_id:
                return _since_go_or_release(entries[:position], entry.release)
        raise StateError(f"{self.path}: run {run_id} was never opened")


def _newest_release(entries: tuple[RunEntry, ...]) -> str | None:
    return next((entry.release for entry in reversed(entries) if not entry.torn), None)


def _since_go_or_release(
    entries: tuple[RunEntry, ...], release: str | None
) -> tuple[RunEntry, ...]:
    def backwards() -> Iterator[RunEntry]:
        for entry in reversed(entries):
            if (entry.verdict == "GO" and entry.purpose == GATE) or (
                not entry.torn and entry.release != release
            ):
                return
            if entry.sought_go:
                yield entry

    return tuple(backwards())[::-1]


def _torn_entry(number: int) -> RunEntry:
    return RunEntry(
        number=number,
        run="",
        release=None,
        tier="",
        folder="",
        started="",
        pid=0,
        boot_id="",
        torn=True,
    )


class _Fields:
    """A line's fields, each fetched with its type, errors naming file and line."""

    def __init__(self, path: Path, line: durable.Line) -> None:
        self.where = f"{path}:{line.number}"
        self._fields = durable.read_object(path, line)
        if self.number("schema") > SCHEMA:
            raise StateError(f"{self.where}: written by a newer version of this program")

    def text(self, key: str) -> str:
        return str(self._typed(key, lambda value: isinstance(value, str), "text"))

    def text_or_none(self, key: str) -> str | None:
        return None if self._fields.get(key, "") is None else self.text(key)

    def text_or(self, key: str, default: str) -> str:
        return self.text(key) if key in self._fields else default

    def truth_or(self, key: str, *, default: bool) -> bool:
        if key not in self._fields:
            return default
        return bool(self._typed(key, lambda value: isinstance(value, bool), "true or false"))

    def number(self, key: str) -> int:
        return int(self._typed(key, lambda value: type(value) is int, "a whole number"))

    def _typed(self, key: str, fits: Callable[[Any], bool], wanted: str) -> Any:
        value = self._fields.get(key)
        if not fits(value):
            raise StateError(f"{self.where}: {key}: expected {wanted}, found {value!r}")
        return value


def _opened(fields: _Fields, *, expected: int) -> RunEntry:
    number = fields.number("number")
    if number != expected:
        raise StateError(f"{fields.where}: number: expected {expected}, found {number}")
    return RunEntry(
        number=number,
        run=fields.text("run"),
        release=fields.text_or_none("release"),
        tier=fields.text("tier"),
        folder=fields.text("folder"),
        started=fields.text("started"),
        pid=fields.number("pid"),
        boot_id=fields.text("boot_id"),
        purpose=fields.text_or("purpose", GATE),
        recorded=fields.truth_or("recorded", default=True),
    )


def _open_one(fields: _Fields, runs: dict[int, RunEntry]) -> RunEntry:
    """The run that a line goes on with."""
    entry, run = runs.get(fields.number("number")), fields.text("run")
    if entry is None or entry.run != run or entry.finished is not None:
        raise StateError(f"{fields.where}: expected the end of an open run, found that of {run!r}")
    return entry


def _closed(fields: _Fields, runs: dict[int, RunEntry]) -> RunEntry:
    return replace(
        _open_one(fields, runs),
        verdict=fields.text("verdict"),
        exit_code=fields.number("exit_code"),
        finished=fields.text("finished"),
    )
