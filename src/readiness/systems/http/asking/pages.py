"""Asks one address for one page, and reads status, redirect, HSTS, body digest and JSON.

The connection goes to exactly the address given, never to what a resolver or a proxy variable would
choose, and no redirect is followed: what this node answers is the fact. Python's own HTTP parser
reads the answer, because one header line must stay one value (RFC 6797 counts them).
"""

import contextlib
import hashlib
import http.client
import io
import json
import re
import socket
import ssl
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final, cast
from urllib.parse import SplitResult, urlsplit

from readiness.model.errors import (
    AccessDenied,
    NotUnderstood,
    ProbeError,
    TimedOut,
    Unreachable,
    UsageError,
)
from readiness.probes import wire
from readiness.probes.tls_attempt import CERTIFICATE_ALERTS, plain
from readiness.probes.tls_contexts import ClientCertificate, trusting_all, trusting_only
from readiness.systems.http.page import Page
from readiness.systems.http.reading import (
    BODY_LIMIT,
    HTTP_PORT,
    HTTPS_PORT,
    PERMANENT,
    SEE_OTHER,
    TEMPORARY,
    Exchange,
    Hsts,
)

JSON_LIMIT = 64 * 1024
"""Bytes of a body that are read as JSON."""
_NOTHING_IN_COMMON = "alert no application protocol"  # RFC 7301, 3.2; Python has no name for it
_NO_HOST = re.compile(r"[^A-Za-z0-9.:\[\]_-]")
# RFC 9110, 5.6.2 and 5.6.4; RFC 6797, 6.1.
_TOKEN = r"[!#$%&'*+.^_`|~0-9A-Za-z-]+"  # noqa: S105
_DIRECTIVE = re.compile(
    # Nothing is given back once it is taken, or a header of spaces only would be read for minutes;
    # and the end is the very end: `$` also matches before a line's end, again and again.
    rf"[ \t]*+(?:({_TOKEN}+)[ \t]*+(?:=[ \t]*+({_TOKEN}+|\"(?:[^\"\\]|\\.)*+\"))?)?[ \t]*+(?:;|\Z)"
)

_USUAL: Final = {"Accept": "*/*", "Connection": "close"}
Place = tuple[str, int]
"""Address and port."""


@dataclass(frozen=True)
class Question:
    """One page of one node."""

    address: str
    port: int
    host: str
    """Host name for the Host header, SNI and the certificate's name."""
    path: str = "/"
    """Path with its query, as it goes over the wire."""
    authority_pem: bytes | None = None
    """PEM store to trust; with it the request goes over TLS, without it in the clear."""
    client_certificate: ClientCertificate | None = None
    host_header: str | None = None
    """What to send as Host instead, to see what the server makes of it."""
    timeout: float = 5.0
    """Seconds for everything: connection, handshake, answer and body."""
    contains: str = ""
    """What to look for in the body."""

    @property
    def tls(self) -> bool:
        """Whether the request goes over TLS."""
        return self.authority_pem is not None

    @property
    def place(self) -> str:
        """Address and port as people write them."""
        return wire.place(self.address, self.port)

    @property
    def authority(self) -> str:
        """The Host header: with its port where that is not the scheme's own (RFC 9110, 7.2)."""
        if self.host_header is not None:
            return self.host_header
        host = f"[{self.host}]" if ":" in self.host else self.host
        own = HTTPS_PORT if self.tls else HTTP_PORT
        return host if self.port == own else f"{host}:{self.port}"

    @property
    def url(self) -> str:
        """The page as a browser would name it."""
        return f"{'https' if self.tls else 'http'}://{self.authority}{self.path}"


@dataclass(frozen=True)
class Heard:
    """What came back: an answer, or why there is none."""

    status: int = 0
    headers: tuple[tuple[str, str], ...] = ()
    body: bytes = b""
    complete: bool = False
    problem: str = ""
    protocol: str = ""
    """What was agreed on by ALPN (RFC 7301), as `h2`; empty where nothing was."""
    stays: bool = False
    """Whether its connection may be asked again."""

    def page(self, url: str) -> Page:
        """What came, as pages are judged."""
        headers = tuple((name.lower(), value) for name, value in self.headers)
        return Page(url, self.status, headers, self.body, self._json())

    def _json(self) -> Any:
        try:
            return json.loads(self.body) if self.complete else None
        except (ValueError, RecursionError):
            return None


def ask(
    address: str,
    port: int,
    *,
    host: str,
    path: str = "/",
    authority_pem: bytes | None = None,
    client_certificate: ClientCertificate | None = None,
    host_header: str | None = None,
    timeout: float = 5.0,
) -> Exchange:
    """Ask one node for one page by GET; see `Question` for the arguments.

    Raises:
        TimedOut, Unreachable, AccessDenied, NotUnderstood: It could not be found out.
        UsageError: An argument is wrong.
    """
    return ask_question(
        Question(address, port, host, path, authority_pem, client_certificate, host_header, timeout)
    )


def ask_question(question: Question) -> Exchange:
    """Ask and read what came back; raises as `ask` does."""
    return read(question, listen(question))


def ask_many(
    questions: Iterable[Question], *, concurrency: int = 16
) -> list[Exchange | ProbeError]:
    """Ask many at once; exchanges or errors, in the order of the questions."""
    return wire.at_once(ask_question, questions, concurrency)


def listen(question: Question) -> Heard:
    """Do the talking. A refused connection and TLS that is not trusted are heard, not raised."""
    request = request_for(question)

    def talk(line: wire.Line) -> Heard:
        if question.tls:
            secure(line, question)
        return over_http_1(line, request)

    return converse(question, talk)


def look(url: str, place: Place, deadline: wire.Deadline) -> Heard:
    """GET of one page at one place, whatever certificate it presents; raises as `ask` does."""
    parts = urlsplit(url)
    path = parts.path or "/"
    try:
        left = deadline.left()
    except TimeoutError as error:
        raise TimedOut(f"{wire.place(*place)}: the redirects took too long") from error
    query = f"?{parts.query}" if parts.query else ""
    host = host_of(parts)
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


def host_of(parts: SplitResult) -> str:
    """The name in an address of the web, as declared names are compared."""
    return (parts.hostname or "").removesuffix(".")


def converse(question: Question, talk: Callable[[wire.Line], Heard]) -> Heard:
    """Talk over a connection of its own, and translate how that ends; raises as `ask` does."""

    def act() -> Heard:
        with wire.Line(question.address, question.port, wire.Deadline(question.timeout)) as line:
            return talk(line)

    return translated(question, act)


def translated(question: Question, act: Callable[[], Heard]) -> Heard:
    """What is heard, or how it ended that nothing was; raises as `ask` does."""
    where = question.place
    try:
        return act()
    except ConnectionRefusedError:
        return Heard(problem="connection refused")
    except ssl.SSLCertVerificationError as error:
        return Heard(problem=f"certificate not trusted: {error.verify_message}")
    except ssl.SSLError as error:
        reason = plain(error)
        if reason.removeprefix("alert ") in CERTIFICATE_ALERTS:
            raise AccessDenied(f"{where}: the server refused this client: {reason}") from error
        if _NOTHING_IN_COMMON in reason:
            return Heard(problem="the server knows none of the protocols that were offered")
        raise NotUnderstood(f"{where}: TLS failed: {reason}") from error
    except TimeoutError as error:
        raise TimedOut(f"{where}: no answer within {question.timeout:.3g} s") from error
    except (ConnectionResetError, BrokenPipeError) as error:
        raise NotUnderstood(f"{where}: closed the connection without an answer") from error
    except http.client.HTTPException as error:
        raise NotUnderstood(f"{where}: no HTTP answer: {error!r}") from error
    except OSError as error:
        raise Unreachable(f"{where}: {error.strerror or error}") from error


def request_for(
    question: Question,
    method: str = "GET",
    headers: Mapping[str, str] = _USUAL,
    body: bytes | None = None,
) -> bytes:
    """Return the request of HTTP/1.1; what could smuggle a second one into it is refused."""
    _refuse_smuggling(method, headers)
    for what, value in (("host", question.host), ("host header", question.authority)):
        if not value or _NO_HOST.search(value):
            raise UsageError(f"{what} cannot be sent", found=repr(value))
    if not re.fullmatch(r"/[!-\"$-~]*", question.path):
        raise UsageError("path cannot be sent", expected="/...", found=repr(question.path))
    lines = [f"{method} {question.path} HTTP/1.1", f"Host: {question.authority}"]
    lines += ["User-Agent: readiness", *(f"{name}: {value}" for name, value in headers.items())]
    lines += [] if body is None else [f"Content-Length: {len(body)}"]
    return "\r\n".join([*lines, "", ""]).encode("ascii") + (body or b"")


def _refuse_smuggling(method: str, headers: Mapping[str, str]) -> None:
    """What a header holds is a secret now and then, so that it is never shown."""
    if not re.fullmatch(r"[A-Z]+", method):
        raise UsageError("method cannot be sent", found=repr(method))
    for name, value in headers.items():
        if not re.fullmatch(_TOKEN, name) or not re.fullmatch(r"[\x20-\x7e]*", value):
            raise UsageError("header cannot be sent", found=repr(name))


def secure(line: wire.Line, question: Question, offers: Sequence[str] = ()) -> str:
    """Shake hands under the declared name and authority; return what was agreed on, if anything."""
    context = trusting_only(
        question.authority_pem or b"", question.client_certificate, check_hostname=True
    )
    if offers:
        context.set_alpn_protocols(offers)
    line.socket.settimeout(line.deadline.left())
    secured = context.wrap_socket(line.socket, server_hostname=question.host)
    line.socket = secured
    return secured.selected_alpn_protocol() or ""


def over_http_1(line: wire.Line, request: bytes, protocol: str = "", method: str = "GET") -> Heard:
    """Send the request of that method, and read an answer of HTTP/1."""
    # A server that has left already may have said why, so a failed sending is followed by reading.
    with contextlib.suppress(ConnectionResetError, BrokenPipeError, ssl.SSLEOFError):
        line.send(request)
    answer = http.client.HTTPResponse(cast("socket.socket", _Source(line)), method=method)
    answer.begin()
    body, complete = _body(answer)
    headers = tuple(answer.getheaders())
    stays = complete and not answer.will_close
    return Heard(answer.status, headers, body, complete, protocol=protocol, stays=stays)


def _body(answer: http.client.HTTPResponse) -> tuple[bytes, bool]:
    """Return at most `BODY_LIMIT` bytes of the body, and whether that is all of it."""
    try:
        body = answer.read(BODY_LIMIT + 1)
    except http.client.IncompleteRead as error:
        return error.partial[:BODY_LIMIT], False
    announced = answer.length or 0
    return body[:BODY_LIMIT], len(body) <= BODY_LIMIT and announced == 0


class _Source(io.RawIOBase):
    """A line as the HTTP parser wants it: a stream whose every read keeps to the deadline."""

    def __init__(self, line: wire.Line) -> None:
        super().__init__()
        self._line = line

    def makefile(self, _mode: str) -> io.BufferedReader:
        """Return the stream, as a socket does."""
        return io.BufferedReader(self)

    def readable(self) -> bool:
        """Return true."""
        return True

    def readinto(self, buffer: Any) -> int:
        """Fill the buffer with what comes next."""
        data = self._line.receive(len(buffer))
        buffer[: len(data)] = data
        return len(data)


def read(question: Question, heard: Heard) -> Exchange:
    """Read what came back for one question."""
    headers = tuple(
        (name.lower(), "" if name.lower().startswith("set-cookie") else value)
        for name, value in heard.headers
    )
    locations = [value for name, value in headers if name == "location"]
    policies = [value for name, value in headers if name == "strict-transport-security"]
    return Exchange(
        address=question.address,
        port=question.port,
        family=wire.family(question.address),
        url=question.url,
        host=question.host,
        answers=not heard.problem,
        problem=heard.problem,
        status=heard.status,
        headers=headers,
        location=locations[0] if len(locations) == 1 else None,
        hsts=read_hsts(policies, secure=question.tls),
        body_digest=hashlib.sha256(heard.body).hexdigest() if heard.status else "",
        body_length=len(heard.body),
        body_complete=heard.complete,
        contains=_holds(question.contains, heard, locations) if question.contains else None,
        json=_read_json(heard),
        protocol=heard.protocol,
    )


def _holds(text: str, heard: Heard, locations: list[str]) -> bool:
    """Whether a text is where people would look for it: a browser never shows a redirect's body."""
    if heard.status in PERMANENT + TEMPORARY + SEE_OTHER:
        return any(text in one for one in locations)
    return text.encode() in heard.body


def _read_json(heard: Heard) -> Any:
    if len(heard.body) > JSON_LIMIT or not heard.complete:
        return None
    try:
        return json.loads(heard.body)
    except (ValueError, RecursionError):
        return None


def read_hsts(policies: list[str], *, secure: bool) -> Hsts:
    """Read Strict-Transport-Security headers as a browser does (RFC 6797, 6.1 and 8.1).

    Only the first header counts, and only over TLS; a directive twice, a missing or malformed
    max-age, or anything against the grammar makes a browser ignore the whole header. Directives
    that it does not know are skipped.
    """
    if not policies:
        return Hsts(problem="no header")
    count = len(policies)
    if not secure:
        return Hsts(count, problem="sent over plain HTTP")
    directives = _directives(policies[0])
    if directives is None:
        return Hsts(count, problem=f"malformed: {policies[0][:80]!r}")
    age = directives.get("max-age") or ""
    if problem := _ignored(directives, age):
        return Hsts(count, problem=problem)
    return Hsts(
        count,
        max_age=int(age),
        include_subdomains="includesubdomains" in directives,
        preload="preload" in directives,
    )


def _ignored(directives: dict[str, str | None], age: str) -> str:
    """Return why well-formed directives are ignored all the same; empty when they are not."""
    if "max-age" not in directives:
        return "no max-age"
    if not re.fullmatch(r"[0-9]{1,18}", age):
        return f"max-age is no number of seconds: {age[:40]!r}"
    if directives.get("includesubdomains") is not None:
        return "includeSubDomains takes no value"
    return ""


def _directives(policy: str) -> dict[str, str | None] | None:
    """Return directives by lower-case name, unquoted; None if the grammar is broken."""
    found: dict[str, str | None] = {}
    at = 0
    while at < len(policy):
        match = _DIRECTIVE.match(policy, at)
        if match is None:
            return None
        name, value = match.group(1), match.group(2)
        if name and name.lower() in found:
            return None
        if name:
            quoted = value is not None and value.startswith('"')
            found[name.lower()] = re.sub(r"\\(.)", r"\1", value[1:-1]) if quoted else value
        at = match.end()
    return found
