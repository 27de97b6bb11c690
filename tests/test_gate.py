"""The gate as a process: verdicts, interruptions, kills, full disks, two at once."""

import json
import os
import shutil
import signal
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from engine import ROOT, Engine, Site, Started, gate_of, judged

from readiness.evidence.lease import holder
from readiness.evidence.record import RecordWriter, now, read_record
from readiness.evidence.redact import Redactor
from readiness.evidence.state import UNFINISHED, RunLog
from readiness.model.words import Decision, Json, Outcome
from readiness.session import run as opening

DEADLINE = 180.0


def wait_until(so: Callable[[], bool], what: str) -> None:
    """Ask until it is so."""
    end = time.monotonic() + DEADLINE
    while not so():
        assert time.monotonic() < end, f"not within {DEADLINE:g} s: {what}"
        time.sleep(0.02)


def recorded(site: Site, kind: str) -> bool:
    """Whether the newest run holds an event of that kind by now."""
    runs = site.runs()
    path = runs[-1] / "record.jsonl" if runs else None
    return bool(path and path.exists() and f'"kind":"{kind}"' in path.read_text())


def child_of(pid: int) -> int:
    """The one child of a process."""
    (child,) = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
    return int(child)


def is_gone(pid: int) -> bool:
    """Whether a process has ended; one that nobody waited for counts as ended."""
    try:
        return "\nState:\tZ" in Path(f"/proc/{pid}/status").read_text()
    except FileNotFoundError:
        return True


@contextmanager
def looking(
    engine: Engine, site: Site, ignored: tuple[signal.Signals, ...] = ()
) -> Iterator[Started]:
    """A gate that is in the middle of looking at a listener that never answers."""
    with engine.started("cli", gate_of(site), site, ignored=ignored) as gate:
        wait_until(lambda: recorded(site, "case-started") or is_gone(gate.pid), "a case started")
        wait_until(
            lambda: '"case-started"' in tail(site) and "TLS-001" in tail(site), "TLS is asked for"
        )
        yield gate


def tail(site: Site) -> str:
    """What the newest record holds by now."""
    return (site.runs()[-1] / "record.jsonl").read_text()


def log(site: Site) -> RunLog:
    """The site's log of runs."""
    return RunLog(site.state / "readiness" / "mini")


def last_line(site: Site, decision: str, code: int) -> str:
    """The line for scripts that ends the newest run."""
    run = site.runs()[-1]
    return f"VERDICT={decision} EXIT={code} RUN={run.name} REPORT={run / 'index.html'}"


def test_a_healthy_site_is_a_go(engine: Engine, served: Site) -> None:
    """Every required clause is proven: exit 0, the line for scripts, reports, `latest`, the log."""
    ended = engine.gate(served)
    assert (ended.code, ended.lines[-1]) == (0, last_line(served, "GO", 0)), ended.text
    assert (served.reports / "latest").resolve() == served.runs()[-1]
    written = json.loads((served.reports / "latest" / "verdict.json").read_text())
    assert (written["verdict"], written["exit_code"]) == ("GO", 0)
    assert [(one.number, one.verdict) for one in log(served).entries()] == [(1, "GO")]
    for name in ("record.jsonl", "verdict.json", "index.html", "pytest.log"):
        assert (served.runs()[-1] / name).stat().st_mode & 0o077 == 0


def test_what_could_not_be_asked_has_a_reason_and_no_place_in_the_code(
    engine: Engine, site: Site
) -> None:
    """Of a site that is not reached hundreds of cases end alike: no source is printed for each."""
    engine.gate(site)
    told = (site.runs()[-1] / "pytest.log").read_text()
    assert "NotRun: " in told
    assert "@check(" not in told


def test_a_folder_that_looks_like_a_secret(engine: Engine, site: Site) -> None:
    """The record hides its name, and the run goes on with the file that is in it."""
    with TemporaryDirectory(prefix="Xk9fQ2vZp0LrT7aBcD3eF5gH7jK9mN8x", dir="/tmp") as folder:
        hidden = shutil.copytree(site.folder, Path(folder) / "site") / site.environment.name
        words = ("--env", hidden, "--reports", site.reports, "--only", "OBJ-001")
        ended = engine.cli(site, "gate", *words)
    assert folder not in (site.runs()[-1] / "record.jsonl").read_text()
    assert "1 passed" in ended.text, ended.text


def test_by_hand_it_is_the_same(engine: Engine, served: Site) -> None:
    """`pytest suites --env …` leaves the same cases, phases and claims, and the same verdict."""
    engine.gate(served)
    files = ("--env", served.environment, "--policy", served.policy, "--reports", served.reports)
    # What these tests start finds no plugin by itself.
    html = ("-p", "pytest_metadata.plugin", "-p", "pytest_html.plugin")
    ended = engine.run("pytest", (*html, ROOT / "suites", *files), served)
    assert ended.lines[-1] == last_line(served, "GO", 0), ended.text
    assert ended.code == 0
    left = [{one.name for one in run.iterdir()} - {"pytest.log"} for run in served.runs()]
    assert left[0] == left[1] > {"pytest.html", "index.html", "verdict.json"}
    by_gate, by_hand = (story(read_record(run)) for run in served.runs())
    assert by_gate == by_hand
    assert [one.verdict for one in log(served).entries()] == ["GO", "GO"]


def test_a_part_by_hand_is_a_selection(engine: Engine, served: Site) -> None:
    """`pytest suites/tls -k expiry --env …` ends with the verdict's exit code."""
    files = ("--env", served.environment, "--policy", served.policy, "--reports", served.reports)
    ended = engine.run("pytest", (ROOT / "suites/tls", "-k", "expiry", *files), served)
    assert (ended.code, ended.lines[-1]) == (2, last_line(served, "INCONCLUSIVE", 2)), ended.text
    (selected,) = (one["selected"] for one in served.record().of("collected"))
    assert {key.partition("-")[0] for key in selected} == {"TLS"}


def test_by_hand_without_an_environment(engine: Engine, site: Site) -> None:
    """It says which option names the environment, and nothing is opened."""
    ended = engine.run("pytest", (ROOT / "suites",), site)
    assert "--env FILE" in ended.text
    assert site.runs() == []


def story(record: object) -> list[Json]:
    """What happened in a run, without what differs from run to run."""
    kept = ("kind", "case", "when", "result", "name", "answer", "selected", "how", "source")
    lines: list[str] = record.path.read_text().splitlines()  # type: ignore[attr-defined]
    events: list[Json] = []
    for event in map(json.loads, lines):
        if event["kind"] == "claims":  # how many share a line depends on how fast they were made
            events += [{**event, **one, "kind": "claim"} for one in event["claims"]]
        elif event["kind"] != "part-started":  # by hand nobody starts the one process there is
            passed = {"result": sorted(event["passed"])} if "passed" in event else {}
            events.append(event | passed)
    return [{key: event[key] for key in kept if key in event} for event in events]


def test_what_pytest_is_told_from_outside_changes_nothing(engine: Engine, site: Site) -> None:
    """The gate's child has an environment of its own."""
    outside = {"PYTEST_ADDOPTS": "--setup-only -k nothing", "PYTEST_PLUGINS": "missing_plugin"}
    ended = engine.gate(site, **outside, PYTHONOPTIMIZE="2", PYTHONPATH="/nowhere")
    assert (ended.code, ended.lines[-1]) == (0, last_line(site, "GO", 0)), ended.text


def test_a_selection_that_passes_whole_is_no_go(engine: Engine, site: Site) -> None:
    """The one required clause is proven and the exit code is still 2."""
    ended = engine.gate(site, "--only", "OBJ-001")
    assert (ended.code, ended.lines[-1]) == (2, last_line(site, "INCONCLUSIVE", 2))
    verdict = site.judged()
    assert [one.outcome for one in verdict.cases if one.case.check == "OBJ-001"] == [Outcome.PASSED]
    assert "only a selection was looked at: OBJ-001" in verdict.notes
    assert "only a selection" in ended.text


def test_a_red_clause_is_a_no_go(engine: Engine, site: Site) -> None:
    """Objectives that contradict each other: exit 1, and the reason is told."""
    text = site.environment.read_text()
    site.environment.write_text(text.replace("availability: 99.9", "availability: 99.99"))
    ended = engine.gate(site)
    assert (ended.code, ended.lines[-1]) == (1, last_line(site, "NO-GO", 1))
    assert "expected recovery time in seconds" in ended.text


def test_runs_that_were_not_a_go_are_listed(engine: Engine, site: Site) -> None:
    """Each run has the next number, and a later one tells of those since the last GO."""
    for only in (("--only", "OBJ-001"), ("--only", "slo.*"), ()):
        engine.gate(site, *only)
    assert [read_record(run).opening["number"] for run in site.runs()] == [1, 2, 3]
    earlier = site.record().opening["earlier"]
    found = [(one["number"], one["verdict"]) for one in earlier]
    assert found == [(1, "INCONCLUSIVE"), (2, "INCONCLUSIVE")]


def test_names_of_runs_sort_in_their_order(monkeypatch: pytest.MonkeyPatch) -> None:
    """Also of runs that begin within one second, or after the clock was put back."""
    before = now()
    moments = (before - timedelta(minutes=number) for number in range(500))
    monkeypatch.setattr(opening, "now", lambda: next(moments))
    names = [opening.run_name("mini", number) for number in range(1, 501)]
    assert names == sorted(names)
    assert names[6].startswith("mini-000007-")


def test_an_older_run_is_no_go_while_a_later_one_is_known(engine: Engine, site: Site) -> None:
    """A good run is not picked from before a bad one; with both, the newest evidence decides."""
    assert engine.gate(site).code == 0
    good = site.runs()[-1]
    assert engine.cli(site, "judge", good).code == 0
    engine.gate(site, "--only", "OBJ-001")
    picked = engine.cli(site, "judge", good)
    assert picked.code == 2
    assert "run 2 of mini came later: give it too, or look again" in picked.text
    assert str(site.runs()[-1]) in picked.text
    site.environment.write_text(site.environment.read_text() + "release: '2'\n")
    engine.gate(site, "--only", "OBJ-001")
    other = engine.cli(site, "judge", good).text
    assert "run 2 of mini came later" in other
    assert "run 3 of mini" not in other


def test_a_run_that_left_no_record_can_not_be_left_out(engine: Engine, site: Site) -> None:
    """It took a number and died before it looked at anything: nobody could give it."""
    site.environment.write_text(site.environment.read_text() + "release: '1'\n")
    assert engine.gate(site).code == 0
    log(site).open_run("mini-died", "1", "observe", site.reports / "mini-died")
    assert engine.gate(site).code == 0
    both = engine.cli(site, "judge", *site.runs())
    assert both.code == 0, both.text
    assert "was left out" not in both.text


def test_a_log_that_is_elsewhere_is_said(engine: Engine, site: Site) -> None:
    """Without it nobody can tell whether a later run was left out."""
    assert engine.gate(site).code == 0
    (run,) = site.runs()
    assert "Not known here" not in engine.cli(site, "judge", run).text
    elsewhere = engine.cli(site, "judge", run, READINESS_STATE=str(site.folder / "elsewhere"))
    assert elsewhere.code == 0
    said = " ".join(elsewhere.text.split())
    assert "Not known here: whether mini was looked at after run 1: the log of its runs" in said


def test_kill_9_of_the_gate(engine: Engine, silent: Site) -> None:
    """The pytest process goes with it; what is left is a valid, incomplete record: exit 2."""
    with looking(engine, silent) as gate:
        child = child_of(gate.pid)
        os.kill(gate.pid, signal.SIGKILL)
        wait_until(lambda: is_gone(child), "the pytest process is gone")
        assert gate.end().code == -signal.SIGKILL
    record = silent.record()
    assert record.first("run-closed") is None
    assert judged(record).decision is Decision.INCONCLUSIVE
    assert engine.cli(silent, "judge", silent.runs()[-1]).code == 2
    assert [one.verdict for one in log(silent).entries()] == [UNFINISHED]
    assert holder(silent.state / "readiness" / "mini") is None


def test_kill_9_of_pytest(engine: Engine, silent: Site) -> None:
    """The gate closes the record, and says that pytest did not come to its end: exit 2."""
    with looking(engine, silent) as gate:
        os.kill(child_of(gate.pid), signal.SIGKILL)
        ended = gate.end()
    assert (ended.code, ended.lines[-1]) == (2, last_line(silent, "INCONCLUSIVE", 2))
    notes = silent.judged().notes
    assert any(one.startswith("pytest did not come to its own end") for one in notes)


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_an_interrupted_gate(engine: Engine, silent: Site, number: signal.Signals) -> None:
    """Exit 130, the record has its end, and the line for scripts is the last."""
    with looking(engine, silent) as gate:
        os.kill(gate.pid, number)
        ended = gate.end()
    assert (ended.code, ended.lines[-1]) == (130, last_line(silent, "INCONCLUSIVE", 130))
    assert [event["how"] for event in silent.record().of("run-closed")] == ["interrupted"]
    assert [one.exit_code for one in log(silent).entries()] == [130]


@pytest.mark.parametrize("ignored", [(), (signal.SIGINT,), (signal.SIGINT, signal.SIGHUP)])
def test_c4_halt(engine: Engine, silent: Site, ignored: tuple[signal.Signals, ...]) -> None:
    """Any terminal stops a run, one behind `&` or nohup too; it has ended when that is answered."""
    with looking(engine, silent, ignored) as gate:
        told = engine.cli(silent, "halt", "--env", silent.environment)
        (entry,) = log(silent).entries()
        assert entry.finished, "the run goes on behind the answer"
        ended = gate.end()
    assert told.code == 0, told.text
    assert "interrupted run mini-000001-" in told.lines[0]
    assert told.lines[-1] == f"run {entry.run} has ended as INCONCLUSIVE: nothing was to undo"
    assert ended.lines[-1].startswith("VERDICT=INCONCLUSIVE EXIT=")
    assert ended.code in {2, 130}
    # Pytest came to its own end: what it had put up was taken down, and not killed.
    assert silent.record().first("session-finished") is not None


def test_c4_ctrl_c_behind_an_ampersand_is_not_for_the_gate(engine: Engine, silent: Site) -> None:
    """A gate goes on ignoring what it was told to ignore."""
    with looking(engine, silent, (signal.SIGINT,)) as gate:
        os.kill(gate.pid, signal.SIGINT)
        time.sleep(0.5)  # nothing is to happen, so there is nothing to wait for
        os.kill(gate.pid, signal.SIGTERM)
        ended = gate.end()
    assert ended.code == 130
    assert ended.text.count("Ending (interrupted)") == 1


def test_c4_impatience_kills_nothing(engine: Engine, silent: Site) -> None:
    """However often it is asked to end, the record is closed, judged and in the log."""
    with looking(engine, silent) as gate:
        while not is_gone(gate.pid):
            os.kill(gate.pid, signal.SIGINT)
            time.sleep(0.02)  # as fast as somebody hits the keys
        ended = gate.end()
    assert (ended.code, ended.lines[-1]) == (130, last_line(silent, "INCONCLUSIVE", 130))
    assert silent.record().first("session-finished") is not None
    assert [one.exit_code for one in log(silent).entries()] == [130]


DISTURBING = """
import time
from readiness.catalogue.checks import ATTRIBUTE, load_catalogue
from readiness.drills.actions import write_undo
from readiness.evidence.undo import undo_action


@undo_action("a-test.put-back")
def put_back(arguments, context):
    return arguments["proof"]


def test_environment(environment, run):
    write_undo(run, "a-test.put-back", {"proof": "it is back"}, target="box")
    write_undo(run, "a-test.put-back", {"proof": PROOF}, target="box2")
    time.sleep(60)


setattr(test_environment, ATTRIBUTE, load_catalogue()["OBJ-001"])
"""


@pytest.mark.parametrize("proof", ["it is back, too", ""])
def test_c4_halt_says_what_was_undone(engine: Engine, site: Site, proof: str) -> None:
    """And what was not, which is exit 2 and what `recover` is for; also of a run by hand."""
    (site.folder / "test_suite.py").write_text(DISTURBING.replace("PROOF", repr(proof)))
    words = (
        "-p",
        "readiness.running.pytest_plugin",
        "--env",
        site.environment,
        "--reports",
        site.reports,
    )
    with engine.started("pytest", (*words, "test_suite.py"), site, ignored=[signal.SIGINT]) as run:
        wait_until(lambda: recorded(site, "undo-written") or is_gone(run.pid), "it disturbs")
        wait_until(lambda: tail(site).count("undo-written") == 2 or is_gone(run.pid), "twice")
        told = engine.cli(site, "halt", "--env", site.environment)
        ended = run.end()
    assert ended.code == 130, ended.text
    assert "  a-test.put-back on box: undone: it is back" in told.lines, told.text
    if proof:
        assert (told.code, told.lines[-1].endswith(": 2 undone and proven")) == (0, True)
    else:
        assert told.code == 2
        assert "NOT undone: a-test.put-back on box2" in told.text
        assert told.lines[-1].endswith("1 NOT undone: run `readiness recover`")


def test_halt_without_a_run(engine: Engine, site: Site) -> None:
    """There is nothing to wait for."""
    told = engine.cli(site, "halt", "--env", site.environment)
    assert (told.code, told.line) == (0, "no run holds the environment")


def test_two_gates_at_once(engine: Engine, silent: Site) -> None:
    """The second says in one line who holds the environment, and takes no number."""
    with looking(engine, silent) as gate:
        second = engine.gate(silent)
        os.kill(gate.pid, signal.SIGINT)
        gate.end()
    assert second.code == 2
    assert f"readiness: environment mini is held by run {silent.runs()[0].name}" in second.line
    assert len(silent.runs()) == len(log(silent).entries()) == 1


@pytest.mark.parametrize("room", [600, 3_000, 5_000, 7_000, 9_000, 11_000, 20_000])
def test_a_full_disk(engine: Engine, site: Site, room: int) -> None:
    """Wherever it fills up, one line says which file could not be written, and it is no GO."""
    ended = engine.run("cli", gate_of(site), site, room=room)
    assert ended.code == 2
    assert "VERDICT=GO" not in ended.text
    assert "Traceback" not in ended.text
    assert ended.lines[-1].startswith(f"readiness: {site.folder}")
    for run in site.runs():
        if (run / "record.jsonl").read_bytes().count(b"\n"):
            assert engine.cli(site, "judge", run).code in {0, 2}


def test_an_environment_that_changes_under_the_run(engine: Engine, site: Site) -> None:
    """Pytest goes on only with the file that the gate opened the run with."""
    engine.gate(site, "--only", "OBJ-001")
    run = site.runs()[-1]
    site.environment.write_text(site.environment.read_text() + "release: '2'\n")
    resumed = ("-p", "readiness.running.pytest_plugin", "--collect-only")
    ended = engine.run("pytest", resumed, site, room=0, **site.resumed(run))
    assert ended.code == pytest.ExitCode.USAGE_ERROR
    assert "environment.yaml: was changed after the run was opened" in ended.text


def test_an_environment_that_changes_while_the_run_is_opened(engine: Engine, site: Site) -> None:
    """What the record describes is what pytest looks at, whatever the file's digest says."""
    engine.gate(site, "--only", "OBJ-001")
    record = site.runs()[-1] / "record.jsonl"
    opening = json.loads(record.read_bytes().partition(b"\n")[0])
    opening["environment"]["machines"][0]["addresses"] = ["127.0.0.2"]
    record.unlink()
    with RecordWriter(record, Redactor()) as writer:
        writer.write(**{key: opening[key] for key in opening.keys() - {"n", "at", "mono", "prev"}})
        writer.write("plan", tier="observe", only=[], permissions=[], cases=[])
    resumed = ("-p", "readiness.running.pytest_plugin", "--collect-only")
    ended = engine.run("pytest", resumed, site, room=0, **site.resumed(record.parent))
    assert ended.code == pytest.ExitCode.USAGE_ERROR
    assert "environment.yaml: was changed while the run was opened" in ended.text


def test_a_run_that_is_over_is_not_gone_on_with(engine: Engine, site: Site) -> None:
    """What a closed run did not look at can't be added to its record later."""
    engine.gate(site, "--only", "OBJ-001")
    run = site.runs()[-1]
    before = (run / "record.jsonl").read_bytes()
    ended = engine.run(
        "pytest", ("-p", "readiness.running.pytest_plugin"), site, room=0, **site.resumed(run)
    )
    assert ended.code == pytest.ExitCode.USAGE_ERROR
    assert "record.jsonl: is over" in ended.text
    assert (run / "record.jsonl").read_bytes() == before
