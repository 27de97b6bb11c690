"""Digests of inputs: a changed input is another image or another frozen state."""

import hashlib
from collections.abc import Iterable
from pathlib import Path

KEY_LENGTH = 16


def tree_files(root: Path) -> list[Path]:
    """Every file and link below a folder that git could hold, in a fixed order."""
    return sorted(
        path
        for path in root.rglob("*")
        if (path.is_symlink() or path.is_file())
        and "__pycache__" not in path.parts
        and path.suffix != ".pyc"
    )


def digest(paths: Iterable[Path], base: Path, *more: str) -> str:
    """A short hexadecimal digest over names, executable bits and contents of files, and strings."""
    total = hashlib.sha256()
    for path in paths:
        total.update(f"{path.relative_to(base)} {_content(path)}\n".encode())
    for each in more:
        total.update(f"{each}\n".encode())
    return total.hexdigest()[:KEY_LENGTH]


def _content(path: Path) -> str:
    if path.is_symlink():
        return f"-> {path.readlink()}"
    executable = "x" if path.stat().st_mode & 0o100 else "-"
    return f"{executable} {hashlib.sha256(path.read_bytes()).hexdigest()}"
