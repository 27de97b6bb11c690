"""Asks one address for the answer to an HTTP-01 challenge, as an ACME authority does.

Over plain HTTP, under the name that is to be certified; redirects are followed to ports 80 and 443
of names (RFC 8555, 8.3 and 10.2; what Let's Encrypt documents besides: at most ten, no addresses,
and the certificate on the way is not verified, since a new one is what is wanted). A redirect to a
name that nobody declared ends the asking: its host is none of the environment's.
"""

import re
import ssl
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final
from urllib.parse import SplitResult, urljoin, urlsplit

from readiness.model.errors import NotUnderstood, TimedOut
from readiness.probes import wire
from readiness.probes.tls_contexts import trusting_all
from readiness.site.declared.common import is_address
from readiness.systems.http.asking.pages import Heard, Question, converse, over_http_1, request_for
from readiness.systems.http.reading import Challenge

MOST_REDIRECTS: Final = 10
PORTS: Final = {"http": 80, "https": 443}
"""The ports that an authority asks at, by scheme; a redirect may cross them."""
OK: Final = 200

_REDIRECTS: Final = frozenset({301, 302, 303, 307, 308})
_SENDABLE: Final = re.compile(r"[!-\[\]-~]+")  # what every client reads as the same address
_SHOWN: Final = 80  # characters of what a server said

Place = tuple[str, int]
"""Address and port."""
Route = Callable[[str, int], Place | None]
"""Where a name answers at public port 80 or 443, as declared; None for a name that is not."""


@dataclass(frozen=True)
class Asked:
    """What is asked for, and what the answer should say."""

    address: str
    port: int
    name: str
    path: str
    content: str
    timeout: float = 10.0
    """Seconds for all of it, redirects included."""


def ask(asked: Asked, route: Route) -> Challenge:
    """Ask, and follow where it leads.

    Raises:
        TimedOut, Unreachable, AccessDenied, NotUnderstood: It could not be found out, also because
            it leads to a name that is not declared.
    """
    deadline, hops = wire.Deadline(asked.timeout), list[str]()
    url, place = f"http://{asked.name}{asked.path}", (asked.address, asked.port)

    def found(status: int, problem: str) -> Challenge:
        family = wire.family(asked.address)
        seen = tuple(hops)
        return Challenge(asked.address, asked.port, family, asked.name, seen, status, problem)

    while True:
        hops.append(url)
        heard = _get(url, place, deadline)
        if heard.status not in _REDIRECTS:
            return found(heard.status, _wrong(heard, asked.content, url))
        url, problem = _next(heard, url)
        if problem or len(hops) > MOST_REDIRECTS:
            return found(heard.status, problem or f"more than {MOST_REDIRECTS} redirects")
        parts = urlsplit(url)
        led = route(_host(parts), parts.port or PORTS[parts.scheme])
        if led is None:
            where = wire.place(asked.address, asked.port)
            raise NotUnderstood(
                f"{where}: the challenge is answered at {_host(parts)[:_SHOWN]}, which is the name "
                "of no declared listener: it was not asked"
            )
        place = led


def _get(url: str, place: Place, deadline: wire.Deadline) -> Heard:
    """GET of one page at one place; whatever certificate it presents."""
    parts = urlsplit(url)
    path = parts.path or "/"
    try:
        left = deadline.left()
    except TimeoutError as error:
        raise TimedOut(f"{wire.place(*place)}: the redirects took too long") from error
    query = f"?{parts.query}" if parts.query else ""
    host = _host(parts)
    question = Question(*place, host, f"{path}{query}", host_header=parts.netloc, timeout=left)
    request = request_for(question)

    def talk(line: wire.Line) -> Heard:
        if parts.scheme == "https":
            context = trusting_all()
            context.minimum_version = ssl.TLSVersion.TLSv1_2
            line.socket.settimeout(line.deadline.left())
            line.socket = context.wrap_socket(line.socket, server_hostname=host)
        return over_http_1(line, request)

    return converse(question, talk)


def _wrong(heard: Heard, content: str, url: str) -> str:
    """Why an answer is not the one that was put there; empty when it is."""
    if heard.problem:
        return f"{heard.problem} at {url[:_SHOWN]}"
    if heard.status != OK:
        return f"HTTP {heard.status} at {url[:_SHOWN]}"
    if not heard.complete:
        return f"the answer is cut off at {url[:_SHOWN]}"
    # White space at the end is ignored (RFC 8555, 8.3), at the beginning it is not.
    said = heard.body.decode("utf-8", "replace").rstrip()
    return "" if said == content else f"another content than the declared one at {url[:_SHOWN]}"


def _next(heard: Heard, url: str) -> tuple[str, str]:
    """Where a redirect leads, or why no authority follows it."""
    locations = [value for name, value in heard.headers if name.lower() == "location"]
    if len(locations) != 1:
        return "", f"HTTP {heard.status} with {len(locations)} Location headers at {url[:_SHOWN]}"
    location = locations[0]
    malformed = f"a redirect that is malformed: {location[:_SHOWN]!r}"
    if not _SENDABLE.fullmatch(location):
        return "", malformed
    try:
        target = urljoin(url, location).partition("#")[0]
        refused = _refused(urlsplit(target))
    except ValueError:
        return "", malformed
    return target, refused and f"{refused}: {location[:_SHOWN]!r}"


def _refused(parts: SplitResult) -> str:
    """Why no authority follows a redirect there; empty when it does.

    Raises:
        ValueError: the port is none.
    """
    if parts.scheme not in PORTS or not parts.hostname or "@" in parts.netloc:
        return "a redirect to no page of the web"
    if (parts.port or PORTS[parts.scheme]) not in PORTS.values():
        return f"a redirect to port {parts.port}, where no authority asks"
    if is_address(parts.hostname):
        return "a redirect to an address, where no authority asks"
    return ""


def _host(parts: SplitResult) -> str:
    """The name in it, as declared names are compared."""
    return (parts.hostname or "").removesuffix(".")
