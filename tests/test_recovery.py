"""`readiness recover` over state folders: what one entry lacks keeps no other from being undone."""

from pathlib import Path

import pytest
from engine import ENVIRONMENT
from rich.console import Console

from readiness.evidence.state import state_directory
from readiness.evidence.undo import UndoEntry, UndoJournal, undo_action
from readiness.running.recovery import run_recover

undone: list[str] = []


@undo_action("test.remember")
def _remember(arguments: object, _context: object) -> str:
    """An undo that can be seen."""
    undone.append(str(arguments["name"]))  # type: ignore[index]
    return "remembered"


@pytest.fixture(autouse=True)
def state(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """State of this test alone, and nothing undone so far."""
    monkeypatch.setenv("READINESS_STATE", str(tmp_path / "state"))
    undone.clear()


def site(tmp_path: Path, name: str) -> Path:
    """An environment file."""
    path = tmp_path / f"{name}.yaml"
    path.write_text(ENVIRONMENT.replace("name: mini", f"name: {name}"))
    return path


def owe(file: Path, name: str) -> UndoJournal:
    """Something owed by a killed run of the environment of that name and file."""
    journal = UndoJournal(state_directory(name) / "undo")
    journal.write(
        UndoEntry.prepare(
            run="killed",
            environment=name,
            environment_file=str(file),
            action="test.remember",
            arguments={"name": name},
            target="box",
            proof="it is remembered",
        )
    )
    return journal


@pytest.mark.parametrize("given", ["--env", "nothing"])
def test_an_environment_that_was_renamed_still_owes(tmp_path: Path, given: str) -> None:
    """The name in the file changed after the kill: what is owed is found and played."""
    file = site(tmp_path, "before")
    journal = owe(file, "before")
    file.write_text(file.read_text().replace("name: before", "name: after"))
    assert run_recover(file if given == "--env" else None, Console(quiet=True)) == 0
    assert undone == ["before"]
    assert journal.pending() == []


def test_a_file_that_is_gone_keeps_no_other_from_being_undone(tmp_path: Path) -> None:
    """Of two environments and two files, what can be undone is; the exit code tells of the rest."""
    gone, here, other = (site(tmp_path, name) for name in ("a", "b", "c"))
    lost = owe(gone, "a")
    owe(here, "a")
    owe(other, "c")
    gone.unlink()
    assert run_recover(None, Console(quiet=True)) == 2
    assert undone == ["a", "c"]
    assert [entry.environment_file for entry in lost.pending()] == [str(gone)]


def test_a_damaged_line_keeps_nothing_from_being_undone(tmp_path: Path) -> None:
    """It is told, ends with 2, and everything else is played, in other environments as well."""
    journal = owe(site(tmp_path, "a"), "a")
    owe(site(tmp_path, "b"), "b")
    (file,) = journal.directory.glob("*.jsonl")
    file.write_bytes(b"not JSON\n" + file.read_bytes())
    assert run_recover(None, Console(quiet=True)) == 2
    assert undone == ["a", "b"]
