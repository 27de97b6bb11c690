"""A site's own checks: green, red, missing, never proven, and never in the place of ours."""

import json
from pathlib import Path

import pytest
from engine import OBJECTIVES, ROOT, Engine, Site

from readiness.evidence.record import Record
from readiness.evidence.steps import CaseStarted, Observation
from readiness.judging.outcomes import _identity_notes
from readiness.model.words import Outcome
from readiness.running.finish import judge_runs
from readiness.site.own_files import own_files

OWN_FILE = """\
schema: 1
criteria:
  - id: ours.banner
    text: The portal tells students when it is closed.
    clauses:
      - {id: ours.banner/announced, text: The closing time is announced., each: machine}
"""
SEEN_RED = 'seen_red: {OUR-001: "took the notice away on 2026-11-23; J. Doe"}\n'
CHECK = '''
from readiness import Severity, check, holds
from readiness.site.subjects import MACHINE


@check(
    "OUR-001",
    "Every machine announces the closing time",
    clauses=("{clause}",),
    each=MACHINE,
    severity=Severity.HIGH,
    risk="Students come to a closed door.",
    reads=("nothing, it is an example",),
    rights="none",
    remedy="announce it",
)
def test_announced(machine, look):
    """The notice is there."""
    found = look.note(machine.name, "notice", {notice!r})
    assert holds(found.fact("notice", found.reading), "!=", "")
'''
CLAUSE = "ours.banner/announced"


@pytest.fixture
def ours(site: Site) -> Site:
    """The small site with a check of its own, which its policy requires."""
    (site.folder / "checks").mkdir()
    (site.folder / "checks" / "ours.yaml").write_text(OWN_FILE + SEEN_RED)
    write_check(site)
    return site.describe("own_checks: file:checks/ours.yaml\n", required=(OBJECTIVES, CLAUSE))


def write_check(site: Site, clause: str = CLAUSE, notice: str = "closed from six") -> None:
    """The own check's test file."""
    text = CHECK.format(clause=clause, notice=notice)
    (site.folder / "checks" / "test_ours.py").write_text(text)


def own(engine: Engine, site: Site) -> None:
    """Write the catalogue beside the file."""
    ended = engine.cli(site, "own", "checks/ours.yaml")
    assert (ended.code, ended.line) == (0, "OUR-001  Every machine announces the closing time")


def outcome_of(site: Site) -> tuple[Outcome, str]:
    """How the own case ended in the newest run, judged again from its record alone."""
    verdict = judge_runs([site.runs()[-1]], None)
    found = next(one for one in verdict.cases if one.check.id == "OUR-001")
    return found.outcome, found.reason


def test_first_hour_own_checks_are_listed_and_explained(engine: Engine, ours: Site) -> None:
    """Whoever is told of a red check of the site's own can ask what it is."""
    own(engine, ours)
    words = ("--env", ours.environment)
    assert "OUR-001" in engine.cli(ours, "checks", *words).text
    explained = engine.cli(ours, "explain", "OUR-001", *words)
    assert explained.code == 0, explained.text
    assert "Every machine announces the closing time" in explained.text
    assert "proven on" in explained.text
    assert engine.cli(ours, "explain", "TLS-001", *words).code == 0
    alone = engine.cli(ours, "explain", "OUR-001")
    assert alone.code == 64
    assert "with --env FILE also a site's own" in alone.line


def test_an_own_check_counts_like_any_other(engine: Engine, ours: Site) -> None:
    """Its clause is required, proven, in the verdict with its text, and its code in the record."""
    own(engine, ours)
    ended = engine.gate(ours)
    assert ended.code == 0, ended.text
    written = json.loads((ours.reports / "latest" / "verdict.json").read_text())
    criterion = next(one for one in written["criteria"] if one["id"] == "ours.banner")
    assert criterion["clauses"][0]["status"] == "held"
    assert criterion["clauses"][0]["text"] == "The closing time is announced."
    case = next(one for one in written["cases"] if one["check"] == "OUR-001")
    assert case["proven_on"] == "stated"
    assert list(ours.record().opening["own"]["files"]) == ["test_ours.py"]


def test_a_red_own_check_is_a_no_go(engine: Engine, ours: Site) -> None:
    """It fails for its own reason."""
    write_check(ours, notice="")
    own(engine, ours)
    assert engine.gate(ours).code == 1
    assert outcome_of(ours)[0] is Outcome.FAILED


@pytest.mark.parametrize("how", ["file deleted", "file broken", "check gone"])
def test_a_missing_own_check_is_missing_evidence(engine: Engine, ours: Site, how: str) -> None:
    """What was expected comes from the catalogue, never from what could be collected."""
    own(engine, ours)
    path = ours.folder / "checks" / "test_ours.py"
    path.unlink()
    if how != "file deleted":
        path.write_text("import nowhere\n" if how == "file broken" else "")
    ended = engine.gate(ours)
    assert ended.code == 2, ended.text
    assert outcome_of(ours)[0] is Outcome.NOT_RUN


def test_an_own_check_that_was_never_red_proves_nothing(engine: Engine, ours: Site) -> None:
    """Without its owner's word on how it was seen red, its clause is unproven."""
    (ours.folder / "checks" / "ours.yaml").write_text(OWN_FILE)
    own(engine, ours)
    ended = engine.gate(ours)
    assert ended.code == 2
    assert "no fault has ever turned OUR-001 red" in " ".join(ended.text.split())


@pytest.mark.parametrize(
    ("change", "says"),
    [
        (("ours.banner", "sec.tls"), "'sec.tls' is a criterion of ours"),
        (("OUR-001", "TLS-001"), "seen_red.TLS-001: is no check of this catalogue"),
        (("schema: 1", "schema: 2"), "was written for a newer version"),
        (("criteria:", "criterias:"), "unknown key, did you mean 'criteria'?"),
        (
            (
                "    clauses:\n",
                "    clauses:\n      - {id: ours.banner/announced, text: A, each: x}\n",
            ),
            "expected a known kind of subject, found 'x'",
        ),
        (
            ("    clauses:\n", f"    clauses:\n      - {{id: {CLAUSE}, text: A, each: machine}}\n"),
            "clauses: 'ours.banner/announced' stands twice; expected each once",
        ),
    ],
)
def test_a_wrong_file_is_refused(
    engine: Engine, ours: Site, change: tuple[str, str], says: str
) -> None:
    """One line, exit 64, nothing opened."""
    own(engine, ours)
    path = ours.folder / "checks" / "ours.yaml"
    path.write_text(path.read_text().replace(*change))
    ended = engine.gate(ours)
    assert (ended.code, says in ended.line) == (64, True), ended.text
    assert not ours.reports.exists()


@pytest.mark.parametrize("clause", ["sec.tls/chain", "ours.banner/other"])
def test_an_own_check_can_not_serve_a_clause_of_ours(
    engine: Engine, ours: Site, clause: str
) -> None:
    """Nor one that nobody declared."""
    write_check(ours, clause=clause)
    own(engine, ours)
    ended = engine.gate(ours)
    assert (ended.code, f"serves '{clause}'" in ended.line) == (64, True), ended.text


def test_an_own_check_can_not_take_an_id_of_ours(engine: Engine, ours: Site) -> None:
    """The built-in check stays what it is."""
    own(engine, ours)
    catalogue: Path = ours.folder / "checks" / "catalogue.json"
    catalogue.write_text(catalogue.read_text().replace("OUR-001", "TLS-001"))
    ended = engine.gate(ours)
    assert (ended.code, "TLS-001: is a check of ours" in ended.line) == (64, True), ended.text


@pytest.mark.parametrize(
    ("change", "says"),
    [
        (('"machine"', '"nonsense"'), "OUR-001.each: wrong value; expected a kind of subject:"),
        (("[\n", "[\n {entry},\n"), "catalogue.json: id: 'OUR-001' stands twice"),
    ],
    ids=["kind", "twice"],
)
def test_a_catalogue_that_can_not_be_is_refused(
    engine: Engine, ours: Site, change: tuple[str, str], says: str
) -> None:
    """It is written by a command, and edited by people all the same."""
    own(engine, ours)
    catalogue: Path = ours.folder / "checks" / "catalogue.json"
    text = catalogue.read_text()
    old, new = change
    entry = json.dumps(json.loads(text)[0])
    catalogue.write_text(text.replace(old, new.replace("{entry}", entry), 1))
    ended = engine.gate(ours)
    assert (ended.code, says in ended.line) == (64, True), ended.text


def beside(site: Site, *lines: str) -> None:
    """Put lines before the own check: they run when its file is imported."""
    path = site.folder / "checks" / "test_ours.py"
    path.write_text("\n".join(lines) + "\n" + path.read_text())


GREEN_PAINT = (
    "from readiness import claim",
    "claim._PLAIN.update(dict.fromkeys(claim._PLAIN, lambda observed, limit: True))",
)


def test_a6_what_an_own_check_imports_turns_nothing_of_ours_green(
    engine: Engine, ours: Site
) -> None:
    """A library that changes what our checks work with, when it is imported, changes its own."""
    beside(ours, *GREEN_PAINT)
    own(engine, ours)
    text = ours.environment.read_text()
    ours.environment.write_text(text.replace("availability: 99.9", "availability: 99.99"))
    ended = engine.gate(ours)
    assert ended.code == 1, ended.text
    assert outcome_of(ours)[0] is Outcome.PASSED


def test_a6_what_an_own_check_imports_turns_nothing_of_ours_red(
    engine: Engine, served: Site
) -> None:
    """Nor does one that patches sockets, as those for many requests at once do."""
    (served.folder / "checks").mkdir()
    (served.folder / "checks" / "ours.yaml").write_text(OWN_FILE + SEEN_RED)
    write_check(served)
    text = served.environment.read_text()
    served.environment.write_text(text + "own_checks: file:checks/ours.yaml\n")
    own(engine, served)
    patched = "socket.socket.connect = lambda *_: (_ for _ in ()).throw(OSError('patched'))"
    beside(served, "import socket", patched)
    ended = engine.gate(served)
    assert ended.code == 0, ended.text
    assert outcome_of(served)[0] is Outcome.PASSED


@pytest.mark.parametrize("how", ["os._exit(0)", "os.kill(os.getpid(), 9)"])
def test_a6_an_own_check_that_ends_its_process_ends_nothing_of_ours(
    engine: Engine, ours: Site, how: str
) -> None:
    """Ours are proven; the run says that it is not whole, and the own clause has no proof."""
    path = ours.folder / "checks" / "test_ours.py"
    doc = '    """The notice is there."""\n'
    path.write_text(path.read_text().replace(doc, f"{doc}    import os\n    {how}\n"))
    own(engine, ours)
    ended = engine.gate(ours)
    assert ended.code == 2, ended.text
    written = json.loads((ours.reports / "latest" / "verdict.json").read_text())
    clauses = {one["id"]: one["status"] for each in written["criteria"] for one in each["clauses"]}
    assert (clauses[OBJECTIVES], clauses[CLAUSE]) == ("held", "inconclusive")
    assert any(note.startswith("pytest did not come to its own end") for note in written["notes"])


def test_a6_it_is_one_run_and_one_record(engine: Engine, ours: Site) -> None:
    """Both processes leave their part of one chain, in the plan's order, each its own log."""
    own(engine, ours)
    ended = engine.gate(ours)
    record = ours.record()
    planned = [one["case"] for one in next(record.of("plan"))["cases"] if not one["not_run"]]
    assert [one.case for one in record.steps(CaseStarted)] == planned
    assert planned[-1] == "OUR-001|box"
    selected = [one["selected"] for one in record.of("collected")]
    assert selected == [planned[:-1], planned[-1:]]
    assert [one["interrupted"] for one in record.of("session-finished")] == [False, False]
    assert record.others[-1]["how"] == "finished"
    assert f"Looked at {len(planned)} of {len(planned)} cases" in ended.text
    logs = {path.name for path in ours.runs()[-1].glob("pytest*")}
    assert logs == {"pytest.log", "pytest.html", "pytest-own.log", "pytest-own.html"}


def test_a6_a_selection_of_own_checks_starts_one_process(engine: Engine, ours: Site) -> None:
    """Nothing of ours is collected for it."""
    own(engine, ours)
    engine.gate(ours, "--only", "OUR-001")
    assert [one["offered"] for one in ours.record().of("collected")] == [["OUR-001|box"]]


def test_a6_by_hand_they_are_not_mixed(engine: Engine, ours: Site) -> None:
    """One process with both is refused before any check runs; own files alone are fine."""
    own(engine, ours)
    words = (
        "-p",
        "readiness.running.pytest_plugin",
        "--env",
        ours.environment,
        "--reports",
        ours.reports,
    )
    objectives = ROOT / "suites" / "objectives"
    mixed = engine.run("pytest", (*words, objectives, "checks/test_ours.py"), ours)
    assert mixed.code == pytest.ExitCode.USAGE_ERROR
    assert "own checks run in a process of their own" in mixed.text
    assert not ours.record().steps(CaseStarted)
    alone = engine.run("pytest", (*words, "checks/test_ours.py"), ours)
    assert alone.code == 2, alone.text  # a selection's verdict
    assert outcome_of(ours)[0] is Outcome.PASSED


POISON = """
    look.at(machine.name, "systemd", lambda: {"a.service": "what our probe would never say"})
    look.note(machine.name, "timer a", {"next": 1})
"""


def test_what_an_own_check_reads_is_never_taken_for_ours(engine: Engine, ours: Site) -> None:
    """Its readings stand under sources of their own, so no check of ours rests on them."""
    path = ours.folder / "checks" / "test_ours.py"
    head, line, tail = path.read_text().partition('    """The notice is there."""\n')
    path.write_text(head + line + POISON + tail)
    own(engine, ours)
    engine.gate(ours)
    seen = ours.record().steps(Observation)
    sources = {one.source for one in seen if one.case == "OUR-001|box"}
    assert sources == {"own systemd", "own timer a", "own notice"}


CONFTEST = """
def pytest_collection_modifyitems(items):
    items.clear()
"""


def test_a_conftest_beside_own_checks_is_not_loaded(engine: Engine, ours: Site) -> None:
    """It could change what becomes of our cases, and is not what the record names."""
    own(engine, ours)
    (ours.folder / "checks" / "conftest.py").write_text(CONFTEST)
    ended = engine.gate(ours)
    assert ended.code == 0, ended.text


def test_why_a_file_is_not_collected_is_redacted(engine: Engine, ours: Site) -> None:
    """What an own check says while it is imported is in no file of the run."""
    own(engine, ours)
    said = "raise OSError('password=hunter2hunter2 is wrong for jdoe@example.edu')\n"
    (ours.folder / "checks" / "test_ours.py").write_text(said)
    assert engine.gate(ours).code == 2
    kept = {one.name: one.read_text() for one in ours.runs()[-1].iterdir()}
    assert "is wrong for" in kept["pytest-own.html"]
    assert [name for name, text in kept.items() if "hunter2" in text or "jdoe" in text] == []


def test_a_reference_can_not_reach_pytest(engine: Engine, ours: Site) -> None:
    """A variable that pytest reads is no secret, whatever the environment file calls it."""
    own(engine, ours)
    text = ours.environment.read_text()
    ours.environment.write_text(text + "release: 'env:PYTEST_ADDOPTS'\n")
    ended = engine.gate(ours, PYTEST_ADDOPTS="--setup-only")
    assert ended.code == 0, ended.text


def test_own_checks_that_change_under_the_run(engine: Engine, ours: Site) -> None:
    """What the record names is what runs: a test file of another content is refused."""
    own(engine, ours)
    engine.gate(ours)
    record = ours.runs()[-1] / "record.jsonl"
    record.write_bytes(b"".join(record.read_bytes().splitlines(keepends=True)[:2]))
    write_check(ours, notice="another")
    resumed = ("-p", "readiness.running.pytest_plugin", "--collect-only")
    ended = engine.run("pytest", resumed, ours, room=0, **ours.resumed(record.parent))
    assert ended.code == pytest.ExitCode.USAGE_ERROR
    assert "test_ours.py was changed after the run was opened" in ended.text


HELPERS = {
    "test_ours.py": "import json\nfrom helper import one\ndef test():\n    import late.deep\n",
    "helper.py": "from os import path\ntry:\n    import pkg\nexcept ImportError: pass\n",
    "pkg/__init__.py": "from . import near\n",
    "pkg/near.py": "from .sub.far import thing\n",
    "pkg/sub/far.py": "from ..other import *\n",
    "pkg/other.py": "",
    "late/deep.py": "import helper\n",
    "conftest.py": "",
    "alone.py": "import nobody\n",
    "nobody.py": "",
    "pkg/unused.py": "",
}


def test_what_own_checks_import_from_beside_them_is_listed(tmp_path: Path) -> None:
    """A changed helper is a changed check, however deep; what nobody imports is not."""
    for name, text in HELPERS.items():
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(text)
    before = own_files(tmp_path)
    assert before.keys() == HELPERS.keys() - {"alone.py", "nobody.py", "pkg/unused.py"}
    (tmp_path / "pkg/other.py").write_text("# changed\n")
    after = own_files(tmp_path)
    assert {name for name in before if before[name] != after[name]} == {"pkg/other.py"}


def test_own_checks_in_a_package_are_listed_from_its_root(tmp_path: Path) -> None:
    """Python imports them from above their package, and so does what they import."""
    folder = tmp_path / "site" / "checks"
    folder.mkdir(parents=True)
    (folder / "__init__.py").touch()
    (folder / "test_ours.py").write_text("from checks import helper\nimport shared\n")
    (folder / "helper.py").touch()
    (tmp_path / "site" / "shared.py").touch()
    listed = ["../shared.py", "__init__.py", "helper.py", "test_ours.py"]
    assert list(own_files(folder)) == listed


def test_a_helper_that_no_statement_imports_is_told(engine: Engine, ours: Site) -> None:
    """Its text is in no list: nobody could tell that it was changed."""
    (ours.folder / "checks" / "helper.py").touch()
    (ours.folder / "checks" / "listed.py").touch()
    path = "import sys; sys.path.insert(0, __file__.rpartition('/')[0])"
    beside(ours, path, "import importlib, listed", "importlib.import_module('helper')")
    own(engine, ours)
    ended = engine.gate(ours)
    assert ended.code == 2, ended.text
    said = " ".join(ended.text.split())
    assert "own checks loaded helper.py, which no import statement of theirs names" in said
    assert list(ours.record().opening["own"]["files"]) == ["listed.py", "test_ours.py"]


FOREIGN = """    run = request.config.stash[RUN_KEY]
    run.writer.write("claim", case="TLS-001|web/box", subject="web/box", name="n", observed=1,
        relation="==", limit=1, answer="yes", reason="painted", rests_on=[0], until=None)
"""
PART = """    run = request.config.stash[RUN_KEY]
    run.writer.write("part-started", number={number}, parts={parts}, own=False)
"""
REWRITE = """    path = request.config.stash[RUN_KEY].folder / "record.jsonl"
    path.write_bytes(path.read_bytes().replace(b'"tier":"observe"', b'"tier":"disrupt"'))
"""


@pytest.mark.parametrize(
    ("lines", "says"),
    [
        (FOREIGN, "wrote of what is not its own: TLS-001|web/box"),
        (PART.format(number=2, parts=2) + FOREIGN, "another process than the gate wrote where"),
        (PART.format(number=1, parts=2) + FOREIGN, "another process than the gate wrote where"),
        (PART.format(number=2, parts=3) + FOREIGN, "another process than the gate wrote where"),
    ],
    ids=["a case of ours", "a part that is not planned", "a part twice", "more parts"],
)
def test_what_an_own_check_writes_of_ours_counts_for_nothing(
    engine: Engine, ours: Site, lines: str, says: str
) -> None:
    """Its process writes into the same record: there is no GO on what it wrote of other cases."""
    path = ours.folder / "checks" / "test_ours.py"
    text = path.read_text().replace("(machine, look)", "(machine, look, request)")
    note = "    assert holds("
    path.write_text(text.replace(note, lines + note, 1))
    beside(ours, "from readiness.running.pytest_plugin import RUN_KEY")
    own(engine, ours)
    ended = engine.gate(ours)
    assert ended.code == 2, ended.text
    assert says in " ".join(ended.text.split())


def test_what_was_recorded_before_an_own_check_is_not_altered_by_it(
    engine: Engine, ours: Site
) -> None:
    """Whoever writes the chain anew from the first line is found by the gate."""
    path = ours.folder / "checks" / "test_ours.py"
    text = path.read_text().replace("(machine, look)", "(machine, look, request)")
    path.write_text(text.replace("    assert holds(", REWRITE + "    assert holds(", 1))
    beside(ours, "from readiness.running.pytest_plugin import RUN_KEY")
    own(engine, ours)
    ended = engine.gate(ours)
    assert ended.code != 0, ended.text


def test_what_own_checks_find_of_the_identity_is_judged_like_ours(ours: Site) -> None:
    """Their process asks again: what is not pinned or gives no answer there is no GO either."""
    member = {"part": "ssh", "of": "box", "pinned": "a", "found": "a"}
    for changed, says in (
        ({"found": None}, "ssh of box gave no answer"),
        ({"pinned": None}, "nobody pinned which system this is (ssh of box)"),
        ({"found": "b"}, "box: another system answered"),
    ):
        events = (
            {"kind": "identity", "members": [member]},
            {"kind": "identity", "members": [member | changed]},
        )
        notes = _identity_notes(Record(ours.folder, events, torn=False, head=""))
        assert [note for note in notes if says in note], notes
