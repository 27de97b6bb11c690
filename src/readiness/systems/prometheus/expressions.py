"""Which series an expression of Prometheus asks for, as its API writes it.

Nothing is evaluated here. Of a selector the matchers of `job` are kept, since a job that is not
there gives nothing for ever; others may name what has not happened yet, as a status of 500.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass
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


@dataclass(frozen=True)
class Selector:
    """Series that an expression asks for, by name."""

    name: str
    matchers: tuple[tuple[str, str], ...]  # label, and label with relation and value
    needed: bool  # it gives nothing without them
    choice: int  # those of one parenthesis with `or` in it have one number, else it is 0

    def __str__(self) -> str:
        kept = ",".join(each for label, each in self.matchers if label in _KEPT)
        return f"{self.name}{{{kept}}}" if kept else self.name


def metrics_of(expression: str) -> tuple[str, ...]:
    """The names of the metrics in it, those in `absent` too."""
    return tuple(dict.fromkeys(one.name for one in selectors(expression)))


def asked_of(expression: str) -> tuple[tuple[str, ...], ...]:
    """The series that have to be there for it to give something: of each group of selectors one.

    Each side of an `or` that stands by itself is a condition of its own, and has to have data. In
    parentheses it is a choice, as between an older and a newer name of a metric.
    """
    groups: dict[tuple[int, str], list[str]] = {}
    for one in selectors(expression):
        if one.needed:
            key = (one.choice, "" if one.choice else str(one))
            groups.setdefault(key, []).append(str(one))
    return tuple(tuple(dict.fromkeys(group)) for group in groups.values())


@dataclass
class _Depth:
    """A parenthesis that is open."""

    number: int
    absent: bool = False
    unless: bool = False


def selectors(expression: str) -> tuple[Selector, ...]:
    """Every selector of it that has a name."""
    tokens = [(one.lastgroup or "", one[0]) for one in _TOKEN.finditer(expression)]
    return tuple(_read(tokens, _choices(tokens)))


def _choices(tokens: list[tuple[str, str]]) -> set[int]:
    """The numbers of the parentheses in which an `or` stands; they count from 1 on."""
    found, stack, opened = set(), [0], 0
    for _, text in tokens:
        if text == "(":
            opened += 1
            stack.append(opened)
        elif text == ")" and len(stack) > 1:
            stack.pop()
        elif text.lower() == "or":
            found.add(stack[-1])
    return found - {0}


def _read(tokens: list[tuple[str, str]], choices: set[int]) -> Iterator[Selector]:
    stack, opened, place, word = [_Depth(0)], 0, 0, ""
    while place < len(tokens):
        kind, text = tokens[place]
        low = text.lower() if kind == "name" else ""
        following = tokens[place + 1][1].lower() if place + 1 < len(tokens) else ""
        if low in _LISTS:
            opened, place = _after_list(tokens, place + 1, opened)
            continue
        if low in _BETWEEN:
            if low in {"and", "or", "unless"}:
                stack[-1].unless = low == "unless"
        elif kind == "name" and following not in {"(", "by", "without"}:
            matchers, place = _braces(tokens, place + 1)
            free = text in _MADE or any(one.absent or one.unless for one in stack)
            choice = next((one.number for one in stack if one.number in choices), 0)
            yield Selector(text, matchers, not free, choice)
            continue
        elif text == "(":
            opened += 1
            stack.append(_Depth(opened, absent=word in _ABSENT))
        elif text == ")" and len(stack) > 1:
            stack.pop()
        word, place = low, place + 1


def _after_list(tokens: list[tuple[str, str]], place: int, opened: int) -> tuple[int, int]:
    """How many parentheses were opened behind a list of labels, and where it ends."""
    if place >= len(tokens) or tokens[place][1] != "(":
        return opened, place
    while place < len(tokens) and tokens[place][1] != ")":
        place += 1
    return opened + 1, place + 1


def _braces(tokens: list[tuple[str, str]], place: int) -> tuple[tuple[tuple[str, str], ...], int]:
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
