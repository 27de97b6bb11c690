"""What was answered to somebody who asked for a route, and what that says.

A body may be somebody's record: of it nothing is kept, but for whether there was one and whether it
is what is answered to a path that nobody has.
"""

import re
from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Final
from urllib.parse import urljoin, urlsplit

from readiness.systems.access.declared import ACCESS_ADDRESS, AccessAddress
from readiness.systems.http.hidden import BUSY
from readiness.systems.http.page import Page
from readiness.systems.token import Source

_REDIRECTS: Final = frozenset({301, 302, 303, 307, 308})
_NOT_MODIFIED: Final = 304
# What differs from answer to answer of one page: nonces, request ids, signatures.
_CHANCE: Final = re.compile(rb"[A-Za-z0-9+/_=-]{16,}|[0-9]+")


class Said(StrEnum):
    """What an answer says to who asked."""

    SERVED = "served"
    REFUSED = "refused"
    ABSENT = "nothing there"
    """As to a path that nobody has: by its status, or by being the same page."""
    AWAY = "redirected"
    """Somewhere else than to a page where one signs in."""
    BUSY = "busy"
    UNCLEAR = "unclear"


_BY_STATUS: Final = {
    **dict.fromkeys((401, 403), Said.REFUSED),
    # Nothing is there, or nothing for this method or this kind of content (RFC 9110, 15.5).
    **dict.fromkeys((404, 405, 406, 410, 501), Said.ABSENT),
    **dict.fromkeys(BUSY, Said.BUSY),
}


@dataclass(frozen=True)
class Told:
    """What several routes had in common."""

    said: str
    """One of `Said`."""
    status: int
    server: str
    """The machine that answered; empty where answers name none."""
    routes: tuple[str, ...]
    """As `GET /students/{id}`, with who asked and how where that is not plain."""

    def each(self) -> tuple[str, ...]:
        """Each route with who answered it and how, for people."""
        at = f" at {self.server}" if self.server else ""
        return tuple(f"{one}{at}: HTTP {self.status}" for one in self.routes)


@dataclass(frozen=True)
class Answers:
    """What one address answered to one question about many routes."""

    told: tuple[Told, ...] = ()
    unheard: tuple[str, ...] = ()
    """What could not be found out, in words."""

    def those(self, *said: Said) -> list[str]:
        """The routes of which that was said, each with its answer."""
        return sorted(line for one in self.told if one.said in said for line in one.each())

    @property
    def open(self) -> list[str]:
        """What nobody knows."""
        return [*self.those(Said.BUSY, Said.UNCLEAR), *self.unheard]

    @property
    def count(self) -> int:
        """How many answers there were."""
        return sum(len(one.routes) for one in self.told)


@dataclass(frozen=True)
class Doors:
    """What an application answers at one address to who does not sign in."""

    address: str
    nobody: int
    """The status that a path has which nobody has."""
    servers: tuple[str, ...]
    """The machines behind the balancer that answered there."""
    answers: Answers
    untried: tuple[str, ...]
    """Routes that were not asked, as it might change something."""
    guessed: tuple[str, ...] = ()
    """Routes that were asked with a value of a parameter that nobody declared."""

    @property
    def missed(self) -> list[str]:
        """Routes that were asked for what belongs to nobody, and where nothing was.

        Who knows what they answer for what is there.
        """
        told = (one for one in self.answers.told if one.said == Said.ABSENT)
        lines = (
            (route, line)
            for one in told
            for route, line in zip(one.routes, one.each(), strict=True)
        )
        return [line for route, line in lines if route in self.guessed]


@dataclass(frozen=True)
class Control:
    """What is answered to a path that nobody has, to compare with."""

    page: Page
    head: Page

    def alike(self, page: Page, method: str) -> bool:
        """Whether a page is what that path is answered with."""
        other = self.head if method == "HEAD" else self.page
        return page.status == other.status and _bare(page) == _bare(other)


def _bare(page: Page) -> bytes:
    """A body without the path that was asked for, and without what is by chance."""
    path = urlsplit(page.url).path.encode()
    body = page.body.replace(path, b"") if len(path) > 1 else page.body
    return _CHANCE.sub(b"", body)


def said_by(page: Page, method: str, control: Control, sign_in_pages: Sequence[str]) -> Said:
    """What an answer says."""
    status = page.status
    if status in _BY_STATUS:
        return _BY_STATUS[status]
    if status in _REDIRECTS:
        return Said.REFUSED if leads_to(page, sign_in_pages) else Said.AWAY
    if not (status // 100 == 2 or status == _NOT_MODIFIED):  # noqa: PLR2004 - the class of success
        return Said.UNCLEAR
    if control.alike(page, method):
        return Said.ABSENT
    return Said.SERVED if _holds_something(page, method) else Said.UNCLEAR


def _holds_something(page: Page, method: str) -> bool:
    if method != "HEAD":
        return bool(page.body)
    return any(one.strip().isdecimal() and int(one) > 0 for one in page.header("content-length"))


def leads_to(page: Page, targets: Sequence[str]) -> bool:
    """Whether a redirect leads to one of these paths or addresses, whatever its query."""
    try:
        (location,) = page.header("location")
        found = urlsplit(urljoin(page.url, location))
        home = urlsplit(page.url)
    except ValueError:
        return False
    for one in targets:
        wanted = urlsplit(urljoin(page.url, one))
        there = (found.scheme, found.netloc.lower(), found.path)
        if there == (wanted.scheme, wanted.netloc.lower(), wanted.path):
            return True
        # The way to a path of the same host may go over plain HTTP, or name no port.
        if one.startswith("/") and found.hostname == home.hostname and found.path == wanted.path:
            return True
    return False


Line = tuple[Said, int, str, str]
"""What was said, status, server and route."""


def grouped(lines: Iterable[Line], unheard: Iterable[str]) -> Answers:
    """The same in few words: most routes have everything but their names in common."""
    found: dict[tuple[Said, int, str], set[str]] = defaultdict(set)
    for said, status, server, route in lines:
        found[said, status, server].add(route)
    told = (
        Told(str(key[0]), key[1], key[2], tuple(sorted(of))) for key, of in sorted(found.items())
    )
    return Answers(tuple(told), tuple(sorted(set(unheard))))


# What an application answers to who does not sign in, at each address.
DOORS: Final[Source[AccessAddress, Doors]] = Source("anonymous", ACCESS_ADDRESS, Doors)
SOURCES: Final = (DOORS,)
