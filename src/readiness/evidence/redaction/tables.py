"""Find the values of sensitive columns in tables of text: psql's output, CSV, tabs."""

import re
from collections.abc import Iterator

from readiness.evidence.redaction.keys import Kind, classify
from readiness.evidence.redaction.views import Span

_DELIMITERS = ("|", ",", "\t")
_NAME = re.compile(r"[ \t]*\"?[A-Za-z][\w .\-]{0,40}\"?[ \t]*")
_NAMES = re.compile(r"(?:^|\")[\w .\-]*+\"?[|,\t][\w .\-\"|,\t]*+\s*$")
_RULE = re.compile(r"[\s+|\-=]*")
_PERSONAL = {Kind.SECRET, Kind.PERSONAL, Kind.NUMBER, Kind.DATE, Kind.GRADE, Kind.NAME}


def table_values(text: str) -> Iterator[Span]:
    """Where cells of sensitive columns stand, under a line of column names."""
    if "\n" not in text:
        return
    columns: frozenset[int] = frozenset()
    delimiter, width, start = "", 0, 0
    for line in text.splitlines(keepends=True):
        if columns and line.count(delimiter) == width:
            yield from _cells(line, delimiter, columns, start)
        elif not _RULE.fullmatch(line):
            delimiter, columns = _heading(line)
            width = line.count(delimiter) if delimiter else 0
        start += len(line)


def _heading(line: str) -> tuple[str, frozenset[int]]:
    """The delimiter and the sensitive columns, none when this isn't a line of column names."""
    if not _NAMES.search(line):
        return "", frozenset()
    for delimiter in _DELIMITERS:
        names = line.rstrip("\r\n").split(delimiter)
        # The table may begin inside a quoted text.
        names[0] = names[0].rpartition('"')[2] or names[0]
        if len(names) > 1 and all(_NAME.fullmatch(name) for name in names):
            kinds = [classify(name.strip(' \t"')) for name in names]
            if any(kind in _PERSONAL for kind in kinds):
                return delimiter, frozenset(i for i, kind in enumerate(kinds) if kind)
    return "", frozenset()


def _cells(line: str, delimiter: str, columns: frozenset[int], start: int) -> Iterator[Span]:
    for i, cell in enumerate(line.rstrip("\r\n").split(delimiter)):
        content = cell.strip(' \t"')
        if i in columns and content.strip("-+="):
            at = start + cell.index(content)
            yield at, at + len(content)
        start += len(cell) + len(delimiter)
