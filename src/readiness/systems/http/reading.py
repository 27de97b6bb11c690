"""What a listener answered over HTTP, to users and to certificate authorities."""

import re
from dataclasses import dataclass
from typing import Annotated, Any, Final
from urllib.parse import SplitResult, urljoin, urlsplit

from readiness.site.declared.listener import AcmeChallenge
from readiness.site.subjects import (
    CHALLENGED_LISTENER,
    HTTP_LISTENER,
    Backend,
    ChallengedListener,
    Endpoint,
)
from readiness.systems.marks import BOUNDED, VOLATILE
from readiness.systems.token import Source, Sources

BODY_LIMIT = 1024 * 1024
"""Bytes of a body that are read; the rest is left on the wire."""

PERMANENT, TEMPORARY, SEE_OTHER = (301, 308), (302, 307), (303,)
HTTP_PORT, HTTPS_PORT = 80, 443
_SERVER_ERROR = 500
_UNPRINTABLE = re.compile(r"[^\x21-\x7e]")


@dataclass(frozen=True)
class Hsts:
    """The Strict-Transport-Security header as a browser takes it (RFC 6797, 8.1)."""

    count: int = 0
    """How many such headers came; only the first one counts."""
    max_age: int | None = None
    """Seconds; None where a browser would ignore the header, 0 tells it to forget the host."""
    include_subdomains: bool = False
    preload: bool = False
    problem: str = ""
    """Why a browser ignores it; empty when it does not."""


@dataclass(frozen=True)
class Exchange:
    """One request and what this node answered."""

    address: str
    port: int
    family: str
    """`v4` or `v6`."""
    url: str
    """What was asked for."""
    host: str
    """The name the request was made under."""
    answers: bool
    """False when the connection was refused or its TLS is not trusted."""
    problem: str = ""
    """Why there is no answer; empty when there is one."""
    status: int = 0
    headers: Annotated[tuple[tuple[str, str], ...], VOLATILE] = ()
    """Names in lower case, in the order they came; the values of cookies are dropped."""
    location: str | None = None
    """The Location header, if there is exactly one."""
    hsts: Hsts = Hsts()
    body_digest: Annotated[str, VOLATILE] = ""
    """SHA-256 of the body as read, hexadecimal."""
    body_length: Annotated[int, VOLATILE] = 0
    """Bytes read."""
    body_complete: Annotated[bool, VOLATILE] = False
    """False when the body was cut off, or longer than `BODY_LIMIT`."""
    contains: bool | None = None
    """Whether the body as read, or the Location of a redirect, holds what was to be looked for;
    None when nothing was."""
    json: Annotated[Any, VOLATILE] = None
    """The body where it is JSON of at most `JSON_LIMIT` bytes, else None."""
    protocol: str = ""
    """What was agreed on by ALPN, as `h2`; empty where nothing was: HTTP/1.1 then."""

    def header(self, name: str) -> tuple[str, ...]:
        """Return every value of a header, in order."""
        return tuple(value for found, value in self.headers if found == name.lower())


@dataclass(frozen=True)
class Redirect:
    """Whether an answer sends its reader to the same page over HTTPS."""

    status: int
    target: str
    """Where it leads, made absolute; empty when it leads nowhere."""
    to_https: bool
    """It leads to the same host, path and query over HTTPS."""
    permanent: bool
    """301 or 308; false for 302 and 307, which browsers do not remember."""
    problem: str
    """Why it does not lead there; empty when it does."""


def wrong_with(found: Exchange, *statuses: int) -> str:
    """What is wrong with a page that should be answered so; empty when nothing is.

    Args:
        found: what was answered, and whether it holds what it should.
        statuses: the right ones; none where nobody declared them: any answer is right then but an
            error of the server (5xx).
    """
    if not found.answers:
        return found.problem
    if found.status not in statuses if statuses else found.status >= _SERVER_ERROR:
        return f"HTTP {found.status}"
    if not found.body_complete and found.body_length < BODY_LIMIT:
        return "the page is cut off"
    if not statuses or found.contains is not False:
        return ""
    if found.body_complete:
        return "another page than the right one"
    return f"not within the first {BODY_LIMIT} bytes what the page should hold"


def redirects_to_https(
    exchange: Exchange, *, name: str | None = None, port: int = HTTPS_PORT
) -> Redirect:
    """Tell whether an answer over plain HTTP leads to the same page over HTTPS.

    Args:
        exchange: What the plain listener answered.
        name: The host it must lead to; the one asked for when None.
        port: The port that HTTPS is served on there.
    """
    permanent, moved = exchange.status in PERMANENT, exchange.status in PERMANENT + TEMPORARY
    if not exchange.answers:
        return Redirect(0, "", to_https=False, permanent=False, problem=exchange.problem)
    if not moved:
        problem = f"answered {exchange.status} instead of redirecting"
        return Redirect(exchange.status, "", to_https=False, permanent=False, problem=problem)
    target, problem = _target(exchange)
    problem = problem or _difference(
        urlsplit(exchange.url), urlsplit(target), (name or exchange.host).lower(), port
    )
    return Redirect(exchange.status, target, not problem, permanent, problem)


def _target(exchange: Exchange) -> tuple[str, str]:
    """Return where Location leads, or why that cannot be said.

    Characters that browsers and this parser read differently are refused rather than interpreted.
    """
    location = exchange.location
    if location is None:
        count = len(exchange.header("location"))
        return "", f"{count} Location headers" if count else "no Location header"
    if "\\" in location or _UNPRINTABLE.search(location):
        return "", f"Location is malformed: {location[:80]!r}"
    try:
        target = urljoin(exchange.url, location)
        _ = urlsplit(target).port
    except ValueError:
        return "", f"Location is malformed: {location[:80]!r}"
    return target, ""


def _difference(asked: SplitResult, target: SplitResult, name: str, port: int) -> str:
    """Return how the target is not the same page over HTTPS; empty when it is."""
    if target.scheme != "https":
        return f"leads to {target.scheme or 'nothing'}, not https"
    if "@" in target.netloc:
        return "leads to an address with credentials in it"
    host = (target.hostname or "").removesuffix(".")
    if host != name.removesuffix("."):
        return f"leads to {host or 'no host'}, not {name}"
    if (target.port or HTTPS_PORT) != port:
        return f"leads to port {target.port or HTTPS_PORT}, not {port}"
    if (target.path or "/", target.query) != (asked.path or "/", asked.query):
        return "does not keep path and query"
    return ""


@dataclass(frozen=True)
class Challenge:
    """What an authority meets that asks for an answer."""

    address: str
    port: int
    family: str
    """`v4` or `v6`."""
    name: str
    hops: tuple[str, ...]
    """What was asked for, in that order."""
    status: int = 0
    """Of the last answer; 0 where there is none."""
    problem: str = ""
    """Why an authority does not take it; empty when it does."""


@dataclass(frozen=True)
class Share:
    """The answers of one machine."""

    served_by: str  # as it calls itself; empty where the header is missing
    answers: Annotated[int, VOLATILE]
    right: Annotated[int, VOLATILE]
    problem: Annotated[str, BOUNDED]  # of the first wrong one; empty where all were right


@dataclass(frozen=True)
class Rotation:
    """What an address answered to some requests."""

    address: str
    requests: Annotated[int, VOLATILE]
    shares: tuple[Share, ...]
    unanswered: Annotated[int, BOUNDED]
    problem: Annotated[str, BOUNDED]  # of the first request without an answer

    def of(self, machine: str) -> Share:
        """The answers of a machine."""
        return next(
            (one for one in self.shares if one.served_by == machine), Share(machine, 0, 0, "")
        )

    @property
    def names(self) -> set[str]:
        """Every machine that answered."""
        return {one.served_by or "a machine without a name" for one in self.shares}


@dataclass(frozen=True)
class Exposed:
    """What an address answers to paths that must never answer."""

    address: str
    asked: int
    nobody: Annotated[int, VOLATILE]
    """The status of a path that nobody has."""
    answering: tuple[str, ...]
    """Each with what is behind it."""
    unknown: Annotated[tuple[str, ...], BOUNDED]
    """Of which could not be found out whether they answer, and why."""


@dataclass(frozen=True)
class Defended:
    """What a page asks of browsers, so that they protect its users."""

    address: str
    path: str
    status: int
    wrong: tuple[str, ...]
    """What is missing or wrong, in words."""


@dataclass(frozen=True)
class SaidToCaches:
    """What one machine behind an address says to caches about a page."""

    server: str
    """The machine; empty where answers name none."""
    status: int
    says: tuple[str, ...]
    """The directives of Cache-Control, in lower case and sorted."""


@dataclass(frozen=True)
class Caching:
    """What an address says to caches about a page, by every machine behind it."""

    address: str
    path: str
    said: tuple[SaidToCaches, ...]
    missing: tuple[str, ...]
    """The machines of the balancer that answered nobody."""


Named = tuple[str, AcmeChallenge]

# A page over HTTPS at a listener's own address, by its path.
PAGE: Final[Sources[str, Endpoint, Exchange]] = Sources("https", HTTP_LISTENER, Exchange, label=str)
# The same asked as browsers do, over HTTP/2 where the listener agrees to that.
BROWSED_PAGE: Final[Sources[str, Endpoint, Exchange]] = Sources(
    "alpn", HTTP_LISTENER, Exchange, label=str
)
# What the plain twin of an HTTPS listener answers; redirects are not followed.
PLAIN_PAGE: Final[Sources[str, Endpoint, Exchange]] = Sources(
    "http", HTTP_LISTENER, Exchange, label=str
)
# What an ACME authority meets that asks for a file under a name.
CHALLENGE: Final[Sources[Named, ChallengedListener, Challenge]] = Sources(
    "acme", CHALLENGED_LISTENER, Challenge, label=lambda asked: f"{asked[0]}{asked[1].path}"
)
# Who answers a user at one address of a balancer.
ROTATION: Final[Sources[Backend, Endpoint, Rotation]] = Sources(
    "rotation", HTTP_LISTENER, Rotation, label=lambda backend: backend.balancer.name
)
# What an address answers to what must never answer.
EXPOSED: Final[Source[Endpoint, Exposed]] = Source("exposed", HTTP_LISTENER, Exposed)
# What a page over HTTPS asks of browsers, by its path.
DEFENDED: Final[Sources[str, Endpoint, Defended]] = Sources(
    "defences", HTTP_LISTENER, Defended, label=str
)
# What a page says to caches, asked as a browser asks, whoever vouches for the address.
CACHING: Final[Sources[str, Endpoint, Caching]] = Sources(
    "caching", HTTP_LISTENER, Caching, label=str
)
SOURCES: Final = (
    PAGE,
    BROWSED_PAGE,
    PLAIN_PAGE,
    CHALLENGE,
    ROTATION,
    EXPOSED,
    DEFENDED,
    CACHING,
)
