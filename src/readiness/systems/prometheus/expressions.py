"""Which series an expression of Prometheus asks for, as its API writes it.

Nothing is evaluated here. Of a selector the matchers of `job` are kept, since a job that is not
there gives nothing for ever; others may name what has not happened yet, as a status of 500.
"""

import re
from collections.abc import Iterator
from typing import Final

_TOKEN: Final = re.compile(
    r"""(?P<text>"(?:\\.|[^"\\])*"|'(?:\\.|[^'\\])*'|`[^`]*`)"""
    r"|(?P<duration>\[[^\]]*\])"
    r"|(?P<number>[0-9][0-9a-zA-Z.]*)"
    r"|(?P<name>[a-zA-Z_:][a-zA-Z0-9_:]*)"
    r"|(?P<relation>=~|!~|!=|=)"
    r"|(?P<sign>[^\s])"
)
# Words that stand before a list of labels, and those that stand between expressions.
_LISTS: Final = {"by", "without", "on", "ignoring", "group_left", "group_right"}
_BETWEEN: Final = {"and", "or", "unless", "bool", "offset", "inf", "nan", "start", "end"}
# What asks for something that is not there.
_ABSENT: Final = {"absent", "absent_over_time"}
# What Prometheus makes by itself, of alerts that fire: there is none while all is well.
_MADE: Final = {"ALERTS", "ALERTS_FOR_STATE"}
_KEPT: Final = {"job"}


def metrics_of(expression: str) -> tuple[str, ...]:
    """The names of the metrics in it, those in `absent` too."""
    return tuple(dict.fromkeys(name for name, _, _ in _selectors(expression)))


def asked_of(expression: str) -> tuple[str, ...]:
    """The series that have to be there for it to give something, each as a selector."""
    found = []
    for name, matchers, absent in _selectors(expression):
        if absent or name in _MADE:
            continue
        kept = ",".join(each for label, each in matchers if label in _KEPT)
        found.append(f"{name}{{{kept}}}" if kept else name)
    return tuple(dict.fromkeys(found))


def _selectors(expression: str) -> Iterator[tuple[str, tuple[tuple[str, str], ...], bool]]:
    """Name, matchers, and whether it is in `absent`, of each selector that has a name."""
    tokens = [(one.lastgroup or "", one[0]) for one in _TOKEN.finditer(expression)]
    depth, absent_at, place = 0, 0, 0
    while place < len(tokens):
        kind, text = tokens[place]
        following = tokens[place + 1][1] if place + 1 < len(tokens) else ""
        if kind == "name" and text.lower() in _LISTS:
            place = _after_list(tokens, place + 1)
            continue
        if kind == "name" and following == "(":
            absent_at = absent_at or (depth + 1 if text in _ABSENT else 0)
        elif kind == "name" and text.lower() not in _BETWEEN and not _is_aggregation(tokens, place):
            matchers, place = _braces(tokens, place + 1)
            yield text, matchers, bool(absent_at)
            continue
        elif text == "(":
            depth += 1
        elif text == ")":
            depth -= 1
            absent_at = absent_at if depth >= absent_at else 0
        place += 1


def _is_aggregation(tokens: list[tuple[str, str]], place: int) -> bool:
    """Whether a name is an operator with its labels before its expression: `sum by (job) (up)`."""
    return place + 1 < len(tokens) and tokens[place + 1][1].lower() in {"by", "without"}


def _after_list(tokens: list[tuple[str, str]], place: int) -> int:
    if place >= len(tokens) or tokens[place][1] != "(":
        return place
    while place < len(tokens) and tokens[place][1] != ")":
        place += 1
    return place + 1


def _braces(
    tokens: list[tuple[str, str]], place: int
) -> tuple[tuple[tuple[str, str], ...], int]:
    """The matchers behind a name, each with its label, and where they end."""
    if place >= len(tokens) or tokens[place][1] != "{":
        return (), place
    found, place = [], place + 1
    while place < len(tokens) and tokens[place][1] != "}":
        if tokens[place][0] == "name" and place + 2 < len(tokens):
            label = tokens[place][1]
            found.append((label, f"{label}{tokens[place + 1][1]}{tokens[place + 2][1]}"))
            place += 3
        else:
            place += 1
    return tuple(found), place + 1
