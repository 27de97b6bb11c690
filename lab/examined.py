"""What a check or a healthy variant does, as a digest: a result of the matrix is about both.

Only what decides an outcome counts: the function, or the row of a table, and what it uses of its
own file. What people are told about it (title, risk, remedy, docstrings, comments) and how it is
laid out may change freely; so may the probes, whose changes show in their own tests.
"""

import ast
import hashlib
from functools import cache

from lab.errors import LabError
from lab.home import REPOSITORY
from lab.product import source_of


@cache
def _parsed(path: str) -> ast.Module:
    """A file of the repository, its functions without decorators and docstrings."""
    tree = ast.parse((REPOSITORY / path).read_text())
    for node in ast.walk(tree):
        if isinstance(node, ast.FunctionDef):
            node.decorator_list = []
            if ast.get_docstring(node) and node.body[1:]:
                node.body = node.body[1:]
    return tree


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


def _digest(path: str, start: ast.AST) -> str:
    """Of a part of a file and of what it uses of the rest, however indirectly."""
    known = _definitions(path)
    used: dict[str, ast.AST] = {}
    waiting: dict[str, ast.AST] = {"": start}
    while waiting:
        used |= waiting
        names = {
            node.id
            for part in waiting.values()
            for node in ast.walk(part)
            if isinstance(node, ast.Name)
        }
        waiting = {name: known[name] for name in (names & known.keys()) - used.keys()}
    text = "\n".join(ast.dump(used[name]) for name in sorted(used))
    return hashlib.sha256(text.encode()).hexdigest()[:16]


@cache
def check(name: str) -> str:
    """What a check does.

    Raises:
        LabError: no such check, or its function is not where the catalogue has it.
    """
    path, _, function = source_of(name).partition("::")
    if function not in _definitions(path):
        raise LabError(f"{path} has no function {function}; scripts/docs renews the catalogue")
    return _digest(path, _definitions(path)[function])


@cache
def row(path: str, name: str) -> str:
    """What a row does: the call in a table whose first argument is its name.

    Its other arguments without a keyword are for people, and whether it stands alone is a matter of
    time only.

    Raises:
        LabError: the table has no such row.
    """
    for node in ast.walk(_parsed(path)):
        if isinstance(node, ast.Call) and node.args:
            first = node.args[0]
            if isinstance(first, ast.Constant) and first.value == name:
                told = [one for one in node.keywords if one.arg != "alone"]
                return _digest(path, ast.Call(node.func, [first], told))
    raise LabError(f"{path} has no row {name!r}")
