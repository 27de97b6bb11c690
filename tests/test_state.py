"""The log of runs: numbers never repeat, nothing that was started disappears."""

import json
import stat
from contextlib import ExitStack
from pathlib import Path

import pytest
from children import child, hear, say

from readiness.evidence.durable import SEAL
from readiness.evidence.state import DRIFT, UNFINISHED, RunLog, state_directory
from readiness.model.errors import StateError


@pytest.fixture
def log(tmp_path: Path) -> RunLog:
    """An empty log."""
    return RunLog(tmp_path)


def run(log: RunLog, name: str, verdict: str | None = None, release: str | None = "1.0") -> int:
    """Enter a run, ended where a verdict is given."""
    number = log.open_run(name, release, "observe", Path("/reports", name))
    if verdict is not None:
        log.close_run(name, verdict, {"GO": 0, "NO-GO": 1}.get(verdict, 2))
    return number


def names(log: RunLog, run_id: str | None = None) -> list[tuple[str, str]]:
    """What `earlier` tells, shortened."""
    return [(entry.run, entry.verdict) for entry in log.earlier(run_id)]


def test_a_drift_look_counts_only_when_something_failed(log: RunLog) -> None:
    """Looks of the timer do not crowd the list of runs that a GO took; a failure they saw does."""
    run(log, "gate", "NO-GO")
    for name, verdict in (("quiet", "INCONCLUSIVE"), ("red", "NO-GO")):
        log.open_run(name, "1.0", "observe", Path("/reports", name), DRIFT)
        log.close_run(name, verdict, 2)
    run(log, "now")
    assert names(log, "now") == [("gate", "NO-GO"), ("red", "NO-GO")]


def test_b4_numbers_of_idle_drift_looks_are_told(log: RunLog) -> None:
    """Quiet and killed looks decide nothing; one that saw something fail, and a gate, do."""
    run(log, "gate", "GO")
    for name, verdict in (("quiet", "INCONCLUSIVE"), ("killed", None), ("red", "NO-GO")):
        log.open_run(name, "1.0", "observe", Path("/reports", name), DRIFT)
        if verdict:
            log.close_run(name, verdict, 2)
    run(log, "again", "GO")
    log.open_run("last", "1.0", "observe", Path("/reports/last"), DRIFT)
    run(log, "now")
    assert log.drift_looks("now") == ((2, 3), (6, 6))


def test_a_run_that_died_before_it_had_a_record_decides_nothing(
    log: RunLog, tmp_path: Path
) -> None:
    """Nobody can give it to a judge; one that had a record can be given, and is asked for."""
    log.open_run("died", None, "observe", tmp_path)
    log.open_run("killed", None, "observe", tmp_path)
    log.recorded("killed")
    log.open_run("closed by an older version", None, "observe", tmp_path)
    log.close_run("closed by an older version", "NO-GO", 1)
    log.open_run("now", None, "observe", tmp_path)
    assert log.drift_looks("now") == ((1, 1),)
    died, killed, closed, _ = log.entries()
    assert (died.decides_nothing, killed.decides_nothing) == (True, False)
    assert not closed.decides_nothing


@pytest.mark.parametrize(
    ("variables", "base"),
    [
        ({"READINESS_STATE": "own", "XDG_STATE_HOME": "xdg"}, "own"),
        ({"XDG_STATE_HOME": "xdg"}, "xdg"),
        ({}, "home/.local/state"),
    ],
)
def test_the_state_folder_follows_the_variables(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, variables: dict[str, str], base: str
) -> None:
    """Our own variable wins over the standard's, which wins over the home folder; mode 0700."""
    for name in ("READINESS_STATE", "XDG_STATE_HOME"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    for name, value in variables.items():
        monkeypatch.setenv(name, str(tmp_path / value))
    folder = state_directory("campus")
    assert folder == tmp_path / base / "readiness" / "campus"
    assert stat.S_IMODE(folder.stat().st_mode) == 0o700


def test_a_relative_standard_variable_counts_as_unset(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The XDG standard asks for that."""
    monkeypatch.delenv("READINESS_STATE", raising=False)
    monkeypatch.setenv("XDG_STATE_HOME", "relative")
    monkeypatch.setenv("HOME", str(tmp_path))
    assert state_directory("campus").is_relative_to(tmp_path)


@pytest.mark.parametrize("name", ["", "..", "a/b", ".hidden", "a\nb"])
def test_a_name_that_leads_elsewhere_is_refused(name: str) -> None:
    """An environment's name cannot point out of the state folder."""
    with pytest.raises(StateError, match="environment name: expected"):
        state_directory(name)


def test_numbers_are_consecutive_and_runs_remembered(log: RunLog) -> None:
    """Every started run has the next number, its facts and its end."""
    assert [run(log, "a", "GO"), run(log, "b"), run(log, "c", "NO-GO")] == [1, 2, 3]
    first, second, third = log.entries()
    assert (first.verdict, first.exit_code, first.folder) == ("GO", 0, "/reports/a")
    assert (second.verdict, second.exit_code, second.finished) == (UNFINISHED, None, None)
    assert (third.verdict, third.exit_code, third.release) == ("NO-GO", 1, "1.0")
    assert first.pid > 0
    assert stat.S_IMODE(log.path.stat().st_mode) == 0o600


def test_earlier_runs_reach_back_to_the_last_go(log: RunLog) -> None:
    """Failures and unfinished runs since the last GO are told; those before it are not."""
    run(log, "old", "NO-GO")
    run(log, "good", "GO")
    run(log, "red", "NO-GO")
    run(log, "killed")
    run(log, "now")
    assert names(log, "now") == [("red", "NO-GO"), ("killed", UNFINISHED)]
    assert names(log) == [("red", "NO-GO"), ("killed", UNFINISHED), ("now", UNFINISHED)]


def test_earlier_runs_reach_back_to_a_change_of_release(log: RunLog) -> None:
    """Another release's failures are not this one's, and a release without a name is one too."""
    run(log, "a", "NO-GO", release="1.0")
    run(log, "b", "NO-GO", release=None)
    run(log, "c", "NO-GO", release=None)
    run(log, "d", release=None)
    assert names(log, "d") == [("b", "NO-GO"), ("c", "NO-GO")]
    run(log, "e", release="1.0")
    assert names(log, "e") == []


def test_nothing_written_means_no_earlier_runs(log: RunLog) -> None:
    """Asking an empty log is no error and creates no file; asking about a stranger is one."""
    assert log.earlier() == ()
    assert not log.path.exists()
    with pytest.raises(StateError, match="run x was never opened"):
        log.earlier("x")


def test_a_run_starts_once_and_ends_once(log: RunLog) -> None:
    """Opening or closing twice, and closing what was never opened, are clear errors."""
    run(log, "a", "NO-GO")
    with pytest.raises(StateError, match="run a is in the log already"):
        run(log, "a")
    with pytest.raises(StateError, match="run a ended already as NO-GO"):
        log.close_run("a", "GO", 0)
    with pytest.raises(StateError, match="run b was never opened"):
        log.close_run("b", "GO", 0)


def tear(log: RunLog) -> None:
    """Cut the last line in its middle, as a power cut would."""
    content = log.path.read_bytes()
    start = content.rstrip(b"\n").rfind(b"\n") + 1
    log.path.write_bytes(content[: start + (len(content) - start) // 2])


def test_a_torn_opening_keeps_its_number(log: RunLog) -> None:
    """A run torn while it was entered shows as unfinished, and its number is never given again."""
    run(log, "a", "NO-GO")
    run(log, "b")
    tear(log)
    assert [(e.number, e.run, e.verdict, e.torn) for e in log.earlier()] == [
        (1, "a", "NO-GO", False),
        (2, "", UNFINISHED, True),
    ]
    assert run(log, "c", "NO-GO") == 3
    assert [entry.number for entry in log.earlier()] == [1, 2, 3]
    assert SEAL + b"\n" in log.path.read_bytes()


def test_a_torn_end_leaves_the_run_unfinished(log: RunLog) -> None:
    """An end not written whole did not happen, takes no number, and may be written again."""
    run(log, "a", "GO")
    tear(log)
    assert names(log) == [("a", UNFINISHED)]
    assert run(log, "b") == 2
    log.close_run("a", "GO", 0)
    assert names(log, "b") == []


@pytest.mark.parametrize(
    ("old", "new", "reason"),
    [
        (b'"event"', b'event"', r":2: expected a JSON object"),
        (b'"number":2', b'"number":7', r":2: number: expected 2, found 7"),
        (b'"number":2', b'"number":1', r":2: number: expected 2, found 1"),
        (b'"run":"b"', b'"run":5', r":2: run: expected text, found 5"),
        (b'"schema":1', b'"schema":2', r":2: written by a newer version"),
        (b'{"event":"open"', b'[{"event":"open"', r":2: expected a JSON object"),
    ],
)
def test_a_damaged_middle_is_refused(log: RunLog, old: bytes, new: bytes, reason: str) -> None:
    """File and line are named, and nobody gets a number from such a log."""
    for name in ("a", "b", "c"):
        run(log, name)
    lines = log.path.read_bytes().split(b"\n")
    lines[1] = lines[1].replace(old, new)
    log.path.write_bytes(b"\n".join(lines))
    with pytest.raises(StateError, match=r"runs\.jsonl" + reason):
        log.earlier()
    with pytest.raises(StateError, match=r"runs\.jsonl" + reason):
        run(log, "d")


def test_a_removed_line_is_noticed(log: RunLog) -> None:
    """A failed run cannot be cut out of the middle."""
    for name in ("a", "b", "c"):
        run(log, name, "NO-GO")
    lines = log.path.read_bytes().splitlines(keepends=True)
    log.path.write_bytes(b"".join(line for line in lines if b'"run":"b"' not in line))
    with pytest.raises(StateError, match="number: expected 2, found 3"):
        log.entries()


def test_events_and_fields_of_later_versions_are_kept_aside(log: RunLog) -> None:
    """What this version does not know within the schema changes nothing."""
    run(log, "a", "NO-GO")
    with log.path.open("a", encoding="ascii") as file:
        file.write(json.dumps({"event": "note", "schema": 1, "text": "new"}) + "\n")
    assert run(log, "b") == 2
    assert names(log, "b") == [("a", "NO-GO")]


OPENER = """
    import sys
    from pathlib import Path
    from readiness.evidence.state import RunLog
    log, name = RunLog(Path(sys.argv[1])), sys.argv[2]
    print("ready", flush=True)
    sys.stdin.readline()
    for count in range(20):
        print(log.open_run(f"{name}-{count}", "1.0", "observe", Path("/r")), flush=True)
"""


def test_racing_gates_get_different_numbers(log: RunLog) -> None:
    """Three processes opening runs at once share out consecutive numbers."""
    with ExitStack() as stack:
        gates = [stack.enter_context(child(OPENER, log.path.parent, name)) for name in "xyz"]
        for gate in gates:
            assert hear(gate) == "ready"
        for gate in gates:
            say(gate, "go")
        numbers = [int(line) for gate in gates for line in gate.communicate()[0].split()]
    assert sorted(numbers) == list(range(1, 61))
    assert [entry.number for entry in log.entries()] == list(range(1, 61))


def test_kill_9_leaves_unfinished_runs_and_no_gap(log: RunLog) -> None:
    """Gates killed while they enter runs leave a log that goes on; told numbers stay taken."""
    told: list[int] = []
    for generation in range(4):
        with child(OPENER, log.path.parent, f"g{generation}") as gate:
            assert hear(gate) == "ready"
            say(gate, "go")
            told.append(int(hear(gate)))
            gate.kill()
            told += [int(line) for line in gate.communicate()[0].split()]
    assert len(set(told)) == len(told)
    fresh = run(log, "after")
    assert fresh > max(told)
    assert [entry.number for entry in log.earlier()] == list(range(1, fresh + 1))
    assert {entry.verdict for entry in log.earlier()} == {UNFINISHED}


def test_a_full_disk_starts_no_run(log: RunLog) -> None:
    """A run that cannot be entered is refused with the file's name and takes no number."""
    script = """
        import resource, sys
        from pathlib import Path
        from readiness.model.errors import StateError
        from readiness.evidence.state import RunLog
        log = RunLog(Path(sys.argv[1]))
        size = log.path.stat().st_size + 40
        resource.setrlimit(resource.RLIMIT_FSIZE, (size, resource.RLIM_INFINITY))
        try:
            log.open_run("b", "1.0", "observe", Path("/r"))
        except StateError as error:
            print(error, flush=True)
    """
    run(log, "a", "NO-GO")
    with child(script, log.path.parent) as gate:
        assert hear(gate).startswith(f"{log.path}: nothing was appended")
    assert run(log, "c") == 2
    assert names(log, "c") == [("a", "NO-GO")]
