"""Looks at the portal: at an edge, at an application machine, at the balancers, at its trail."""

import json
from typing import Literal

from lab.defects import EDGES, address
from lab.faults import _audit as audit
from lab.faults import _edge as edge
from lab.scene import Scene
from lab.verbs.base import Look, Said
from readiness.site.written import Text, UrlPath

HOST = "portal.lab.test"
Family = Literal["v4", "v6"]


class Head(Look, Said):
    """`edge.page`: status and headers with which an edge answers; at ``shared``, whoever holds it.

    Headers are read in lower case.
    """

    path: UrlPath = "/health/ready"
    family: Family = "v4"
    plain: bool = False
    options: tuple[Text, ...] = ()

    def shows(self, scene: Scene, machine: str) -> str:
        """It answers as expected."""
        place = address(machine, self.family)
        words = ("--resolve", f"{HOST}:443:{place}")
        url = f"https://{HOST}{self.path}"
        if self.plain:
            words, url = ("-H", f"Host: {HOST}"), f"http://{place}{self.path}"
        head = edge.page(scene, url, *words, *self.options)
        first = f"{machine} answers {self.path} with {head.splitlines()[0].strip()}"
        return first if self.fits(scene, head.lower()) else ""


class Page(Look, Said):
    """`app.page`: status and body (``STATUS BODY``) of a page of a machine's own portal."""

    path: UrlPath
    body: str | None = None
    times: int = 1

    def shows(self, scene: Scene, machine: str) -> str:
        """It answers as expected, each time; 000 where it does not within five seconds."""
        told = [self._visit(scene, machine) for _ in range(self.times)]
        return told[-1] if all(told) else ""

    def _visit(self, scene: Scene, machine: str) -> str:
        words = ["curl", "-s", "--max-time", "5", "-w", "\n%{http_code}"]
        if self.body:
            words += ["-H", "Content-Type: application/json", "-d", self.body]
        done = scene.ask("mon1", *words, f"http://{machine}:8000{self.path}")
        page, _, status = done.out.rpartition("\n")
        said = f"{status} {page.strip()}"
        return f"{machine} answers {self.path} with {said[:60]}" if self.fits(scene, said) else ""


class Servers(Look):
    """`balancer.says`: the portal's servers as edges see them; every edge where none is named."""

    servers: dict[str, str]

    def seen(self, scene: Scene) -> str:
        """All of these are in that state at each of the edges."""
        told = [self.shows(scene, one) for one in (set(self.at) & set(EDGES)) or EDGES]
        return "; ".join(told) if all(told) else ""

    def shows(self, scene: Scene, machine: str) -> str:
        """They are so at one edge."""
        found = edge.states(scene, machine)
        right = self.servers.items() <= found.items()
        return f"{machine}: {self.servers}" if right else ""


class Chain(Look, Said):
    """`edge.chain`: what OpenSSL says of the chain that an edge presents, as ``CODE (WORDS)``."""

    family: Family = "v4"

    def shows(self, scene: Scene, machine: str) -> str:
        """It says what is expected."""
        said = edge.verification(scene, machine, self.family).lower()
        return f"{machine} over {self.family}: {said}" if self.fits(scene, said) else ""


class Trail(Look, Said):
    """`audit.read`: the events (as JSON) that a read of one record at a machine leaves."""

    who: Text = "canary-advisor"
    student: int = audit.SUBJECT
    within: float = 0.0
    """Seconds that they may take."""

    def shows(self, scene: Scene, machine: str) -> str:
        """They are as expected."""
        events = audit.read(scene, machine, self.who, self.student)
        if self.within:
            scene.wait("the events", events, self.within)
        found = json.dumps(events())
        return f"a read at {machine} leaves {found[:80]}" if self.fits(scene, found) else ""
