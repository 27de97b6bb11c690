"""Asks an address again and again, until every machine behind it has answered, at a polite rate.

Connections are kept, one for each machine that answered over it: a balancer either sends each
request on (then any will do) or keeps a connection with its machine (then each has its own).
"""

import random
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final

from readiness.model.closing import Closes
from readiness.model.errors import NotUnderstood
from readiness.site.declared.balancer import Balancer
from readiness.site.environment import Environment
from readiness.site.subjects import Endpoint
from readiness.systems.http.asking.kept import ACCEPT, Kept
from readiness.systems.http.asking.pages import Heard, Question
from readiness.systems.http.asking.routes import client_certificate

TIMEOUT: Final = 10.0
"""Seconds for one answer: slow is not refused."""
OUT_OF_STEP: Final = 0.02
"""Seconds between two requests for the same route, at most, growing with each."""
PATIENCE: Final = 12
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
            # Who asks in step with somebody else is sent to the same machine each time.
            time.sleep(random.uniform(0, OUT_OF_STEP) * tries)  # noqa: S311 - guards nothing
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

    def servers(self) -> tuple[str, ...]:
        """The machines that answer there, by a page that each of them has.

        Raises:
            ProbeError: one could not be asked.
        """
        wanted = self._front.servers
        found = self.ask(Request("servers", self._front.page), wanted) if wanted else {}
        return tuple(one for one in wanted if one in found)

    def close(self) -> None:
        """End all of them."""
        while self._kept:
            self._kept.popitem()[1].close()


def front_of(
    site: Environment, endpoint: Endpoint, pace: Pace, authority_pem: bytes | None = None
) -> Front:
    """How an address is asked; without an authority whoever vouches for it."""
    listener = endpoint.listener
    question = Question(
        address=endpoint.address,
        port=listener.port,
        host=endpoint.names[0],
        authority_pem=authority_pem or b"",
        client_certificate=client_certificate(site, endpoint),
        timeout=TIMEOUT,
    )
    balancer = balancer_of(site, listener.name)
    return Front(
        opened=lambda: Kept(question, trusts_all=authority_pem is None),
        url=question.url.removesuffix("/"),
        pace=pace,
        header=balancer.page.served_by if balancer else "",
        servers=balancer.servers if balancer else (),
        page=balancer.page.path if balancer else "/",
    )


def balancer_of(site: Environment, listener: str) -> Balancer | None:
    """The balancer that a listener's users come through, whose servers each have to answer."""
    return next((one for one in site.balancers if one.listener == listener), None)
