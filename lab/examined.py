"""What a result of the matrix is about, as digests: fault or variant, checks, readings, roles.

Only what decides an outcome counts. Of a fault, a row of a table or a check that is its definition
and what that uses of its own file, of a fault also what it uses of the helpers. Of a check it is,
besides, how what it judges is asked and read: the tokens that it names with their askers, and whole
modules where what it asks has no room yet. Of a machine it is what its roles lay. What people are
told (title, risk, remedy, docstrings, comments) and how it is laid out may change freely.
"""

import ast
import hashlib
import json
import re
from collections.abc import Callable, Collection, Iterable, Mapping
from functools import cache
from pathlib import Path
from typing import Any

from lab.errors import LabError
from lab.home import REPOSITORY
from lab.keys import tree_files
from lab.product import source_of
from lab.role_file import FILE, load, without_site

# What faults share; the rest of the lab has tests of its own.
HELPERS = ("lab/faults/", "lab/verbs/", "lab/cluster.py", "lab/defects.py", "lab/steps.py")
READERS = tuple(f"src/readiness/{name}" for name in ("probes/", "drills/", "measure/", "systems/"))
# What rooms ask and read with; what a site declares is in the environment file.
ROOM = re.compile(r"(src/readiness/systems/\w+/)(?!declared\b)\w+(?:\.py|/.*)")
# What was answered, as it came.
ANSWERS = "src/readiness/systems/answer.py"
# Which commands may be asked for: what it refuses is read by nobody, and turns no case green.
PERMITTED = "src/readiness/probes/commands.py"
# What makes a token, what of it is for people only, and what binds it to a connection.
TOKENS = {"Source", "Sources"}
TOLD_OF_TOKENS = {"says", "pin", "drift"}
# What of a reading's field is for comparing two runs.
MARKS = {"FIXED", "BOUNDED", "VOLATILE", "COMES_AND_GOES", "VolatileOf"}
ASKERS = {"Asker", "AskerOf"}
# What of an asker is a matter of time only.
TIMED_OF_ASKERS = {"early"}
# What of a fault changes machines, in a file and in a table of YAML.
ACTS = {"apply", "undo"}
CHANGES = {"at", "break", "mended"}
# What of a fault or a row is for people, or a matter of time only.
TOLD = {"title", "why", "alone"}
# The name of a fault in its file.
DEFINITION = "FAULT"
LENGTH = 16
NEWLINE = b"\n"


@cache
def _parsed(path: str) -> ast.Module:
    """A file of the repository, its functions and classes without decorators and docstrings."""
    tree = ast.parse((REPOSITORY / path).read_text())
    _Unmarked().visit(tree)
    for node in ast.walk(tree):
        if isinstance(node, ast.Call) and _is_one_of(node, TOKENS):
            node.keywords = [one for one in node.keywords if one.arg not in TOLD_OF_TOKENS]
        if isinstance(node, ast.Call) and _is_one_of(node, ASKERS):
            node.keywords = [one for one in node.keywords if one.arg not in TIMED_OF_ASKERS]
        if isinstance(node, ast.FunctionDef):
            node.decorator_list = []
        if not isinstance(node, ast.FunctionDef | ast.ClassDef | ast.Module):
            continue
        if ast.get_docstring(node) and node.body[1:]:
            node.body = node.body[1:]
    return tree


class _Unmarked(ast.NodeTransformer):
    """Takes the marks off the fields of readings: they decide over drift, and over no outcome."""

    def visit_Subscript(self, node: ast.Subscript) -> ast.AST:
        """`Annotated[int, VOLATILE]` is `int`."""
        self.generic_visit(node)
        if isinstance(node.value, ast.Name) and node.value.id == "Annotated":
            kind, *marks = node.slice.elts if isinstance(node.slice, ast.Tuple) else [node.slice]
            if marks and {_name(one) for one in marks} <= MARKS:
                return kind
        return node


def _name(node: ast.expr) -> str:
    """What a mark is called."""
    called = node.func if isinstance(node, ast.Call) else node
    return called.id if isinstance(called, ast.Name) else ""


def _is_one_of(call: ast.Call, names: Collection[str]) -> bool:
    return isinstance(call.func, ast.Name) and call.func.id in names


@cache
def _definitions(path: str) -> dict[str, ast.stmt]:
    """Name -> what a file defines it as."""
    found: dict[str, ast.stmt] = {}
    for node in _parsed(path).body:
        if isinstance(node, ast.FunctionDef | ast.ClassDef):
            found[node.name] = node
        elif isinstance(node, ast.Assign):
            found.update({one.id: node for one in node.targets if isinstance(one, ast.Name)})
        elif isinstance(node, ast.AnnAssign) and isinstance(node.target, ast.Name):
            found[node.target.id] = node
    return found


@cache
def _imports(path: str) -> dict[str, tuple[str, str]]:
    """Name -> the file of this repository that it comes from, and its name there.

    The latter is empty where the name is the file's own, as a module.
    """
    found = {}
    for node in ast.walk(_parsed(path)):
        if isinstance(node, ast.ImportFrom) and node.module and not node.level:
            for one in node.names:
                name = one.asname or one.name
                if whole := _file_of(f"{node.module}.{one.name}"):
                    found[name] = whole, ""
                elif file := _file_of(node.module):
                    found[name] = file, one.name
    return found


def _file_of(module: str) -> str:
    """The file of a module of this repository; empty where it has none.

    Packages count in rooms only, whose parts may be packages: elsewhere they hold nothing.
    """
    path = module.replace(".", "/")
    places = [f"{path}.py", f"src/{path}.py", f"src/{path}/__init__.py"]
    found = (one for one in places if (REPOSITORY / one).is_file())
    return next((one for one in found if not one.endswith("__init__.py") or _in_room(one)), "")


def _used(
    path: str, start: ast.AST, follow: Collection[str] = ()
) -> dict[tuple[str, str], ast.AST]:
    """A part of a file and what it uses of the rest, however indirectly: (file, name) -> what.

    What is imported belongs to it where the file that has it begins with one of `follow`.
    """
    used: dict[tuple[str, str], ast.AST] = {}
    waiting: dict[tuple[str, str], ast.AST] = {(path, ""): start}
    while waiting:
        used |= waiting
        found = {
            place
            for (file, _), part in waiting.items()
            if file != PERMITTED  # nor what the list is put together from
            for place in _named(file, part, follow)
        }
        waiting = {
            (file, name): _definitions(file)[name]
            for file, name in found - used.keys()
            if name in _definitions(file)
        }
    return used


def _named(path: str, part: ast.AST, follow: Collection[str]) -> Iterable[tuple[str, str]]:
    """What a part of a file names, as file and name."""
    known, imported = _definitions(path), _imports(path)
    for node in ast.walk(part):
        if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name):
            file, name = imported.get(node.value.id, ("", "it is no module"))
            if not name and file.startswith(tuple(follow)):
                yield file, node.attr
        # Whoever names the definition means something that people are not told.
        if isinstance(node, ast.Name) and node.id in known and node.id != DEFINITION:
            yield path, node.id
        elif isinstance(node, ast.Name) and node.id in imported:
            file, name = imported[node.id]
            if name and file.startswith(tuple(follow)):
                yield file, name


def _digest(path: str, start: ast.AST, follow: Collection[str] = ()) -> str:
    """Of a part of a file and of what it uses."""
    used = _used(path, start, follow)
    # What is in a file of its own counts by its name there, wherever that file is.
    parts = sorted((file != path, name, ast.dump(node)) for (file, name), node in used.items())
    return _short("\n".join(text for _, _, text in parts))


def _short(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()[:LENGTH]


@cache
def check(name: str) -> str:
    """What a check does.

    Raises:
        LabError: no such check, or its function is not where the catalogue has it.
    """
    return _digest(*_function(name))


def _function(name: str) -> tuple[str, ast.stmt]:
    path, _, function = source_of(name).partition("::")
    if function not in _definitions(path):
        raise LabError(f"{path} has no function {function}; scripts/docs renews the catalogue")
    return path, _definitions(path)[function]


@cache
def readings(name: str) -> str:
    """How that is read what a check judges.

    That is each token that it names, with its asker, and whatever else it names of a room; of what
    has no room yet, all that stands in the modules which have the types that it is written with,
    whoever of them makes these; and what all this uses of other readers.

    Raises:
        LabError: as with the check.
    """
    used: dict[tuple[str, str], ast.AST] = {}
    for file, named in _named_of_readers(name):
        known = _definitions(file)
        whole = not _in_room(file) or named not in known
        starts: list[tuple[str, str, ast.AST]] = [
            (file, one, known[one]) for one in (known if whole else [named])
        ]
        starts += [(at, f"asker of {named}", call) for at, call in _askers(file, named)]
        for at, one, start in starts:
            used |= {(at, one): start, **_beyond(at, start)}
    return _short("\n".join(sorted(f"{one} {ast.dump(part)}" for (_, one), part in used.items())))


def _beyond(path: str, start: ast.AST) -> dict[tuple[str, str], ast.AST]:
    """What a part of a module uses of its own and of other readers."""
    used = _used(path, start, READERS)
    return {(at, one): part for (at, one), part in used.items() if one and _reads(at)}


def _reads(path: str) -> bool:
    """Whether a module asks or reads, so that what it does shows in what a check judges."""
    room = path.startswith("src/readiness/systems/")
    return (
        path.startswith(READERS)
        and path != PERMITTED
        and (not room or _in_room(path) or path == ANSWERS)
    )


def _in_room(path: str) -> bool:
    return ROOM.fullmatch(path) is not None


def _askers(path: str, token: str) -> list[tuple[str, ast.Call]]:
    """How a token of a room is asked: where that stands, and the call that binds it."""
    room = ROOM.fullmatch(path)
    asking = _file_of(f"{room[1].removeprefix('src/').replace('/', '.')}asking") if room else ""
    return [
        (asking, node)
        for node in ast.walk(_parsed(asking) if asking else ast.Module([], []))
        if isinstance(node, ast.Call) and _is_one_of(node, ASKERS) and node.args
        if isinstance(node.args[0], ast.Name) and node.args[0].id == token
    ]


def readers(name: str) -> list[str]:
    """The modules that have the types or tokens with which a check is written.

    Raises:
        LabError: as with the check.
    """
    return sorted({file for file, _ in _named_of_readers(name)})


def _named_of_readers(name: str) -> list[tuple[str, str]]:
    """What a check is written with of the modules that read: file, and the name in it."""
    path, function = _function(name)
    imported = _imports(path)
    named = {
        imported[node.id]
        for part in _used(path, function).values()
        for node in ast.walk(part)
        if isinstance(node, ast.Name) and node.id in imported
    }
    return sorted((file, one) for file, one in named if _reads(file))


@cache
def fault(path: str) -> str:
    """What a fault does: its definition, and what that uses of its file and of the helpers.

    Raises:
        LabError: the file defines no fault.
    """
    return _digest(path, _defined(path), HELPERS)


@cache
def doing(path: str) -> str:
    """How a fault is planted and undone, without the helpers.

    Raises:
        LabError: the file defines no fault.
    """
    defined = _defined(path)
    acts = [one for one in defined.keywords if one.arg in ACTS]
    return _digest(path, ast.Call(defined.func, [], acts))


def _defined(path: str) -> ast.Call:
    defined = _definitions(path).get(DEFINITION)
    if not isinstance(defined, ast.Assign) or not isinstance(defined.value, ast.Call):
        raise LabError(f"{path} defines no {DEFINITION}")
    return _without_words(defined.value, defined.value.args)


@cache
def row(path: str, name: str) -> str:
    """What a row does: the call in a table whose first argument is its name.

    Its other arguments without a keyword are for people.

    Raises:
        LabError: the table has no such row.
    """
    for node in ast.walk(_parsed(path)):
        if isinstance(node, ast.Call) and node.args:
            first = node.args[0]
            if isinstance(first, ast.Constant) and first.value == name:
                return _digest(path, _without_words(node, [first]), HELPERS)
    raise LabError(f"{path} has no row {name!r}")


def told_row(data: Mapping[str, Any], names: Iterable[type | Callable[..., Any]] = ()) -> str:
    """What a row of YAML does: what it says, and the code of all that it names."""
    # Verbs come in order; what belongs to the row itself does not.
    said = json.dumps({key: data[key] for key in sorted(data.keys() - TOLD)})
    code = {_digest(path, _definitions(path)[name], HELPERS) for path, name in map(_place, names)}
    return _short("\n".join([said, *sorted(code)]))


def row_doing(data: Mapping[str, Any]) -> str:
    """How a row of YAML is planted and undone, without its verbs."""
    return told_row({key: data[key] for key in data.keys() & CHANGES})


def _place(thing: type | Callable[..., Any]) -> tuple[str, str]:
    return _file_of(thing.__module__), thing.__name__


def _without_words(call: ast.Call, given: list[ast.expr]) -> ast.Call:
    return ast.Call(call.func, given, [one for one in call.keywords if one.arg not in TOLD])


@cache
def role(name: str) -> str:
    """What a role lays over a machine: its files and trees, but for lines that are comments.

    What the site has for it, machines and flows among it, is no part of it.

    Raises:
        LabError: no such role, or its file is wrong.
    """
    found = load(name)
    folders = [found.folder, *(REPOSITORY / tree for tree in found.trees.values())]
    said = [f"{path.relative_to(REPOSITORY)} {_content(path)}" for path in _files(folders)]
    return _short("\n".join(said))


def _files(folders: Iterable[Path]) -> list[Path]:
    return [path for folder in folders for path in tree_files(folder)]


def _content(path: Path) -> str:
    if path.is_symlink():
        return f"-> {path.readlink()}"
    content = without_site(path).encode() if path.name == FILE else path.read_bytes()
    lines = content.splitlines()
    kept = [line for line in lines if line.strip() and not line.lstrip().startswith(b"#")]
    return f"{path.stat().st_mode & 0o111:o} {hashlib.sha256(NEWLINE.join(kept)).hexdigest()}"
