"""Asks routes at one address until every machine behind it has answered each, at a polite rate.

Connections are kept, one for each machine that answered over it: a balancer either sends each
request on (then any will do) or keeps a connection with its machine (then each has its own).
"""

import threading
import time
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import Final

from readiness.model.closing import Closes
from readiness.model.errors import NotUnderstood, ProbeError
from readiness.systems.access.reading import Answers, Control, Line, grouped, said_by
from readiness.systems.http.asking.kept import ACCEPT, Kept
from readiness.systems.http.asking.pages import Heard
from readiness.systems.http.hidden import control_path

AT_ONCE: Final = 4
"""Connections to one address that ask at the same time."""
PATIENCE: Final = 10
"""Requests for one route at most, for each machine that has to answer it."""
UNNAMED: Final = 4
"""As many answers, for each machine, that name none of them come from whoever stands in front."""
ANOTHER: Final = "a machine that is not declared"


class Pace(Closes):
    """Lets requests go at a rate, whoever asks."""

    def __init__(self, rate: float) -> None:
        self._between = 1 / rate
        self._next = 0.0
        self._lock = threading.Lock()
        self.count = 0

    def wait(self) -> None:
        """Wait until the next request may go."""
        with self._lock:
            now = time.monotonic()
            at = max(self._next, now)
            self._next = at + self._between
            self.count += 1
        time.sleep(max(at - now, 0.0))

    def close(self) -> None:
        """End nothing: it is no connection."""


@dataclass(frozen=True)
class Request:
    """One request: what people call its route, and what goes over the wire."""

    name: str
    path: str
    method: str = "GET"
    headers: Mapping[str, str] = field(default_factory=lambda: ACCEPT, repr=False)
    body: bytes | None = None


@dataclass(frozen=True)
class Front:
    """One address of an application, and how its machines are told apart there."""

    opened: Callable[[], Kept]
    url: str
    """Of its front page, without the last slash."""
    pace: Pace
    header: str = ""
    """Names the machine; empty where there is no balancer."""
    servers: tuple[str, ...] = ()
    page: str = "/"
    """Answered by each of the machines."""
    sign_in_pages: tuple[str, ...] = ()

    def server(self, heard: Heard) -> str:
        """The machine that answered; empty where nobody says so."""
        named = [value for name, value in heard.headers if name.lower() == self.header.lower()]
        if not named or not self.header:
            return ""
        return named[0] if named[0] in self.servers else ANOTHER


class Lines(Closes):
    """The connections of one asker, by the machine that answered over each."""

    def __init__(self, front: Front) -> None:
        self._front = front
        self._kept: dict[str, Kept] = {}

    def ask(self, request: Request, wanted: Sequence[str]) -> dict[str, Heard]:
        """What each machine answers, those that are wanted as far as they do.

        Raises:
            ProbeError: one could not be asked.
        """
        answers: dict[str, Heard] = {}
        for name in wanted or ("",):
            if name not in answers:
                self._once(request, self._kept.pop(name, None), answers)
        tries = unnamed = 0
        while set(wanted) - set(answers) and tries < PATIENCE * len(wanted):
            tries += 1
            unnamed += self._once(request, None, answers) == ""
            if set(answers) == {""} and unnamed >= UNNAMED * len(wanted):
                break
        return answers

    def _once(self, request: Request, line: Kept | None, answers: dict[str, Heard]) -> str:
        line = line or self._front.opened()
        self._front.pace.wait()
        try:
            heard = line.ask(request.path, request.method, request.headers, request.body)
        except BaseException:
            line.close()
            raise
        server = self._front.server(heard)
        if heard.problem:
            line.close()
            raise NotUnderstood(heard.problem)
        answers.setdefault(server, heard)
        if older := self._kept.pop(server, None):
            older.close()
        self._kept[server] = line
        return server

    def close(self) -> None:
        """End all of them."""
        while self._kept:
            self._kept.popitem()[1].close()


@dataclass(frozen=True)
class Known:
    """What has to be known of an address before answers can be read."""

    control: Control
    servers: tuple[str, ...]
    """The machines that answer there."""
    missing: tuple[str, ...]


def known(front: Front) -> Known:
    """Ask for a path that nobody has, and which machines answer.

    Raises:
        ProbeError: it could not be found out.
    """
    path = control_path()
    with Lines(front) as lines:
        (page,) = lines.ask(Request("control", path), ()).values()
        (head,) = lines.ask(Request("control", path, "HEAD"), ()).values()
        found: Sequence[str] = ()
        if front.servers:
            found = tuple(lines.ask(Request("servers", front.page), front.servers))
    url = front.url + path
    servers = tuple(one for one in front.servers if one in found)
    missing = tuple(one for one in front.servers if one not in found)
    return Known(Control(page.page(url), head.page(url)), servers, missing)


def answers(front: Front, known: Known, requests: Sequence[Request]) -> Answers:
    """What is answered to each request by every machine that answers there."""
    lines: list[Line] = []
    unheard = [f"{one} answers nobody at {front.url}" for one in known.missing]

    def ask(part: Sequence[Request]) -> None:
        with Lines(front) as own:
            for request in part:
                _answered(front, known, request, own, (lines, unheard))

    with ThreadPoolExecutor(AT_ONCE) as pool:
        list(pool.map(ask, [requests[number::AT_ONCE] for number in range(AT_ONCE)]))
    return grouped(lines, unheard)


def statuses(front: Front, known: Known, request: Request) -> dict[str, Heard]:
    """What every machine that answers there says to one request.

    Raises:
        ProbeError: one could not be asked.
    """
    with Lines(front) as lines:
        return lines.ask(request, known.servers)


def _answered(
    front: Front, known: Known, request: Request, own: Lines, found: tuple[list[Line], list[str]]
) -> None:
    """Add what was answered to one request, and by whom it was not."""
    lines, unheard = found
    try:
        heard = own.ask(request, known.servers)
    except ProbeError as error:
        unheard.append(f"{request.name}: {error}")
        return
    for server, one in heard.items():
        page = one.page(front.url + request.path)
        said = said_by(page, request.method, known.control, front.sign_in_pages)
        lines.append((said, one.status, server, request.name))
    # Who stands in front may refuse by itself: then no answer names a machine.
    if set(heard) != {""}:
        unheard += [
            f"{request.name}: not answered by {name}" for name in known.servers if name not in heard
        ]
