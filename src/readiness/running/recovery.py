"""`readiness recover`: play what a killed run left undone, prove it, and say so."""

from pathlib import Path
from typing import Final

from rich.console import Console

from readiness.drills import target_lease, undoing
from readiness.evidence.lease import Lease
from readiness.evidence.state import state_directory, state_root
from readiness.evidence.undo import UndoEntry, UndoJournal, UndoResult, play_pending
from readiness.model.errors import ReadinessError
from readiness.site.documents import load_environment
from readiness.site.environment import Environment

JOURNAL: Final = "undo"
# Importing it registers the undo actions.
UNDOING: Final = undoing


def run_recover(env: Path | None, out: Console) -> int:
    """Recover one environment, or every one that this user's state folder knows.

    Returns:
        0 when nothing is left to undo, 2 when something could not be undone or proven.
    """
    if env is not None:
        environment = load_environment(env)
        state = state_directory(environment.name)
        code = _tell(environment.name, recover(environment, state), out)
        others = [one for one in _known_folders() if one != state and _owes(one, env)]
        return max([code, *(_recover_folder(one, out, env) for one in others)])
    codes = [_recover_folder(folder, out) for folder in _known_folders()]
    if not codes:
        out.print("nothing to recover: no run has left anything here")
    return max(codes, default=0)


def _known_folders() -> list[Path]:
    return sorted(folder.parent for folder in state_root().glob(f"*/{JOURNAL}") if folder.is_dir())


def _owes(folder: Path, env: Path) -> bool:
    """Whether something is owed there by that file: the environment had another name then."""
    pending, _ = UndoJournal(folder / JOURNAL).survey()
    return any(entry.environment_file == str(env.absolute()) for entry in pending)


def _recover_folder(folder: Path, out: Console, env: Path | None = None) -> int:
    """Recover from the state folder alone: its entries name their environment file.

    What one file or a damaged line keeps from being undone keeps nothing else.
    """
    pending, damages = UndoJournal(folder / JOURNAL).survey()
    files = [str(env.absolute())] if env else [entry.environment_file for entry in pending]
    results = {one.id: UndoResult(one, proven=False, detail=one.proof) for one in damages}
    broken = 0
    for file in dict.fromkeys(files):
        try:
            played = recover(load_environment(Path(file)), folder, file)
        except ReadinessError as error:
            out.print(f"{folder.name}: NOT undone: {error}", markup=False)
            broken = 2
        else:
            results |= {one.entry.id: one for one in played}
    told = list(results.values())
    return max(broken, _tell(folder.name, told, out) if told or not broken else 0)


def recover(environment: Environment, state: Path, file: str = "") -> list[UndoResult]:
    """Play what is pending in a state folder, of one environment file if given, under its lease.

    The folder is that of the run that was killed: the environment's name may have changed since.

    Raises:
        LeaseHeld: a run is going on, here or, by the lease on a database, on another machine.
    """

    def wanted(entry: UndoEntry) -> bool:
        return not file or entry.environment_file == file

    with Lease(state, run="recover", tier="disrupt"):
        journal = UndoJournal(state / JOURNAL)
        pending, _ = journal.survey()
        runs = dict.fromkeys(entry.run for entry in pending if wanted(entry))
        with target_lease.borrowed(environment, tuple(runs)):
            return play_pending(journal, environment, only=wanted)


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
