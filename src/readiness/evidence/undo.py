"""Undo: what will be disturbed is written down, durably, before it is disturbed.

An entry is data (the name of an action and its arguments), never a closure, so `recover` can play
it after a kill, after a reboot, from any machine that has the journal and in any later version.
The rules:

1. An entry is on disk before its action starts. An entry torn while it was written means that the
   action never started, so nothing is owed for it.
2. An entry is pending until it is proven: its action was played *and* the wanted state was seen.
3. The newest is played first, and one that fails keeps none of the others from being played.
4. Playing is idempotent. A journal that cannot take the mark leaves the entry pending, and playing
   it again changes nothing.

An expiry on the target does not settle an entry: the target heals by itself, and that is still to
be proven.
"""

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from os import close
from pathlib import Path
from typing import Any, Final, Literal

from readiness.evidence import durable, locking
from readiness.evidence.undo_entry import SCHEMA, UndoEntry, read_entry, unreadable_entry
from readiness.model.clock import Clock
from readiness.model.errors import LeaseHeld, StateError

__all__ = [
    "SCHEMA",
    "UndoAction",
    "UndoEntry",
    "UndoJournal",
    "UndoResult",
    "play_pending",
    "registered_actions",
    "undo_action",
]

Mark = Literal["played", "proven", "failed"]
UndoAction = Callable[[Mapping[str, Any], Any], str]
"""(arguments, context) -> proof in words; raises when the wanted state was not seen."""

_REGISTRY: dict[str, UndoAction] = {}
_PLAYING_PATIENCE_S: Final = 60.0


def undo_action(name: str) -> Callable[[UndoAction], UndoAction]:
    """Register a callable that plays *and* proves the undo of that name; it must be idempotent.

    Names are permanent: journals of killed runs and older versions hold them.
    """

    def register(action: UndoAction) -> UndoAction:
        if _REGISTRY.setdefault(name, action) is not action:
            raise ValueError(f"undo action {name!r} is registered twice")
        return action

    return register


def registered_actions() -> Mapping[str, UndoAction]:
    """Return the actions registered by the modules imported so far."""
    return dict(_REGISTRY)


class UndoJournal:
    """A folder with one append-only file per run, numbered in the order the runs first wrote.

    The order of files and lines, not the wall clock, says what is newest.
    """

    def __init__(self, directory: Path) -> None:
        """Use that folder; it is created when the first entry is written."""
        self.directory = directory

    def write(self, entry: UndoEntry) -> None:
        """Return only when the entry is on disk; the action may start then and not before.

        Raises:
            StateError: the entry is not on disk, so the action must not start.
        """
        durable.make_folder(self.directory)
        with locking.appending(self.directory / ".lock"):
            path = self._file_of(entry.run)
            self._append(path, {"event": "undo", **asdict(entry)})

    def mark(self, identity: str, state: Mark, detail: str) -> None:
        """Note durably what became of an entry; only `proven` settles it."""
        for path in self._files():
            if any(entry.id == identity for entry, _ in self._read(path)[0]):
                at = Clock().now().utc
                fields = {"event": "mark", "schema": SCHEMA, "id": identity}
                with locking.appending(self.directory / ".lock"):
                    self._append(path, {**fields, "state": state, "detail": detail, "at": at})
                return
        raise StateError(f"{self.directory}: no undo entry {identity} to mark as {state}")

    def pending(self) -> list[UndoEntry]:
        """Return what is not proven, newest first.

        Raises:
            StateError: a line before a file's tail is damaged, so something may be owed unseen.
        """
        entries, damages = self.survey()
        if damages:
            raise StateError("; ".join(damage.proof for damage in damages))
        return entries

    def survey(self) -> tuple[list[UndoEntry], list[UndoEntry]]:
        """Return what is not proven, newest first, and a stand-in for each damaged line."""
        pending: list[UndoEntry] = []
        damages: list[UndoEntry] = []
        for path in reversed(self._files()):
            entries, broken = self._read(path)
            pending += [entry for entry, proven in reversed(entries) if not proven]
            damages += broken
        return pending, damages

    def _append(self, path: Path, fields: dict[str, Any]) -> None:
        with locking.appending(path) as descriptor:
            durable.append_object(descriptor, fields, name=path)

    def _files(self) -> list[Path]:
        return sorted(self.directory.glob("*-*.jsonl"), key=_order)

    def _file_of(self, run: str) -> Path:
        files = self._files()
        for path in files:
            if path.stem.partition("-")[2] == run:
                return path
        number = _order(files[-1])[0] + 1 if files else 1
        return self.directory / f"{number:06d}-{run}.jsonl"

    def _read(self, path: Path) -> tuple[list[tuple[UndoEntry, bool]], list[UndoEntry]]:
        """Return a file's entries in order, each with whether it is proven, and its damages."""
        entries: dict[str, UndoEntry] = {}
        proven: set[str] = set()
        damages: list[UndoEntry] = []
        for line in durable.read_lines(path):
            if line.torn:
                continue
            try:
                fields = durable.read_object(path, line)
                if fields.get("event") == "undo":
                    entry = read_entry(fields, f"{path}:{line.number}")
                    entries[entry.id] = entry
            except StateError as error:
                damages.append(unreadable_entry(f"{path.name}:{line.number}", str(error)))
                continue
            if fields.get("event") == "mark" and fields.get("state") == "proven":
                proven.add(str(fields.get("id")))
        return [(entry, entry.id in proven) for entry in entries.values()], damages


@dataclass(frozen=True)
class UndoResult:
    """What became of one entry; `str` of it is one sentence."""

    entry: UndoEntry
    proven: bool
    detail: str
    """The proof, or why there is none."""

    def __str__(self) -> str:
        """Name action, target and outcome."""
        outcome = "undone" if self.proven else "NOT undone"
        return f"{self.entry.action} on {self.entry.target}: {outcome}: {self.detail}"


def play_pending(
    journal: UndoJournal,
    context: Any,
    actions: Mapping[str, UndoAction] | None = None,
    *,
    only: Callable[[UndoEntry], bool] = lambda _: True,
    redact: Callable[[str], str] = str,
) -> list[UndoResult]:
    """Play what is pending, newest first, going on after failures, and mark each entry.

    Args:
        journal: where the entries are.
        context: handed to every action: the connections it may need.
        actions: by name; without it those that are registered.
        only: which entries to play; damaged lines are always reported, as failed results.
        redact: applied to what actions say before it is kept.

    Raises:
        LeaseHeld: somebody else has been playing this journal for a minute.
    """
    if not any(journal.survey()):
        return []
    known = registered_actions() if actions is None else actions
    with _playing(journal):
        pending, damages = journal.survey()
        results = [
            _play(journal, entry, context, known.get(entry.action), redact)
            for entry in pending
            if only(entry)
        ]
    return results + [UndoResult(damage, proven=False, detail=damage.proof) for damage in damages]


def _play(
    journal: UndoJournal,
    entry: UndoEntry,
    context: Any,
    action: UndoAction | None,
    redact: Callable[[str], str],
) -> UndoResult:
    proven, detail = _attempt(entry, context, action)
    detail = redact(detail)
    try:
        journal.mark(entry.id, "proven" if proven else "failed", detail)
    except StateError as error:
        # A full disk must not keep the rest from being undone; played again, this changes nothing.
        detail += f" (not marked: {error})"
    return UndoResult(entry, proven=proven, detail=detail)


def _attempt(entry: UndoEntry, context: Any, action: UndoAction | None) -> tuple[bool, str]:
    """Return whether the undo is proven, and the proof or the reason in one line."""
    if entry.schema > SCHEMA:
        return False, f"written by a newer version (schema {entry.schema}, known is {SCHEMA})"
    if action is None:
        return False, f"no undo action is named {entry.action!r} in this version"
    try:
        proof = action(entry.arguments, context)
    except Exception as error:  # noqa: BLE001 - whatever broke, the others must still be played
        return False, " ".join(f"{type(error).__name__}: {error}".split())
    return (True, proof) if proof else (False, "the action gave no proof")


@contextmanager
def _playing(journal: UndoJournal) -> Iterator[None]:
    """Let one process at a time play a journal; a second waits for what the first leaves."""
    descriptor = durable.open_append(journal.directory / ".playing")
    try:
        if not locking.try_lock(descriptor, patience=_PLAYING_PATIENCE_S):
            raise LeaseHeld(f"{journal.directory}: another process is undoing; wait for its end")
        yield
    finally:
        close(descriptor)


def _order(path: Path) -> tuple[int, str]:
    """Sort by the number in the name; a foreign file without one comes first, as the oldest."""
    number = path.stem.partition("-")[0]
    return (int(number) if number.isdecimal() else 0, path.name)
