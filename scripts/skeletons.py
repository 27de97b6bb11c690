"""Writes the skeleton of a system's room, of a check or of a fault, which its author fills in.

A skeleton passes style, types and import rules, and nothing of it is ever green: the code that is
left to write raises `NotImplementedError`, and the reader of tables refuses an empty row.
Bad input is refused with one line, before anything is written.
"""

import argparse
import importlib
import keyword
import re
import subprocess
import sys
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any, Final, Never, get_args

import room_skeleton
from generate import declared_checks
from room_skeleton import UNWRITTEN
from rooms import PACKAGE, ROOT, SYSTEMS, written

from readiness.catalogue.checks import Check, of_another_part
from readiness.catalogue.clauses import clause_ids
from readiness.model.errors import UsageError
from readiness.model.words import EXIT_USAGE
from readiness.site import subjects
from readiness.site.documents import load_environment
from readiness.site.environment import Environment
from readiness.site.kinds import KINDS
from readiness.site.written import one_of
from readiness.site.yaml_file import read_yaml
from readiness.systems.every import SOURCES, WHOLE
from readiness.systems.every_declared import OF_ROOM as DECLARED
from readiness.systems.every_reading import OF_ROOM as READING
from readiness.systems.token import Kind, Source

LAB: Final = ROOT / "environments/lab.yaml"
FAULTS: Final = ROOT / "lab/faults"
# A room is a Python module, an id is as the catalogue wants it, and a fault is a key of YAML, where
# a single word could be read in two ways.
ROOM: Final = "[a-z][a-z0-9_]*"
ID: Final = r"[A-Z]{2,6}-\d{3}"
SECTIONS: Final = {one.section for one in KINDS.values()} - {""}
FAULT: Final = "[a-z][a-z0-9]*(-[a-z0-9]+)+"
SUITE: Final = "suites/[a-z][a-z0-9_]*/test_[a-z0-9_]+[.]py"


def system(name: str, instead_of: str | None) -> dict[Path, str]:
    """The files of a room and of its test.

    Raises:
        UsageError: the name can't be a room's, or is taken, or no section has the other name.
    """
    if instead_of is not None and instead_of not in SECTIONS:
        raise UsageError(f"unknown section {instead_of}{one_of(instead_of, SECTIONS)}")
    _must_match(name, ROOM, "a name of lower-case letters, digits and '_'")
    if keyword.iskeyword(name):
        raise UsageError(f"{name} is a word of Python")
    if name in {one.name for one in SOURCES}:
        raise UsageError(f"a token is called {name} already")
    if name in Environment.model_fields or hasattr(Environment, name):
        raise UsageError(f"an environment has something that is called {name} already")
    if f"{name}_node" in KINDS:
        raise UsageError(f"a kind is called {name}_node already")
    folder = SYSTEMS / name
    if folder.with_suffix(".py").exists() or any(folder.rglob("*.py")):
        raise UsageError(f"{folder.relative_to(ROOT)} is there already")
    # Folders of tests are no packages, so that no two of their modules have one name.
    if test := next((ROOT / "tests").rglob(f"test_{name}.py"), None):
        raise UsageError(f"{test.relative_to(ROOT)} is there already")
    modules = {
        folder / f"{part}.py": text
        for part, text in room_skeleton.modules(name, instead_of or "").items()
    }
    modules[ROOT / f"tests/probes/test_{name}.py"] = room_skeleton.test(name)
    return {path: _tidy(path, text) for path, text in modules.items()}


def check(
    identity: str, clauses: list[str], each: str, ask: str | None, file: str | None
) -> dict[Path, str]:
    """The suite's file with one check more.

    Raises:
        UsageError: the id is none or is taken, or a clause, kind, token or file is wrong.
    """
    _must_match(identity, ID, "an id like CACHE-001")
    known = declared_checks()
    if taken := next((one for one in known if one.id == identity), None):
        raise UsageError(f"{identity} is taken by {taken.source}")
    for clause in clauses:
        if clause not in clause_ids():
            raise UsageError(f"unknown clause {clause}{one_of(clause, clause_ids())}")
    kind = _kind(each)
    for clause in clauses:
        if other := of_another_part(clause, kind, known):
            section = KINDS[other.each].section
            raise UsageError(
                f"{clause} is answered by {other.id}, for `{section}`; sites without "
                f"`{kind.section}` would lose it",
                expected=f'a clause of its own, or `instead_of="{section}"` of {kind.name}',
            )
    token = _token(ask, kind) if ask else None
    path = _suite(identity, clauses[0], known, file)
    text = path.read_text() if path.exists() else f'"""Checks: {UNWRITTEN} of what."""\n'
    imports = [
        f"from readiness import {'Ask, ' if token else ''}Severity, check",
        _class(kind).imported,
        _constant(kind).imported,
        *([_constant(token).imported] if token else []),
    ]
    function = _function(identity, clauses, kind, token, text)
    return {path: _tidy(path, f"{_with_imports(text, imports)}\n\n{function}")}


def _suite(identity: str, clause: str, known: list[Check], file: str | None) -> Path:
    """The named file, or that of the area's other check of the clause, or one for the clause.

    The area is where checks with such ids are, or else what the clause is about.
    """
    if file is not None:
        _must_match(file, SUITE, "suites/AREA/test_BEHAVIOUR.py")
        return ROOT / file
    area = [one for one in known if one.id.partition("-")[0] == identity.partition("-")[0]]
    if beside := next((one for one in area if clause in one.clauses), None):
        return ROOT / beside.source.partition("::")[0]
    criterion, _, fact = clause.replace("-", "_").partition("/")
    folder = area[0].source.split("/")[1] if area else criterion.partition(".")[2]
    return ROOT / "suites" / folder / f"test_{fact}.py"


def _function(
    identity: str, clauses: list[str], kind: Kind[Any], token: Source[Any, Any] | None, text: str
) -> str:
    """The check itself, which blocks like the worst until its author says less.

    The number of its id tells its name from one that is there.
    """
    fact = clauses[0].partition("/")[2].replace("-", "_")
    name = f"test_{fact}"
    if f"def {name}(" in text:
        name += f"_{identity.partition('-')[2]}"
    subject = _subject(kind)
    known = hasattr(subject, "id") or "id" in subject.__annotations__
    whom = f"{kind.name}.{'id' if known else 'name'}"
    asks, found = "", ""
    if token:
        asks, whom = ", ask: Ask", "found.subject"
        found = f"    found = ask({_constant(token)}, {kind.name})\n"
    named = "".join(f'"{one}",' for one in clauses)
    return f'''@check(
    "{identity}",
    "{UNWRITTEN}",
    clauses=({named}),
    each={_constant(kind)},
    severity=Severity.CRITICAL,
    risk="{UNWRITTEN}",
    reads=("{UNWRITTEN}",),
    rights="{UNWRITTEN}",
    remedy="{UNWRITTEN}",
)
def {name}({kind.name}: {subject.__name__}{asks}) -> None:
    """{UNWRITTEN.capitalize()}."""
{found}    raise NotImplementedError(f"{{{whom}}}: {identity} is {UNWRITTEN}")
'''


def _with_imports(text: str, imports: list[str]) -> str:
    """The module with these imports beside its own; sorting unites what is there twice."""
    lines = text.splitlines()
    last = max((n for n, line in enumerate(lines) if re.match(r"(from|import) ", line)), default=-1)
    if last < 0:
        return "\n".join([*lines, "", *imports])
    return "\n".join([*lines[:last], *imports, *lines[last:]])


def fault(name: str, kind: str, reddens: list[str]) -> dict[Path, str]:
    """The table of a kind with one row more.

    Raises:
        UsageError: the name is none or is taken, or the kind or a check is unknown.
    """
    _must_match(name, FAULT, "two or more words with '-' between")
    tables = {path.stem: path for path in sorted((FAULTS / "rows").glob("*.yaml"))}
    if kind not in tables:
        raise UsageError(
            f"unknown kind {kind}; there are: {', '.join(tables)}; for a new one add it to Kind in "
            f"lab/faults/__init__.py, and an empty lab/faults/rows/{kind}.yaml"
        )
    # Rows are read without their rules: one that is not filled in yet stands in no other's way.
    for path in tables.values():
        if name in read_yaml(path).data:
            raise UsageError(f"{path.relative_to(ROOT)} has a fault {name} already")
    file = FAULTS / f"{name.replace('-', '_')}.py"
    if file.exists():
        raise UsageError(f"{file.relative_to(ROOT)} is there already")
    known = {one.id for one in declared_checks()}
    for identity in reddens:
        if identity not in known:
            raise UsageError(f"unknown check {identity}{one_of(identity, known)}")
    cases = "".join(f"    {one}: {{SUBJECT: REASON}}\n" for one in dict.fromkeys(reddens))
    row = f"{name}:\n  title:\n  why:\n  at:\n  break:\n  reddens:\n{cases}"
    return {tables[kind]: f"{tables[kind].read_text()}\n{row}"}


def _must_match(text: str, pattern: str, expected: str) -> None:
    if not re.fullmatch(pattern, text):
        raise UsageError("wrong name", expected=expected, found=repr(text))


def _kind(name: str) -> Kind[Any]:
    if name not in KINDS:
        raise UsageError(f"unknown kind {name}{one_of(name, KINDS)}")
    return KINDS[name]


def _token(name: str, kind: Kind[Any]) -> Source[Any, Any]:
    """The token of that name, which has to be asked about subjects like those of the kind."""
    known = {one.name: one for one in WHOLE}
    if name not in known:
        raise UsageError(f"unknown token {name}{one_of(name, known)}")
    if _subject(known[name].each) != _subject(kind):
        raise UsageError(f"{name} is asked about {known[name].each.name}, not {kind.name}")
    return known[name]


@dataclass(frozen=True)
class Named:
    """What a skeleton names, and the module that it imports it from."""

    module: str
    name: str

    def __str__(self) -> str:
        return self.name

    @property
    def imported(self) -> str:
        """The line that imports it."""
        return f"from {self.module} import {self.name}"


def _subject(kind: Kind[Any]) -> type:
    """The class of a kind's subjects, as the constant is annotated or as the lab declares one.

    Raises:
        UsageError: neither tells.
    """
    constant = _constant(kind)
    annotated = get_args(
        importlib.import_module(constant.module).__annotations__.get(constant.name)
    )
    if annotated:  # Final[Kind[X]]
        subject: type = get_args(annotated[0])[0]
        return subject
    found = kind.of(_lab())
    if not found:
        raise UsageError(f"{LAB.relative_to(ROOT)} declares no {kind.name}")
    return type(next(iter(found.values())))


@cache
def _lab() -> Environment:
    return load_environment(LAB)


def _class(kind: Kind[Any]) -> Named:
    """The class of a kind's subjects, as a skeleton names it."""
    return Named(_subject(kind).__module__, _subject(kind).__name__)


def _constant(value: object) -> Named:
    """The constant that a kind or a token is."""
    modules = (
        subjects.__name__,
        *(f"{PACKAGE}.{room}.declared" for room in DECLARED),
        *(f"{PACKAGE}.{room}.reading" for room in READING),
    )
    return next(
        Named(module, name)
        for module in modules
        for name, one in vars(importlib.import_module(module)).items()
        if one is value
    )


def _tidy(path: Path, text: str) -> str:
    """The module in the project's style.

    Raises:
        UsageError: it does not pass, as where one name would stand for two things.
    """
    ruff = str(Path(sys.executable).with_name("ruff"))
    # Of a room that is not on disk ruff knows neither that it is ours nor that it is a package.
    ours = 'lint.isort.known-first-party=["readiness"]'
    for words in (
        ["check", "--fix-only", "--select=I", "--config", ours],
        ["format"],
        ["check", "--ignore=INP001", "--config", ours, "--output-format=concise"],
    ):
        done = subprocess.run(
            [ruff, *words, "--quiet", "--no-cache", "--stdin-filename", str(path), "-"],
            input=text,
            capture_output=True,
            text=True,
            cwd=ROOT,
            check=False,
        )
        if done.returncode:
            raise UsageError("the skeleton does not fit in", found=done.stdout + done.stderr)
        text = done.stdout or text
    return text


class _Parser(argparse.ArgumentParser):
    """A command line whose mistakes are refused like all others."""

    def error(self, message: str) -> Never:
        """Refuse it."""
        raise UsageError(f"{message}; see scripts/new --help")


def _parser() -> argparse.ArgumentParser:
    parser = _Parser(prog="scripts/new", description="CONTRIBUTING.md says how to go on.")
    make = parser.add_subparsers(dest="make", required=True, metavar="system|check|fault")
    one = make.add_parser("system", help="write a room in src/readiness/systems, and its test")
    one.add_argument("name", metavar="NAME")
    one.add_argument(
        "--instead-of", metavar="SECTION", help="a site may have this one where others have that"
    )
    one.set_defaults(make=system)
    one = make.add_parser("check", help="write a check into a file of suites")
    one.add_argument("identity", metavar="ID")
    one.add_argument("--clause", dest="clauses", action="append", required=True, help="repeatable")
    one.add_argument("--each", required=True, metavar="KIND", help="whom it is repeated for")
    one.add_argument("--ask", metavar="TOKEN", help="what it asks, by the name in the record")
    one.add_argument("--file", help="suites/AREA/test_BEHAVIOUR.py, where another one is right")
    one.set_defaults(make=check)
    one = make.add_parser("fault", help="write a row into a table of lab/faults/rows")
    one.add_argument("name", metavar="NAME")
    one.add_argument("--kind", required=True, help="the table")
    one.add_argument("--reddens", nargs="+", required=True, metavar="ID", help="its checks")
    one.set_defaults(make=fault)
    return parser


def main() -> int:
    """Write what is asked for, and all that is generated from it."""
    try:
        given = vars(_parser().parse_args())
        files = given.pop("make")(**given)
    except UsageError as error:
        print(f"new: {error}", file=sys.stderr)
        return EXIT_USAGE
    written(files)
    print(
        "scripts/lint or the lab refuses it until it is filled in: CONTRIBUTING.md says how",
        flush=True,
    )
    # By another Python, which finds what was written.
    return subprocess.run([ROOT / "scripts/docs"], check=False).returncode


if __name__ == "__main__":
    sys.exit(main())
