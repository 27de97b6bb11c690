"""`readiness recover`: play what a killed run left undone, prove it, and say so."""

from pathlib import Path
from typing import Final

from rich.console import Console

from readiness.documents import load_environment
from readiness.drills import actions, copy, primary, target_lease
from readiness.environment import Environment
from readiness.errors import ReadinessError
from readiness.lease import Lease
from readiness.state import state_directory, state_root
from readiness.undo import UndoEntry, UndoJournal, UndoResult, play_pending

JOURNAL: Final = "undo"
# Importing these registers their undo actions.
MODULES: Final = (actions, copy, primary, target_lease)


def run_recover(env: Path | None, out: Console) -> int:
    """Recover one environment, or every one that this user's state folder knows.

    Returns:
        0 when nothing is left to undo, 2 when something could not be undone or proven.
    """
    if env is not None:
        environment = load_environment(env)
        results = recover(environment)
        return _tell(environment.name, results, out)
    codes = [_recover_folder(folder, out) for folder in _known_folders()]
    if not codes:
        out.print("nothing to recover: no run has left anything here")
    return max(codes, default=0)


def _known_folders() -> list[Path]:
    root = state_root()
    return sorted(folder for folder in root.iterdir() if (folder / JOURNAL).is_dir())


def _recover_folder(folder: Path, out: Console) -> int:
    """Recover from the state folder alone: its entries name their environment file."""
    journal = UndoJournal(folder / JOURNAL)
    entries = journal.pending()
    if not entries:
        return _tell(folder.name, [], out)
    results: list[UndoResult] = []
    for file in dict.fromkeys(entry.environment_file for entry in entries):
        try:
            results += recover(load_environment(Path(file)), file=file)
        except ReadinessError as error:
            out.print(f"{folder.name}: {error}", markup=False)
            return 2
    return _tell(folder.name, results, out)


def recover(environment: Environment, file: str = "") -> list[UndoResult]:
    """Play the pending entries of an environment, holding its lease.

    Raises:
        LeaseHeld: a run is going on; it undoes its own.
    """
    state = state_directory(environment.name)

    def wanted(entry: UndoEntry) -> bool:
        return not file or entry.environment_file == file

    with Lease(state, run="recover", tier="disrupt"):
        return play_pending(UndoJournal(state / JOURNAL), environment, only=wanted)


def _tell(name: str, results: list[UndoResult], out: Console) -> int:
    for result in results:
        out.print(f"{name}: {result}", markup=False)
    failed = [result for result in results if not result.proven]
    if failed:
        out.print(f"{name}: {len(failed)} of {len(results)} could NOT be undone", markup=False)
        return 2
    done = f"{len(results)} undone and proven" if results else "nothing to undo"
    out.print(f"{name}: {done}", markup=False)
    return 0
