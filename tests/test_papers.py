"""The papers are true: commands exist, links resolve, examples work, versions and lists agree."""

import json
import os
import re
import shutil
import subprocess
import sys
import tomllib
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest
from typer.main import get_command

from lab import cli as lab_cli
from lab import faults_cli, rows
from lab.faults import all_faults
from readiness.catalogue.checks import load_catalogue
from readiness.catalogue.clauses import load_clauses
from readiness.commands.cli import app
from readiness.model.errors import UsageError
from readiness.model.words import Decision

ROOT = Path(__file__).resolve().parents[1]
README, CONTRIBUTING = ROOT / "README.md", ROOT / "CONTRIBUTING.md"
ADRS = ROOT / "docs/adr"
PAPERS = [
    README,
    CONTRIBUTING,
    ROOT / "CHANGELOG.md",
    ROOT / "docs/operations.md",
    ROOT / "docs/evidence-format.md",
    ROOT / "docs/drift.md",
    ROOT / "docs/audit-export.md",
    *sorted(ADRS.glob("*.md")),
]
# The picture of a real verdict is taken from a run, when there is one.
LATER = {"docs/verdict.png"}
PLACEHOLDERS = re.compile(r"FAULT|RUN|CHECK|FILE|TIER|NAME|…|<")
FENCE = re.compile(r"^( *)```(\w*)\n(.*?)^ *```$", re.MULTILINE | re.DOTALL)
NAMED_BLOCK = re.compile(
    r"^ *`(\S+\.py)`:\n\n( *)```python\n(.*?)^ *```$", re.MULTILINE | re.DOTALL
)
ROW_BLOCK = re.compile(
    r"^`(lab/faults/rows/\w+\.yaml)`:\n\n```yaml\n(.*?)^```$", re.MULTILINE | re.DOTALL
)

# What a new room could break.
TESTS_OF_ROOMS = ("tests/test_rooms.py", "tests/test_schemas.py", "tests/render/test_needs.py")

paper = pytest.mark.parametrize("path", PAPERS, ids=lambda path: str(path.relative_to(ROOT)))


def prose(path: Path) -> str:
    """The paper without its blocks of code."""
    return FENCE.sub("", path.read_text())


def shell_lines(path: Path) -> Iterator[str]:
    """What stands in the paper's blocks of shell."""
    for _, language, block in FENCE.findall(path.read_text()):
        if language == "sh":
            yield from (line.partition("#")[0].strip() for line in block.splitlines())


def commands(path: Path) -> Iterator[str]:
    """What the paper says to type: lines of shell blocks, and `readiness …` in its prose."""
    yield from shell_lines(path)
    typed = r"`((?:\.venv/bin/)?(?:readiness|scripts/\w+|pytest)(?: [^`]*)?)`"
    yield from re.findall(typed, path.read_text())


@cache
def options(program: str) -> dict[str, set[str]]:
    """Command -> its options, of `readiness` or of the lab."""
    if program == "lab":
        faults_cli.register(lab_cli.app)
    group = get_command(app if program == "readiness" else lab_cli.app)
    subcommands: dict[str, object] = getattr(group, "commands")  # noqa: B009 - typed by click only
    return {
        name: {word for one in getattr(sub, "params") for word in one.opts} | {"--help"}  # noqa: B009
        for name, sub in subcommands.items()
    }


def assert_known(program: str, words: list[str]) -> None:
    """The command exists and has every option that is given to it."""
    if not words or words[0].startswith(("-", "[")) or PLACEHOLDERS.search(words[0]):
        return
    for name in words[0].split("|"):
        assert name in options(program), f"{program} has no command {name}"
        own = words[1 : words.index("--")] if "--" in words else words[1:]
        given = {word.strip("[]") for word in own if word.strip("[]").startswith("--")}
        assert given <= options(program)[name], f"{program} {name} has no such option"


@pytest.mark.parametrize("path", [README, CONTRIBUTING, ROOT / "docs/operations.md"], ids=str)
def test_printed_commands_exist(path: Path) -> None:
    """Each command that a reader is told to type is there, with the options that it is given."""
    printed = [line.split() for line in commands(path) if line]
    assert printed
    for first, *rest in printed:
        if first.startswith("scripts/"):
            assert (ROOT / first).stat().st_mode & 0o100, f"{first} can't be run"
        if first.endswith("readiness"):
            assert_known("readiness", rest)
        if first == "scripts/lab":
            assert_known("lab", rest)
        if first == "scripts/gate":
            assert_known("readiness", ["gate", *rest])


@pytest.mark.parametrize(
    "role", ["base/rootfs/etc/sudoers.d/driller", "drilled/rootfs/etc/sudoers.d/readiness-stop"]
)
def test_a_site_permits_drills_what_the_lab_permits(role: str) -> None:
    """The sudoers lines that operations prints are those that the lab's machines have."""
    lines = (ROOT / "lab/roles" / role).read_text().splitlines()
    rules = "\n".join(line for line in lines if not line.startswith("#"))
    assert rules in (ROOT / "docs/operations.md").read_text()


def test_the_command_line_answers() -> None:
    """`readiness --help` and that of each command end well, as a user starts them."""
    program = Path(sys.executable).with_name("readiness")
    for words in ([], ["gate"], ["explain"]):
        done = subprocess.run([program, *words, "--help"], capture_output=True, check=False)
        assert done.returncode == 0, done.stderr


def test_readme_shows_the_commands_and_their_help() -> None:
    """The README's table has every command, each with the first line of its own help."""
    shown = dict(re.findall(r"^\| `readiness (\w+)` \| (.+) \|$", README.read_text(), re.MULTILINE))
    group: dict[str, object] = getattr(get_command(app), "commands")  # noqa: B009
    assert shown == {name: str(getattr(one, "help")) for name, one in group.items()}  # noqa: B009


def test_readme_shows_the_exit_codes() -> None:
    """Each decision stands beside its exit code."""
    rows = dict(re.findall(r"^\| (\d+) \| ([A-Z-]+)\b", README.read_text(), re.MULTILINE))
    assert {rows[str(one.exit_code)] for one in Decision} == {str(one) for one in Decision}


def test_readme_counts_what_there_is() -> None:
    """How many clauses have a check, of how many, is what the catalogue says."""
    served = {clause for entry in load_catalogue().values() for clause in entry.clauses}
    known = [clause for criterion in load_clauses() for clause in criterion.clauses]
    said = re.search(r"(\d+) of the catalogue's (\d+) clauses have a check", README.read_text())
    assert said is not None
    assert (int(said[1]), int(said[2])) == (len(served), len(known))
    counted = re.search(r"(\d+) checks for (\d+) clauses", (ROOT / "CHANGELOG.md").read_text())
    assert counted is not None
    assert (int(counted[1]), int(counted[2])) == (len(load_catalogue()), len(served))


def test_readme_names_a_fault_that_exists() -> None:
    """What the reader is told to break can be broken."""
    named = re.findall(r"scripts/lab break ([\w-]+)", README.read_text())
    assert named
    assert set(named) <= set(all_faults())


@paper
def test_links_resolve(path: Path) -> None:
    """Every link inside the repository leads to a file, and to a heading where it names one."""
    for target in re.findall(r"\]\(([^)]+)\)", prose(path)):
        if re.match(r"https?://", target) or "NNNN" in target:
            continue
        file, _, heading = target.partition("#")
        found = path.parent / file if file else path
        assert target in LATER or found.exists(), f"{path.name} links to {target}"
        if heading:
            assert heading in anchors(found), f"{path.name} links to {target}"


def anchors(path: Path) -> set[str]:
    """The headings of a paper as links name them."""
    titles = re.findall(r"^#+ (.+)$", prose(path), re.MULTILINE)
    return {re.sub(r"[^\w -]", "", title.lower()).replace(" ", "-") for title in titles}


@paper
def test_named_files_exist(path: Path) -> None:
    """A path in backticks below a folder of the repository is there."""
    examples = {name for name, _, _ in NAMED_BLOCK.findall(CONTRIBUTING.read_text())}
    folders = "src|suites|lab|tests|docs|scripts|environments|locks"
    for name in re.findall(rf"`((?:{folders})/[\w./-]+)`", prose(path)):
        if name not in examples:
            assert (ROOT / name).exists(), f"{path.name} names {name}"


def test_every_decision_is_in_the_index() -> None:
    """The index has each record once, in order, by number and title."""
    listed = re.findall(
        r"^- \[(\d{4})\]\((.+)\): (.+)$", (ADRS / "README.md").read_text(), re.MULTILINE
    )
    records = sorted(ADRS.glob("[0-9]*.md"))
    titles = [path.read_text().splitlines()[0] for path in records]
    assert [file for _, file, _ in listed] == [path.name for path in records]
    assert [f"# {number}: {title}" for number, _, title in listed] == titles
    assert [number for number, _, _ in listed] == [f"{n:04}" for n in range(1, len(records) + 1)]


@pytest.mark.parametrize("path", sorted(ADRS.glob("[0-9]*.md")), ids=lambda path: path.stem)
def test_a_decision_has_the_form_of_the_template(path: Path) -> None:
    """Every record has the template's sections, and is at most a page."""
    sections = re.findall(r"^## (.+)$", (ADRS / "template.md").read_text(), re.MULTILINE)
    text = path.read_text()
    assert re.findall(r"^## (.+)$", text, re.MULTILINE) == sections
    assert len(text.split()) <= 500


def test_changelog_has_the_version() -> None:
    """The newest entry of the changelog is the version of the package."""
    version = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["version"]
    newest = re.search(r"^## \[([^\]]+)\]", (ROOT / "CHANGELOG.md").read_text(), re.MULTILINE)
    assert newest is not None
    assert newest[1] == version


def test_evidence_format_has_every_event() -> None:
    """Each kind of event that the code writes is described, and no other."""
    written = set()
    for path in (ROOT / "src").rglob("*.py"):
        written |= set(re.findall(r"writer\.write\(\s*\"([a-z-]+)\"", path.read_text()))
    written.add("claims")  # made by the writer itself, of claims that hold
    text = (ROOT / "docs/evidence-format.md").read_text()
    record = text.partition("## The record")[2].partition("## The verdict")[0]
    described = set(re.findall(r"^\| `([a-z]+-?[a-z]+)` \| .* \|.*\|$", record, re.MULTILINE))
    assert written - {"undo-played", "undo-failed"} == described - {"undo-played", "undo-failed"}


def test_evidence_format_has_every_undo_action() -> None:
    """Each registered action stands in the table, and no other."""
    registered = set()
    for path in (ROOT / "src").rglob("*.py"):
        registered |= set(re.findall(r"@undo_action\(\"([a-z.-]+)\"\)", path.read_text()))
    text = (ROOT / "docs/evidence-format.md").read_text().partition("## The undo journal")[2]
    assert set(re.findall(r"^\| `([a-z-]+\.[a-z-]+)` \|", text, re.MULTILINE)) == registered


def run(tree: Path, *words: str) -> subprocess.CompletedProcess[str]:
    """Run a program in a copy of the tree, which finds that copy's modules."""
    path = os.pathsep.join(("src", ".", "tests"))
    return subprocess.run(
        words,
        cwd=tree,
        env=os.environ | {"PYTHONPATH": path, "MYPYPATH": "src:."},
        capture_output=True,
        text=True,
        check=False,
    )


def tool(name: str) -> str:
    """A program that came with this Python."""
    return str(Path(sys.executable).with_name(name))


@pytest.fixture(scope="module")
def begun(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A copy of the tree in which every `scripts/new` of CONTRIBUTING was run as it is printed."""
    tree = tmp_path_factory.mktemp("begun") / "tree"
    left_out = shutil.ignore_patterns(".git", ".venv*", ".*_cache", "__pycache__", "reports")
    shutil.copytree(ROOT, tree, symlinks=True, ignore=left_out)
    (tree / ".venv").symlink_to(sys.prefix)
    # A copy that sets itself up would change the environment that these tests run in.
    (tree / "scripts/setup").write_text("#!/bin/sh\n")
    printed = [line for line in shell_lines(CONTRIBUTING) if line.startswith("scripts/new ")]
    assert {line.split()[1] for line in printed} == {"system", "check", "fault"}
    for line in printed:
        done = run(tree, *line.split())
        assert done.returncode == 0, done.stdout + done.stderr
    return tree


@pytest.fixture(scope="module")
def fresh(begun: Path) -> list[str]:
    """The Python files that are in the copy and not in the tree."""
    here = {str(path.relative_to(begun)) for path in begun.rglob("*.py")}
    return sorted(name for name in here if not (ROOT / name).exists())


def test_the_role_that_was_begun_makes_a_machine(begun: Path, tmp_path: Path) -> None:
    """A machine more takes zone, number and port, and no other file of the lab."""
    shutil.copytree(begun / "lab", tmp_path / "lab", symlinks=True)
    file = tmp_path / "lab/roles/memcached/role.toml"
    text = file.read_text().replace("packages = []", 'packages = ["memcached"]')
    file.write_text(
        text.replace('"ZONE", number = 0', '"data", number = 31').replace("[]\nwhy", "[11211]\nwhy")
    )
    asked = """from lab import firewall, inventory
print(*(one.v4 for one in inventory.machines_with("memcached")))
print("memcached" in inventory.PACKAGES, "".join(firewall.forward_rules()).count("{ 11211 }"))
"""
    done = run(tmp_path, sys.executable, "-c", asked)
    assert done.stdout.splitlines() == ["198.18.3.31", "True 2"], done.stderr


@pytest.fixture
def walked(begun: Path, tmp_path: Path) -> Path:
    """A copy in which CONTRIBUTING was followed to its end."""
    tree = tmp_path / "tree"
    shutil.copytree(begun, tree, symlinks=True)
    for name, indent, code in NAMED_BLOCK.findall(CONTRIBUTING.read_text()):
        (tree / name).write_text(re.sub(rf"^{indent}", "", code, flags=re.MULTILINE))
    return tree


def ids(tree: Path) -> dict[str, str]:
    """The title of each check in the tree's catalogue."""
    entries = json.loads((tree / "src/readiness/data/catalogue.json").read_text())
    return {entry["id"]: entry["title"] for entry in entries}


def test_skeletons_are_listed(begun: Path) -> None:
    """The room is in the lists, the checks are in the catalogue, and nothing generated is stale."""
    for name in ("every_declared", "every_reading", "every_asking"):
        listed = (begun / f"src/readiness/systems/{name}.py").read_text()
        assert "readiness.systems.memcached" in listed
    assert ids(begun).keys() - load_catalogue().keys() == {"KERN-001", "MEMC-001"}
    done = run(begun, "scripts/docs", "--check")
    assert done.returncode == 0, done.stdout + done.stderr


def test_skeletons_pass_style_types_and_import_rules(begun: Path, fresh: list[str]) -> None:
    """What is written for people needs no mending before they begin."""
    assert {"tests/probes/test_memcached.py", "suites/hardening/test_kernel.py"} <= set(fresh)
    for words in (
        [tool("ruff"), "check", "--no-cache", *fresh],
        [tool("ruff"), "format", "--no-cache", "--check", *fresh],
        [tool("mypy"), *fresh],
        [tool("lint-imports"), "--no-cache"],
        [sys.executable, "-m", "pytest", "-qc", "tests/pytest.ini", *TESTS_OF_ROOMS],
    ):
        done = run(begun, *words)
        assert done.returncode == 0, done.stdout + done.stderr


def test_no_skeleton_is_green(begun: Path, fresh: list[str]) -> None:
    """Replayed it is an error, a room's test is red, lint has words to find, the lab refuses."""
    asked = "from replay import *; replay(load('healthy'), Case('KERN-001', 'app1'))"
    done = run(begun, sys.executable, "-c", asked)
    assert done.stderr.endswith("NotImplementedError: app1: KERN-001 is not written yet\n")
    room = "tests/probes/test_memcached.py"
    done = run(begun, sys.executable, "-m", "pytest", "-qc", "tests/pytest.ini", room)
    assert "recorded/memcached/answer.txt" in done.stdout
    assert done.returncode == 1
    written = [name for name in fresh if name.startswith(("suites", "src"))]
    assert [one for one in written if "not written yet" not in (begun / one).read_text()] == []
    assert "not written yet" in (ROOT / "scripts/lint").read_text()
    done = run(begun, sys.executable, "-m", "lab", "faults")
    machine = "lab/roles/memcached/role.toml: site.machines.memcached1.number"
    assert done.stderr.endswith(f"{machine}: expected at least 1, found 0\n")
    assert done.returncode == 64
    place = r"hosts\.yaml:\d+:\d+: source-routes-on-one-machine\.title: "
    with pytest.raises(UsageError, match=place):
        rows.read_table(begun / "lab/faults/rows/hosts.yaml")


def test_the_example_check_enters_the_catalogue(walked: Path) -> None:
    """Following the page: `scripts/docs` takes the check up and complains about nothing."""
    done = run(walked, sys.executable, "scripts/generate.py")
    assert done.returncode == 0, done.stderr
    assert ids(walked)["KERN-001"] == "No machine accepts source-routed packets"
    assert "## KERN-001: No machine" in (walked / "docs/checks.md").read_text()


def test_the_example_check_goes_green_and_red(walked: Path) -> None:
    """Following the page: its offline test passes, as printed."""
    words = ("-m", "pytest", "-qc", "tests/pytest.ini", "tests/suites/test_kernel.py")
    done = run(walked, sys.executable, *words)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "2 passed" in done.stdout


def test_the_examples_are_in_style(walked: Path) -> None:
    """What the page tells people to write passes the project's own style check."""
    for name, _, _ in NAMED_BLOCK.findall(CONTRIBUTING.read_text()):
        for words in (["check", "--quiet"], ["format", "--quiet", "--check"]):
            done = subprocess.run(
                [tool("ruff"), *words, "--no-cache", "--stdin-filename", name, "-"],
                input=(walked / name).read_bytes(),
                cwd=ROOT,
                capture_output=True,
                check=False,
            )
            assert done.returncode == 0, f"{name}: {done.stdout.decode()}{done.stderr.decode()}"


def test_the_example_fault_is_a_row(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The printed row can stand in its table, by the name that was begun, and reddens its check."""
    ((name, row),) = ROW_BLOCK.findall(CONTRIBUTING.read_text())
    known, of_site = {"KERN-001": frozenset({"app1", "app2"})}, rows.known_cases
    monkeypatch.setattr(rows, "known_cases", lambda site: {**of_site(site), **known})
    table = tmp_path / Path(name).name
    table.write_text(f"{(ROOT / name).read_text()}\n{row}")
    (added,) = set(rows.read_table(table)) - set(rows.all_rows())
    assert any(line.startswith(f"scripts/new fault {added} ") for line in shell_lines(CONTRIBUTING))
    assert rows.read_table(table)[added].fault.checks == ("KERN-001",)
