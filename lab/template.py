"""``{{ key }}`` substitution for role files: names become values, nothing else is interpreted."""

import re
from collections.abc import Callable

from lab.errors import LabError

_PLACEHOLDER = re.compile(r"\{\{\s*([^{}]*?)\s*\}\}")
Lookup = Callable[[str], str | None]


def render(text: str, lookup: Lookup, source: str) -> str:
    """The text with every placeholder replaced.

    Args:
        text: what to fill in.
        lookup: gives the value of a key, or None if there is no such key.
        source: the file's name, for the error.

    Raises:
        LabError: a key is unknown; names file, line and key.
    """

    def replace(match: re.Match[str]) -> str:
        value = lookup(match[1])
        if value is None:
            line = text.count("\n", 0, match.start()) + 1
            raise LabError(f"{source}:{line}: no value is called {match[1]!r}")
        return value

    return _PLACEHOLDER.sub(replace, text)
