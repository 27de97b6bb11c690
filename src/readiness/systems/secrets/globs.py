"""Paths with wildcards: `*` and `?` stay within a folder, `**` goes any number of folders down."""

import re
from functools import lru_cache
from typing import Final

_WILD: Final = re.compile(r"[*?]")
DEEPEST: Final = 12
"""Folders that `**` goes down. Applications nest a few; a loop of links would never end."""


def is_glob(path: str) -> bool:
    """Whether it stands for several files."""
    return bool(_WILD.search(path))


def folder_and_depth(path: str) -> tuple[str, int]:
    """Where to begin to look for what it matches, and how many folders to go down.

    A path without wildcards is its own beginning.
    """
    if not is_glob(path):
        return path, 0
    steps = path.split("/")
    first = next(place for place, step in enumerate(steps) if is_glob(step))
    below = steps[first:]
    return "/".join(steps[:first]), DEEPEST if "**" in below else len(below)


def matches(pattern: str, path: str) -> bool:
    """Whether a path is meant: the same, or one that the wildcards fit."""
    return bool(_compiled(pattern).fullmatch(path))


@lru_cache(maxsize=512)
def _compiled(pattern: str) -> re.Pattern[str]:
    """The wildcards as a regular expression; all else stands for itself."""
    parts = re.split(r"(\*\*/|\*\*|\*|\?)", pattern)
    meaning = {"**/": "(?:[^/]+/)*", "**": ".*", "*": "[^/]*", "?": "[^/]"}
    return re.compile("".join(meaning.get(one, re.escape(one)) for one in parts))
