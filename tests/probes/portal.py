"""A portal on loopback over TLS and over plain HTTP, healthy unless told otherwise."""

import socket
import ssl
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path

from pki import NAME, Hierarchy, Identity
from servers import Behaviour, serve, server_context

from readiness.outside.finding import Finding, Looked, Weight
from readiness.outside.looking import look

CAREFUL = "ECDHE+AESGCM:ECDHE+CHACHA20"
HEADERS = {
    "Strict-Transport-Security": "max-age=31536000",
    "Content-Type": "text/html; charset=utf-8",
    "Content-Security-Policy": "default-src 'self'; frame-ancestors 'self'",
    "X-Content-Type-Options": "nosniff",
    "Set-Cookie": "JSESSIONID=8f1c; Path=/; Secure; HttpOnly; SameSite=Lax",
}
LOOPBACK = ("127.0.0.1",)
WITHIN = 60.0
"""Seconds that a look may take where it ends by itself: no test is about a busy machine."""


@dataclass(frozen=True)
class Answer:
    """What a path is answered with."""

    body: bytes = b"<h1>Courses</h1>"
    status: str = "200 OK"
    headers: Mapping[str, str] = field(default_factory=lambda: HEADERS)

    def without(self, *names: str) -> "Answer":
        """The same without some headers."""
        left = {name: value for name, value in self.headers.items() if name not in names}
        return replace(self, headers=left)

    def having(self, **headers: str) -> "Answer":
        """The same with other headers; an underscore stands for a hyphen."""
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        return replace(self, headers={**self.headers, **named})

    @property
    def wire(self) -> bytes:
        """As it goes over the wire."""
        lines = [f"HTTP/1.1 {self.status}", *(f"{name}: {v}" for name, v in self.headers.items())]
        head = "\r\n".join([*lines, f"Content-Length: {len(self.body)}", "", ""])
        return head.encode("latin-1") + self.body


Paths = Mapping[str, Answer]
PAGE = Answer()
MISSING = Answer(b"no such page", "404 Not Found", {"Content-Type": "text/plain"})


def answering(paths: Paths, otherwise: Answer = MISSING) -> Behaviour:
    """Answer one request, by its path."""

    def behave(connection: socket.socket) -> None:
        asked = b""
        while b"\r\n\r\n" not in asked and (more := connection.recv(4096)):
            asked += more
        if asked:
            path = asked.split(b" ")[1].decode()
            connection.sendall(paths.get(path, otherwise).wire)

    return behave


def secured(context: ssl.SSLContext, behave: Behaviour) -> Behaviour:
    """The same over TLS."""

    def wrapped(connection: socket.socket) -> None:
        with context.wrap_socket(connection, server_side=True) as secure:
            behave(secure)

    return wrapped


@dataclass(frozen=True)
class Portal:
    """Where it answers, and whom its clients trust."""

    port: int
    plain: int
    authority: Path

    @property
    def url(self) -> str:
        """Its page over HTTPS."""
        return f"https://{NAME}:{self.port}/"

    @property
    def plain_url(self) -> str:
        """Its page over plain HTTP."""
        return f"http://{NAME}:{self.plain}/"

    def looked_at(self, url: str = "", *addresses: str, within: float = WITHIN) -> Looked:
        """What a look finds, beginning over plain HTTP unless told otherwise."""
        return look(url or self.plain_url, addresses or LOOPBACK, self.authority, within)


@contextmanager
def portal(
    folder: Path,
    authority: Hierarchy,
    paths: Paths | None = None,
    *,
    otherwise: Answer = MISSING,
    leaf: Identity | None = None,
    context: Callable[[Path], ssl.SSLContext] | None = None,
    redirect: Answer | None = None,
    address: str = "127.0.0.1",
) -> Iterator[Portal]:
    """Serve it until the block ends."""
    leaf = leaf or authority.leaf()
    identity = leaf.write(folder / "leaf.pem", *leaf.above)
    settings = context(identity) if context else server_context(identity, ciphers=CAREFUL)
    root = folder / "root.pem"
    root.write_bytes(authority.root.pem)
    with serve(secured(settings, answering(paths or {"/": PAGE}, otherwise)), address) as port:
        target = f"https://{NAME}:{port}/?from=readiness"
        there = Answer(b"", "308 Permanent Redirect", {"Location": target})
        home = Answer(b"", "308 Permanent Redirect", {"Location": f"https://{NAME}:{port}/"})
        plain = {"/": home, "/?from=readiness": redirect or there}
        with serve(answering(plain), address) as plain_port:
            yield Portal(port, plain_port, root)


def of(looked: Looked, weight: Weight) -> list[Finding]:
    """The findings of one weight."""
    return [one for one in looked.findings if one.weight is weight]


def wrong(looked: Looked) -> list[str]:
    """What is wrong, in words."""
    return [one.seen for one in of(looked, Weight.WRONG)]


def checks(looked: Looked, weight: Weight) -> set[str]:
    """The checks whose findings have that weight."""
    return {check for one in of(looked, weight) for check in one.checks}
