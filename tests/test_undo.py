"""Undo: on disk before the action, played newest first, settled only by proof, twice is once."""

import json
import os
import time
from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from children import child, hear, say

from readiness.evidence.undo import (
    UndoAction,
    UndoEntry,
    UndoJournal,
    play_pending,
    registered_actions,
    undo_action,
)
from readiness.model.errors import StateError


@pytest.fixture
def journal(tmp_path: Path) -> UndoJournal:
    """A journal that nobody has written to."""
    return UndoJournal(tmp_path / "undo")


def entry(run: str = "r1", action: str = "file.remove", **arguments: Any) -> UndoEntry:
    """Make an entry."""
    return UndoEntry.prepare(
        run=run,
        environment="campus",
        environment_file="/etc/campus.yaml",
        action=action,
        arguments=arguments,
        target="db1",
        proof="the file is gone",
        expires_in=timedelta(minutes=3),
    )


def remove_file(arguments: Mapping[str, Any], context: Any) -> str:
    """A real undo: remove a file, and see that it is gone."""
    path = Path(arguments["path"])
    path.unlink(missing_ok=True)
    if path.exists():
        raise RuntimeError("still there")
    context.append(path.name)
    return f"{path.name} is gone"


ACTIONS: dict[str, UndoAction] = {"file.remove": remove_file}


def disturb(journal: UndoJournal, path: Path, run: str = "r1") -> UndoEntry:
    """Write the undo, then disturb: create the file."""
    written = entry(run=run, path=str(path))
    journal.write(written)
    path.touch()
    return written


def test_an_entry_comes_back_as_it_was_written(journal: UndoJournal) -> None:
    """Everything needed to play it is in the journal, and the files are private."""
    written = entry(path="/x", nested={"list": [1, None, "ü"]})
    journal.write(written)
    assert UndoJournal(journal.directory).pending() == [written]
    assert written.expires is not None
    lasts = datetime.fromisoformat(written.expires) - datetime.fromisoformat(written.written)
    assert lasts == timedelta(minutes=3)
    assert {path.stat().st_mode & 0o77 for path in journal.directory.iterdir()} == {0}


def test_an_empty_journal_owes_nothing(journal: UndoJournal) -> None:
    """Looking and playing create nothing."""
    assert journal.pending() == []
    assert play_pending(journal, None, ACTIONS) == []
    assert not journal.directory.exists()


def test_the_newest_is_played_first_across_runs(journal: UndoJournal, tmp_path: Path) -> None:
    """Order is that of writing, whatever the wall clock said meanwhile."""
    order = [("r1", "a"), ("r1", "b"), ("r9", "c"), ("r2", "d"), ("r2", "e")]
    for place, (run, name) in enumerate(order):
        backwards = f"20{50 - place}-01-01T00:00:00Z"
        written = entry(run=run, path=str(tmp_path / name))
        journal.write(replace(written, written=backwards))
    played: list[str] = []
    results = play_pending(journal, played, ACTIONS)
    assert played == ["e", "d", "c", "b", "a"]
    assert all(result.proven for result in results)


def test_playing_twice_changes_nothing(journal: UndoJournal, tmp_path: Path) -> None:
    """A proven entry is settled: the second recover plays nothing and writes nothing."""
    disturb(journal, tmp_path / "fault")
    played: list[str] = []
    (result,) = play_pending(journal, played, ACTIONS)
    assert result.proven
    assert str(result) == "file.remove on db1: undone: fault is gone"
    before = {path: path.read_bytes() for path in journal.directory.iterdir()}
    (tmp_path / "fault").touch()  # by somebody else, later: not ours to undo
    assert play_pending(journal, played, ACTIONS) == []
    assert (tmp_path / "fault").exists()
    assert {path: path.read_bytes() for path in journal.directory.iterdir()} == before


def test_a_failure_keeps_no_other_from_being_played(journal: UndoJournal, tmp_path: Path) -> None:
    """The failed one stays pending with its reason and is played again next time."""
    first = disturb(journal, tmp_path / "a")
    (tmp_path / "folder").mkdir()
    stuck = entry(path=str(tmp_path / "folder"))
    journal.write(stuck)
    results = play_pending(journal, [], ACTIONS)
    assert [(result.entry.id, result.proven) for result in results] == [
        (stuck.id, False),
        (first.id, True),
    ]
    assert "NOT undone: IsADirectoryError" in str(results[0])
    assert journal.pending() == [stuck]
    (tmp_path / "folder").rmdir()
    assert [result.proven for result in play_pending(journal, [], ACTIONS)] == [True]


def test_an_unknown_action_stays_pending(journal: UndoJournal) -> None:
    """A later version may know it; until then it is a failed result with a clear reason."""
    journal.write(entry(action="later.version"))
    (result,) = play_pending(journal, None, ACTIONS)
    assert not result.proven
    assert result.detail == "no undo action is named 'later.version' in this version"
    assert len(journal.pending()) == 1


def test_an_action_without_proof_is_not_proven(journal: UndoJournal, tmp_path: Path) -> None:
    """Having played is not enough."""
    disturb(journal, tmp_path / "a")
    (result,) = play_pending(journal, None, {"file.remove": lambda _arguments, _context: ""})
    assert (result.proven, result.detail) == (False, "the action gave no proof")
    assert len(journal.pending()) == 1


def test_only_some_can_be_played(journal: UndoJournal, tmp_path: Path) -> None:
    """A selection leaves the rest pending."""
    kept = disturb(journal, tmp_path / "a", run="r1")
    disturb(journal, tmp_path / "b", run="r2")
    play_pending(journal, [], ACTIONS, only=lambda each: each.run == "r2")
    assert journal.pending() == [kept]


def test_what_actions_say_is_made_safe_first(journal: UndoJournal, tmp_path: Path) -> None:
    """Neither the result nor the journal holds what the redactor takes out."""
    disturb(journal, tmp_path / "a")

    def leak(_arguments: Mapping[str, Any], _context: Any) -> str:
        raise RuntimeError("login failed:\nhunter2")

    redact = lambda text: text.replace("hunter2", "***")  # noqa: E731
    (result,) = play_pending(journal, None, {"file.remove": leak}, redact=redact)
    assert result.detail == "RuntimeError: login failed: ***"
    kept = b"".join(path.read_bytes() for path in journal.directory.iterdir())
    assert b"hunter2" not in kept


def test_played_and_failed_marks_settle_nothing(journal: UndoJournal) -> None:
    """Only proof does; marking a stranger is an error."""
    written = entry(path="/x")
    journal.write(written)
    journal.mark(written.id, "played", "")
    journal.mark(written.id, "failed", "no")
    assert journal.pending() == [written]
    journal.mark(written.id, "proven", "seen")
    assert journal.pending() == []
    with pytest.raises(StateError, match="no undo entry nobody to mark"):
        journal.mark("nobody", "proven", "")


def only_file(journal: UndoJournal) -> Path:
    """The one file of a journal with one run."""
    (path,) = journal.directory.glob("*.jsonl")
    return path


def test_a_torn_entry_owes_nothing(journal: UndoJournal) -> None:
    """Its action had not started; what was written before and after it counts."""
    first, torn, last = (entry(path=name) for name in "abc")
    journal.write(first)
    whole = only_file(journal).stat().st_size
    journal.write(torn)
    os.truncate(only_file(journal), whole + 60)
    assert journal.pending() == [first]
    journal.write(last)
    assert journal.pending() == [last, first]


def test_a_damaged_line_is_never_passed_over(journal: UndoJournal, tmp_path: Path) -> None:
    """What can be played is played; what cannot be read is reported as owed, by file and line."""
    disturb(journal, tmp_path / "a")
    disturb(journal, tmp_path / "b")
    lines = only_file(journal).read_bytes().split(b"\n")
    lines[0] = lines[0].replace(b'"arguments":{', b'"arguments":5,"x":{')
    only_file(journal).write_bytes(b"\n".join(lines))
    with pytest.raises(StateError, match=r"-r1\.jsonl:1: arguments: expected dict, found 5"):
        journal.pending()
    good, bad = play_pending(journal, [], ACTIONS)
    assert good.proven
    assert not (tmp_path / "b").exists()
    assert not bad.proven
    assert "expected dict, found 5" in str(bad)


def rewrite(journal: UndoJournal, **fields: Any) -> None:
    """Change fields of the only entry; None removes one."""
    values = json.loads(only_file(journal).read_bytes()) | fields
    values = {key: value for key, value in values.items() if value is not None}
    only_file(journal).write_text(json.dumps(values) + "\n", encoding="ascii")


def test_older_and_extended_entries_are_played(journal: UndoJournal, tmp_path: Path) -> None:
    """Unknown fields are left aside, and what only explains may be missing."""
    disturb(journal, tmp_path / "a")
    rewrite(journal, schema=0, environment_file=None, proof=None, expires=None, added={"new": 1})
    (result,) = play_pending(journal, [], ACTIONS)
    assert result.proven
    assert not (tmp_path / "a").exists()


def test_an_entry_of_a_newer_schema_is_reported(journal: UndoJournal, tmp_path: Path) -> None:
    """It may mean something else by now, so it is not played, and stays pending."""
    disturb(journal, tmp_path / "a")
    rewrite(journal, schema=2)
    (result,) = play_pending(journal, [], ACTIONS)
    assert not result.proven
    assert "written by a newer version (schema 2, known is 1)" in result.detail
    assert len(journal.pending()) == 1


@pytest.mark.parametrize(
    "arguments", [{"password": "x"}, {"a": {"apiKey": "x"}}, {"a": [{"client_secret": "x"}]}]
)
def test_a_secret_is_refused(arguments: dict[str, Any]) -> None:
    """A journal holds references to secrets, never secrets."""
    with pytest.raises(ValueError, match="looks like a secret"):
        entry(**arguments)
    assert entry(password="file:/run/secret", token="env:TOKEN").arguments["token"] == "env:TOKEN"


def test_a_run_that_cannot_name_a_file_is_refused() -> None:
    """A run's name cannot lead out of the journal's folder."""
    with pytest.raises(ValueError, match="run: expected"):
        entry(run="../r1")


def test_actions_are_registered_once() -> None:
    """The registry finds an action by name, and refuses two of the same name."""
    undo_action("test.registered-once")(remove_file)
    assert registered_actions()["test.registered-once"] is remove_file
    undo_action("test.registered-once")(remove_file)
    with pytest.raises(ValueError, match=r"'test\.registered-once' is registered twice"):
        undo_action("test.registered-once")(lambda _arguments, _context: "")


DRILL = """
    import resource, sys
    from pathlib import Path
    from readiness.model.errors import StateError
    from readiness.evidence.undo import UndoEntry, UndoJournal
    journal, folder, room = UndoJournal(Path(sys.argv[1])), Path(sys.argv[2]), int(sys.argv[3])
    if room:
        resource.setrlimit(resource.RLIMIT_FSIZE, (room, resource.RLIM_INFINITY))
    for number in range(1000):
        path = folder / f"fault-{sys.argv[4]}-{number}"
        entry = UndoEntry.prepare(
            run=sys.argv[4], environment="campus", environment_file="/etc/campus.yaml",
            action="file.remove", arguments={"path": str(path)}, target="db1", proof="gone")
        try:
            journal.write(entry)
        except StateError as error:
            print(error, flush=True)
            break
        path.touch()
        print(number, flush=True)
"""


def faults(folder: Path) -> list[Path]:
    """What drills have left behind."""
    return list(folder.glob("fault-*"))


def test_kill_9_at_any_moment_leaves_nothing_that_recover_misses(
    journal: UndoJournal, tmp_path: Path
) -> None:
    """Drills killed while they write and disturb are undone whole by another process' journal."""
    for generation in range(4):
        with child(DRILL, journal.directory, tmp_path, 0, f"r{generation}") as drill:
            assert hear(drill) == "0"
            drill.kill()
            drill.wait()
    assert faults(tmp_path)
    results = play_pending(journal, [], ACTIONS)
    assert all(result.proven for result in results)
    assert faults(tmp_path) == []
    assert play_pending(journal, [], ACTIONS) == []


def test_a_full_disk_stops_the_action_before_it_starts(
    journal: UndoJournal, tmp_path: Path
) -> None:
    """No undo on disk, no disturbance; and all that was disturbed before is undone."""
    with child(DRILL, journal.directory, tmp_path, 2_000, "r1") as drill:
        *done, error = drill.communicate()[0].splitlines()
    assert "nothing was appended" in error
    assert len(faults(tmp_path)) == len(done) == len(journal.pending())
    play_pending(journal, [], ACTIONS)
    assert faults(tmp_path) == []


def test_a_full_disk_keeps_nothing_from_being_undone(journal: UndoJournal, tmp_path: Path) -> None:
    """Without room for its marks recover still undoes everything, and says what is not marked."""
    for name in ("fault-a", "fault-b"):
        disturb(journal, tmp_path / name)
    script = """
        import resource, sys
        from pathlib import Path
        from readiness.evidence.undo import UndoJournal, play_pending
        def remove(arguments, context):
            Path(arguments["path"]).unlink(missing_ok=True)
            return "gone"
        size = int(sys.argv[2])
        resource.setrlimit(resource.RLIMIT_FSIZE, (size, resource.RLIM_INFINITY))
        for result in play_pending(UndoJournal(Path(sys.argv[1])), None, {"file.remove": remove}):
            print(result, flush=True)
    """
    size = only_file(journal).stat().st_size
    with child(script, journal.directory, size + 20) as recover:
        lines = recover.communicate()[0].splitlines()
    assert len(lines) == 2
    assert all("undone: gone (not marked: " in line for line in lines)
    assert faults(tmp_path) == []
    assert [result.proven for result in play_pending(journal, [], ACTIONS)] == [True, True]


def wait_until_open(pid: int, path: Path) -> None:
    """Wait, at most 30 s, until a process has a file open."""
    deadline = time.monotonic() + 30
    while not any(
        os.path.realpath(each) == str(path) for each in Path(f"/proc/{pid}/fd").iterdir()
    ):
        assert time.monotonic() < deadline, f"process {pid} never opened {path}"
        time.sleep(0.01)


def test_two_recovers_at_once_play_once(journal: UndoJournal, tmp_path: Path) -> None:
    """The second waits for the first and finds nothing left."""
    disturb(journal, tmp_path / "fault-a")
    script = """
        import sys
        from pathlib import Path
        from readiness.evidence.undo import UndoJournal, play_pending
        def remove(arguments, context):
            print("playing", flush=True)
            sys.stdin.readline()
            Path(arguments["path"]).unlink()
            return "gone"
        play_pending(UndoJournal(Path(sys.argv[1])), None, {"file.remove": remove})
        print("done", flush=True)
    """
    with child(script, journal.directory) as first, child(script, journal.directory) as second:
        # Which of them plays is open; both have reached the lock before the player may go on.
        for process in (first, second):
            wait_until_open(process.pid, journal.directory / ".playing")
        for process in (first, second):
            say(process, "go on")
        answers = [process.communicate()[0].split() for process in (first, second)]
    assert sorted(answers) == [["done"], ["playing", "done"]]
    assert journal.pending() == []
