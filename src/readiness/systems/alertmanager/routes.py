"""Where Alertmanager's routes lead an alert: its own rules, worked out on its configuration.

Matchers of a route must all hold; the first child that does takes the alert, and the next ones get
it too where that child says `continue` (prometheus.io/docs/alerting/latest/configuration).
"""

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from readiness.model.quantities import in_words

_MATCHER: Final = re.compile(r"^\s*([a-zA-Z_][a-zA-Z0-9_]*)\s*(=~|!~|!=|=)\s*(.*?)\s*$", re.DOTALL)


@dataclass(frozen=True)
class Matcher:
    """One condition over a label; a label that is not there is empty."""

    label: str
    relation: str  # =, !=, =~, !~
    value: str

    def holds(self, labels: Mapping[str, str]) -> bool:
        """Whether these labels fulfil it.

        Raises:
            ValueError: its expression is none that is understood here.
        """
        found = labels.get(self.label, "")
        if self.relation in {"=", "!="}:
            return (found == self.value) == (self.relation == "=")
        try:
            matched = re.fullmatch(self.value, found) is not None
        except re.error as error:
            raise ValueError(f"the matcher {self}: {error}") from error
        return matched == (self.relation == "=~")

    def __str__(self) -> str:
        return f'{self.label}{self.relation}"{self.value}"'


@dataclass(frozen=True)
class Route:
    """One node of the tree of routes."""

    receiver: str
    matchers: tuple[Matcher, ...]
    goes_on: bool  # `continue`
    muted: tuple[str, ...]  # intervals in which it sends nothing
    waits: str  # group_wait as written; empty: inherited
    routes: tuple["Route", ...]

    def takes(self, labels: Mapping[str, str]) -> bool:
        """Whether an alert with these labels comes here."""
        return all(one.holds(labels) for one in self.matchers)


def reached(root: Route, labels: Mapping[str, str]) -> tuple[Route, ...]:
    """The routes that an alert with these labels ends in."""
    return tuple(_ends(root, labels))


def _ends(route: Route, labels: Mapping[str, str]) -> Iterator[Route]:
    taken = False
    for child in route.routes:
        if child.takes(labels):
            taken = True
            yield from _ends(child, labels)
            if not child.goes_on:
                break
    if not taken:
        yield route


def read_route(found: Mapping[str, Any], receiver: str = "") -> Route:
    """Read a route of a configuration; what it does not say is its parent's.

    Raises:
        ValueError: it has a matcher that is not understood.
    """
    own = str(found.get("receiver") or receiver)
    muted = (*(found.get("mute_time_intervals") or ()), *(found.get("active_time_intervals") or ()))
    return Route(
        receiver=own,
        matchers=tuple(_matchers(found)),
        goes_on=found.get("continue") is True,
        muted=tuple(str(one) for one in muted),
        waits=str(found.get("group_wait") or ""),
        routes=tuple(read_route(one, own) for one in found.get("routes") or ()),
    )


def _matchers(found: Mapping[str, Any]) -> Iterator[Matcher]:
    for label, value in (found.get("match") or {}).items():
        yield Matcher(str(label), "=", str(value))
    for label, value in (found.get("match_re") or {}).items():
        yield Matcher(str(label), "=~", str(value))
    yield from matchers(found.get("matchers") or ())


def matchers(texts: Sequence[str]) -> Iterator[Matcher]:
    """Read matchers as they are written: `severity="page"`.

    Raises:
        ValueError: one is not understood.
    """
    for text in texts:
        match = _MATCHER.match(str(text))
        if match is None:
            raise ValueError(f"the matcher {str(text)[:100]!r}")
        value = match[3]
        if len(value) > 1 and value[0] == value[-1] == '"':
            value = value[1:-1].replace('\\"', '"').replace("\\\\", "\\")
        yield Matcher(match[1], match[2], value)


def until(seconds: float) -> str:
    """How far away an end is, for a sentence."""
    return f"in {in_words(seconds)}" if seconds >= 0 else f"{in_words(-seconds)} ago"
