"""`readiness halt`: stop an environment's run, and answer when it has ended and undone what it did.

Asking is not stopping: a drill takes its time to undo what it did, and who halts it wants to know
that it has.
"""

import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Final

from readiness.evidence.lease import Holder, halt, holder
from readiness.evidence.record import read_record
from readiness.evidence.state import UNFINISHED, RunEntry, RunLog, state_directory
from readiness.model.errors import ReadinessError

REASON: Final = "asked by `readiness halt`"
STILL_GOING_ON: Final = 2
# Longer than a gate waits for what it started (90 s), and then undoes the rest by itself.
PATIENCE: Final = 600.0
TICK: Final = 0.2


def halt_and_wait(
    environment: str, say: Callable[[str], object], *, patience: float = PATIENCE
) -> int:
    """Halt the environment's run and tell how it ended.

    Returns:
        0 when no run holds the environment any more, 2 when it had not ended within patience
        (seconds), or left something that is not undone.
    """
    state = state_directory(environment)
    asked = halt(state, REASON)
    say(asked.detail)
    if asked.found is None:
        return 0
    deadline = time.monotonic() + patience
    while _goes_on(state, asked.found):
        if time.monotonic() >= deadline:
            say(f"run {asked.found.run} has NOT ended within {patience:g} s; it was asked to")
            return STILL_GOING_ON
        time.sleep(TICK)
    return _tell(state, asked.found, say)


def _goes_on(state: Path, asked: Holder) -> bool:
    """Whether that run holds the environment; its name may not have been known at first."""
    now = holder(state)
    same = now is not None and (now.pid, now.process_start) == (asked.pid, asked.process_start)
    return same or (now is not None and not asked.pid)


def _tell(state: Path, asked: Holder, say: Callable[[str], object]) -> int:
    """How it ended and what it undid, from the log and its record."""
    entry = _entry_of(state, asked)
    if entry is None:
        say("it has ended before it had touched anything")
        return 0
    run = entry.run
    how = "without closing its record" if entry.verdict == UNFINISHED else f"as {entry.verdict}"
    try:
        undone, owed = _undone(entry)
    except ReadinessError as error:
        say(f"run {run} has ended {how}; what it undid is not known: {error}")
        return STILL_GOING_ON
    for line in (*undone, *owed):
        say(line)
    count = f"{len(undone)} undone and proven" if undone else "nothing was to undo"
    if owed:
        count += f", {len(owed)} NOT undone: run `readiness recover`"
    say(f"run {run} has ended {how}: {count}")
    return STILL_GOING_ON if owed else 0


def _entry_of(state: Path, asked: Holder) -> RunEntry | None:
    """The run in the log: by its process, as a run that is starting has no name yet."""
    entries = reversed(RunLog(state).entries())
    mine = ((one, (one.pid, one.boot_id) == (asked.pid, asked.boot_id)) for one in entries)
    return next((one for one, same in mine if one.folder and (same or one.run == asked.run)), None)


def _undone(entry: RunEntry) -> tuple[list[str], list[str]]:
    """What was undone, and what was not or is owed still, each in a line."""
    record = read_record(Path(entry.folder))
    wanted = {one["entry"]: one for one in record.of("undo-written")}
    proofs = {one["entry"]: one["reason"] for one in record.of("undo-played")}
    failed = {one.get("entry", ""): one["reason"] for one in record.of("undo-failed")}

    def lines() -> Iterator[str]:
        for name, reason in failed.items():
            if name not in proofs:
                yield f"  NOT undone: {reason}"
        for name, one in wanted.items():
            if name not in proofs and name not in failed:
                yield f"  NOT undone: {one['action']} on {one['target']}"

    return [f"  {reason}" for reason in proofs.values()], list(lines())
