"""`accept` and `drift` as commands, over a site whose state is one file."""

import json
from pathlib import Path

import pytest
from engine import OBJECTIVES, Ended, Engine, Site

from readiness.evidence.record import read_record
from readiness.model.words import Json

OWN_FILE = """\
schema: 1
criteria:
  - id: ours.door
    text: The door is open.
    clauses:
      - {id: ours.door/open, text: The door says open., each: machine}
seen_red: {OUR-001: "shut the door on 2026-11-23; J. Doe"}
"""
CHECK = '''
from pathlib import Path

from readiness import Severity, check, holds
from readiness.site.subjects import MACHINE

DOOR = Path(__file__).with_name("door.txt")


@check(
    "OUR-001",
    "The door is open",
    clauses=("ours.door/open",),
    each=MACHINE,
    severity=Severity.HIGH,
    risk="Nobody comes in.",
    reads=("a file",),
    rights="none",
    remedy="open it",
)
def test_open(machine, look):
    """The file says so, and is read anew each time; a word on a second line is for the next."""
    word, _, rest = DOOR.read_text().partition("\\n")
    if rest:
        DOOR.write_text(rest)
    found = look.note(machine.name, "entrance", {"says": word})
    assert holds(found.fact("door", word), "==", "open")
'''


@pytest.fixture
def door(site: Site, engine: Engine) -> Path:
    """A site with one check of its own; the file that it reads."""
    folder = site.folder / "checks"
    folder.mkdir()
    (folder / "ours.yaml").write_text(OWN_FILE)
    (folder / "test_ours.py").write_text(CHECK)
    site.describe("own_checks: file:checks/ours.yaml\n", required=(OBJECTIVES, "ours.door/open"))
    assert engine.cli(site, "own", "checks/ours.yaml").code == 0
    (folder / "door.txt").write_text("open")
    return folder / "door.txt"


def accepted(engine: Engine, site: Site) -> Ended:
    """A green run, and somebody who accepts it."""
    assert engine.gate(site).code == 0
    return engine.cli(
        site, "accept", site.runs()[-1], "--by", "J. Doe", "--because", "release 7 went live"
    )


def drift(engine: Engine, site: Site, *argv: object) -> Ended:
    """Look for drift."""
    given = ("drift", "--env", site.environment, "--reports", site.reports)
    return engine.cli(site, *given, *argv)


def facts(engine: Engine, site: Site) -> Json:
    """Look for drift, for scripts."""
    found: Json = json.loads(drift(engine, site, "--json").text)
    return found


def test_nothing_changed_is_one_line(engine: Engine, site: Site, door: Path) -> None:
    """A quiet look says so in the line for scripts alone, ends with 0, and read once."""
    assert "accepted by J. Doe: release 7 went live" in accepted(engine, site).line
    before = len(site.runs())
    ended = drift(engine, site)
    assert ended.code == 0, ended.text
    assert ended.line.startswith("DRIFT=NONE EXIT=0 BASELINE=")
    assert len(site.runs()) == before + 1
    assert drift(engine, site, "--quiet").text == ""


def test_b4_gates_around_looks_for_drift_are_judged_together(
    engine: Engine, site: Site, door: Path
) -> None:
    """Their numbers are no gap: the later gate's record says who took them."""
    site.environment.write_text(site.environment.read_text() + "release: '7'\n")
    accepted(engine, site)
    first = site.runs()[-1]
    assert drift(engine, site).code == 0
    assert engine.gate(site).code == 0
    last = site.runs()[-1]
    assert read_record(last).opening["drift_looks"] == [[2, 2]]
    ended = engine.cli(site, "judge", first, last, "--policy", site.policy)
    assert "was left out" not in ended.text
    assert ended.code == 0, ended.text


def test_a_worsening_is_read_twice_and_told(engine: Engine, site: Site, door: Path) -> None:
    """Old, new, subject, remedy and the run that saw it first are told; both readings are kept."""
    accepted(engine, site)
    before = len(site.runs())
    door.write_text("shut")
    ended = drift(engine, site, "--quiet")
    assert ended.code == 1, ended.text
    assert "WORSE  OUR-001  box" in ended.text
    assert "was    passed" in ended.text
    assert "expected door to be open, found shut" in ended.text
    assert "Open it." in ended.text
    assert len(site.runs()) == before + 2
    again = facts(engine, site)
    first = read_record(site.runs()[before]).opening
    assert again["changes"][0]["since"].startswith(f"run {first['number']}, ")
    assert first["run"] not in again["runs"]


def test_a_run_of_something_else_says_nothing_of_since_when(
    engine: Engine, site: Site, door: Path
) -> None:
    """Before the change it is not the first that had it, and after it does not end the row."""
    accepted(engine, site)
    engine.gate(site, "--only", OBJECTIVES)
    before = len(site.runs())
    door.write_text("shut")
    drift(engine, site)
    first = read_record(site.runs()[before]).opening
    engine.gate(site, "--only", OBJECTIVES)
    assert facts(engine, site)["changes"][0]["since"].startswith(f"run {first['number']}, ")


def test_a_scan_is_agreed_on_like_a_gates(engine: Engine, site: Site, door: Path) -> None:
    """In production its name has to be typed; what is permitted is in the plan of the look."""
    text = site.environment.read_text()
    text = text.replace("kind: rehearsal", "kind: production", 1)
    site.environment.write_text(text + "permissions: {scan: true}\n")
    accepted(engine, site)
    before = len(site.runs())
    ended = drift(engine, site, "--scan")
    assert (ended.code, len(site.runs())) == (64, before), ended.text
    assert "--confirm" in ended.line
    ended = drift(engine, site, "--scan", "--confirm", "mini")
    assert ended.code == 0, ended.text
    plan = read_record(site.runs()[-1]).first("plan")
    assert plan is not None
    assert plan["permissions"] == ["scan"]


def test_a_moment_is_not_reported(engine: Engine, site: Site, door: Path) -> None:
    """What the second reading does not find again is no drift; the first is kept all the same."""
    accepted(engine, site)
    before = len(site.runs())
    door.write_text("shut\nopen")
    ended = drift(engine, site)
    assert (ended.code, len(site.runs())) == (0, before + 2), ended.text


def test_better_is_no_drift(engine: Engine, site: Site, door: Path) -> None:
    """An accepted run may be red; what has become green since is counted and not reported."""
    door.write_text("shut")
    assert engine.gate(site).code == 1
    run = site.runs()[-1]
    assert engine.cli(site, "accept", run, "--by", "J", "--because", "known").code == 0
    door.write_text("open")
    ended = drift(engine, site)
    assert (ended.code, ended.line.endswith("BETTER=1")) == (0, True), ended.text


def test_the_latest_run_stays_the_baseline_when_it_is_no_longer_the_latest(
    engine: Engine, site: Site, door: Path
) -> None:
    """Who accepts `reports/latest` means the run that it leads to now."""
    assert engine.gate(site).code == 0
    latest = site.reports / "latest"
    assert engine.cli(site, "accept", latest, "--by", "J", "--because", "green").code == 0
    for _ in range(2):
        ended = drift(engine, site)
        assert ended.code == 0, ended.text


def test_what_can_not_be_read_is_said(engine: Engine, site: Site, door: Path) -> None:
    """A check that no longer comes to an answer ends with 2, not with 0."""
    accepted(engine, site)
    door.unlink()
    ended = drift(engine, site)
    assert ended.code == 2, ended.text
    assert "UNSEEN  OUR-001  box" in ended.text


def test_another_description_is_reported(engine: Engine, site: Site, door: Path) -> None:
    """A changed environment file is a change that somebody has to accept."""
    accepted(engine, site)
    text = site.environment.read_text()
    site.environment.write_text(text.replace("recovery_time: 30 min", "recovery_time: 40 min", 1))
    ended = drift(engine, site)
    assert ended.code == 1, ended.text
    assert "environment file" in ended.text


def test_an_own_check_that_is_gone_is_told(engine: Engine, site: Site, door: Path) -> None:
    """Taken out of the catalogue: the door may be shut, and nobody asks any more."""
    accepted(engine, site)
    door.write_text("shut")
    door.with_name("catalogue.json").write_text("[]")
    door.with_name("ours.yaml").write_text(OWN_FILE.partition("seen_red")[0])
    ended = drift(engine, site)
    assert ended.code == 1, ended.text
    assert "CHANGED  OUR-001  box" in ended.text
    assert "no longer a case" in ended.text
    assert "could not look" not in ended.text


def test_an_own_check_that_asks_otherwise_is_told(engine: Engine, site: Site, door: Path) -> None:
    """Made to pass: the door is shut, and the check is content."""
    accepted(engine, site)
    door.write_text("shut")
    path = door.with_name("test_ours.py")
    path.write_text(path.read_text().replace('"==", "open"', '"!=", ""'))
    ended = drift(engine, site)
    assert ended.code == 1, ended.text
    assert "CHANGED  own checks  mini" in ended.text


def test_a_selection_is_no_baseline(engine: Engine, site: Site, door: Path) -> None:
    """What the accepted run never looked at could not get worse."""
    engine.gate(site, "--only", "OBJ-001")
    ended = engine.cli(site, "accept", site.runs()[-1], "--by", "J", "--because", "green")
    assert ended.code == 64
    assert "--only: looked at a selection only; expected a run of everything" in ended.line


def test_what_an_own_check_reads_is_never_typed_like_ours(
    engine: Engine, site: Site, door: Path
) -> None:
    """Its source has the name of one of ours, and its claim alone judges what moves in it."""
    path = door.with_name("test_ours.py")
    told = '{"says": word, "moved": __import__("time").time_ns()}'
    text = path.read_text().replace('"entrance", {"says": word}', f'"door", {told}')
    path.write_text(text)
    accepted(engine, site)
    ended = drift(engine, site)
    assert (ended.code, ended.line.startswith("DRIFT=NONE")) == (0, True), ended.text


def test_only_an_accepted_run_is_a_baseline(engine: Engine, site: Site, door: Path) -> None:
    """What nobody accepted, or not with these bytes, is refused before anything is read."""
    assert engine.gate(site).code == 0
    run = site.runs()[-1]
    for argv in ((), ("--baseline", run)):
        ended = drift(engine, site, *argv)
        assert ended.code == 64, ended.text
        assert "readiness accept" in ended.line
    assert len(site.runs()) == 1
    assert engine.cli(site, "accept", run, "--by", "J", "--because", "green").code == 0
    record = run / "record.jsonl"
    record.write_bytes(b"".join(record.read_bytes().splitlines(keepends=True)[:-1]))
    ended = drift(engine, site)
    assert (ended.code, len(site.runs())) == (64, 1), ended.text


def test_the_baseline_of_another_environment_is_refused(
    engine: Engine, site: Site, door: Path
) -> None:
    """Two systems are never compared."""
    accepted(engine, site)
    run = site.runs()[-1]
    text = site.environment.read_text()
    site.environment.write_text(text.replace("name: mini", "name: other", 1))
    ended = drift(engine, site, "--baseline", run)
    assert ended.code == 64, ended.text
    assert "of another environment" in ended.line
    assert "other" in ended.line


@pytest.mark.parametrize("empty", ["--by", "--because"])
def test_nobody_and_nothing_accept_no_run(
    engine: Engine, site: Site, door: Path, empty: str
) -> None:
    """A name and a reason are asked for."""
    assert engine.gate(site).code == 0
    given = {"--by": "J. Doe", "--because": "it works"} | {empty: " "}
    words = [word for pair in given.items() for word in pair]
    ended = engine.cli(site, "accept", site.runs()[-1], *words)
    assert ended.code == 64, ended.text
    assert empty in ended.line
