"""The files that a site's own checks are made of: test files and what they import from beside them.

A changed helper is a changed check. What is imported is read from the source, before anything runs;
what a process had imported in the end is compared with it, since source does not tell everything.
"""

import ast
import os
import sys
from collections.abc import Iterable, Iterator
from hashlib import sha256
from pathlib import Path
from typing import Final

TESTS: Final = "test_*.py"
# Where this process imports from before it knows any own check: a library may lie below its folder.
_INSTALLED: Final = tuple(Path(one or ".").resolve() for one in sys.path)
# As Python's own importer knows modules; a compiled one of several interpreters has a longer end.
_ENDS: Final = (".py", ".so", ".pyc")


def own_files(folder: Path) -> dict[str, str]:
    """The SHA-256 of each test file and of all that they import from their folder, by its place."""
    folder = folder.absolute()
    return files_from(folder, [*folder.glob(TESTS), folder / "conftest.py"])


def files_from(folder: Path, starts: Iterable[Path]) -> dict[str, str]:
    """The SHA-256 of these files and of all that they import from their folder, by its place."""
    folder = folder.absolute()
    found = {_place(file, folder): _digest(file) for file in _closure(folder, starts)}
    return dict(sorted(found.items()))


def imported_besides(folder: Path, files: Iterable[str]) -> list[str]:
    """The modules of the folder that this process has imported and that are not in that list."""
    folder = folder.absolute()
    root = _root(folder).resolve()
    known = {(folder / one).resolve() for one in files}
    libraries = [one for one in _INSTALLED if root in one.parents]
    imported = (getattr(module, "__file__", None) for module in list(sys.modules.values()))
    paths = {Path(file).resolve() for file in imported if isinstance(file, str)}
    return sorted(
        _place(path, folder.resolve())
        for path in paths - known
        if root in path.parents
        and "site-packages" not in path.parts
        and not any(one in path.parents for one in libraries)
    )


def _root(folder: Path) -> Path:
    """The folder above all packages: the modules of own checks are named from there."""
    while (folder / "__init__.py").is_file() and folder != folder.parent:
        folder = folder.parent
    return folder


def _closure(folder: Path, starts: Iterable[Path]) -> set[Path]:
    root = _root(folder)
    found: set[Path] = set()
    # Besides these what Python imports on its way to them.
    due = [one for one in (*starts, *_above(folder, root)) if one.is_file()]
    while due:
        file = due.pop()
        if file in found:
            continue
        found.add(file)
        if file.suffix == ".py":
            names = list(_imports(file, root))
            # Also from beside it: the file itself may have said so.
            places = {root, file.parent}
            due += [one for place in places for name in names for one in _modules(place, name)]
    return found


def _above(folder: Path, root: Path) -> Iterator[Path]:
    while folder != root:
        yield folder / "__init__.py"
        folder = folder.parent


def _imports(file: Path, root: Path) -> Iterator[str]:
    """The dotted names that a file's import statements may mean, wherever in it they stand."""
    try:
        tree = ast.parse(file.read_bytes())
    except (SyntaxError, ValueError):
        # It can't be imported either, and its check says so.
        return
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (one.name for one in node.names)
        elif isinstance(node, ast.ImportFrom):
            base = _base(file, root, node.level)
            name = ".".join(filter(None, (base, node.module or "")))
            yield name
            yield from (f"{name}.{one.name}" for one in node.names if one.name != "*")


def _base(file: Path, root: Path, level: int) -> str:
    """The package that a relative import begins with; empty for one that is not relative."""
    package = file.parent.relative_to(root).parts
    return ".".join(package[: len(package) - level + 1]) if level else ""


def _modules(root: Path, name: str) -> Iterator[Path]:
    """The files that importing a dotted name runs, those of its packages included."""
    place = root
    for part in name.split("."):
        place /= part
        if not part.isidentifier():
            return
        ways = [place / f"__init__{end}" for end in _ENDS]
        ways += [place.with_name(part + end) for end in _ENDS]
        yield from (one for one in ways if one.is_file())
        yield from place.parent.glob(f"{part}.*.so")


def _place(file: Path, folder: Path) -> str:
    """Where a file lies, seen from the folder of the own checks."""
    return Path(os.path.relpath(file, folder)).as_posix()


def _digest(file: Path) -> str:
    return sha256(file.read_bytes()).hexdigest()
