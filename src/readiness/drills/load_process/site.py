"""What a load asks for and where: the site's addresses, its pages, its log-in, one connection.

A connection goes to exactly one address and is verified for the site's name. It follows no
redirect, sends no request twice that could have been carried out, and hands a broken answer on as
it came (decision record 0002): the reasons why this is no client of Locust's.
"""

import http.client
import json
import random
import socket
import ssl
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from readiness.probes.tls_contexts import trusting_only

OK: Final = 200
UNAUTHORIZED: Final = ("HTTP 401", "HTTP 403")
BODY_LIMIT: Final = 1024 * 1024
IN_VAIN: Final = "no answer in time"


@dataclass(frozen=True)
class Page:
    """One page; an answer is right only with status 200 and this content, which is not nothing."""

    name: str
    path: str
    contains: str = ""
    weight: int = 1
    logged_in: bool = False

    def problem(self, status: int, body: bytes) -> str:
        """What is wrong with an answer; empty when it is right."""
        if status != OK:
            return f"HTTP {status}"
        right = self.contains.encode() in body if self.contains else bool(body.strip())
        return "" if right else "another page than the right one"


@dataclass(frozen=True)
class Site:
    """Where a load goes, and what it finds there.

    `context` is None for plain HTTP. `login` has path, user_field, user, password_field, password
    and token_field. `timeout` is in seconds.
    """

    host: str
    port: int
    addresses: Sequence[str]
    context: ssl.SSLContext | None
    pages: Mapping[str, Page]
    chosen: Iterator[Page]
    login: Mapping[str, str] | None
    timeout: float

    @property
    def members_pages(self) -> list[str]:
        """The names of the pages that only a user sees who is logged in."""
        return [page.name for page in self.pages.values() if page.logged_in]


def site_of(orders: Mapping[str, Any]) -> Site:
    """The site that the orders of a load describe."""
    pages = [Page(**page) for page in orders["pages"]]
    context = trusting_only(orders["authority"].encode(), check_hostname=True)
    return Site(
        host=orders["host"],
        port=orders["port"],
        addresses=orders["addresses"],
        context=context,
        pages={page.name: page for page in pages},
        chosen=choices(pages, orders["seed"]),
        login=orders["login"],
        timeout=orders["timeout"],
    )


def choices(pages: Sequence[Page], seed: str | None = None) -> Iterator[Page]:
    """Pages without end, each as often as its weight says; in the same order for the same seed."""
    chance = random.Random(seed)  # noqa: S311 - the same pages every time, no secret
    while True:
        yield from chance.choices(pages, [page.weight for page in pages], k=1)


class Pinned(http.client.HTTPConnection):
    """A connection to exactly the address given, verified for the host's name."""

    def __init__(self, site: Site, address: str) -> None:
        super().__init__(site.host, site.port, timeout=site.timeout)
        self.default_port = http.client.HTTPS_PORT if site.context else http.client.HTTP_PORT
        self.address = address, site.port
        self.trust = site.context

    def connect(self) -> None:
        """Connect to the pinned address."""
        plain = socket.create_connection(self.address, self.timeout)
        self.sock = plain
        if self.trust:
            self.sock = self.trust.wrap_socket(plain, server_hostname=self.host)


class Line:
    """A user's connection to one address: opened when needed, kept as long as both sides like."""

    def __init__(self, site: Site, address: str) -> None:
        self.site, self.address = site, address
        self.connection: Pinned | None = None

    def ask(
        self, method: str, path: str, headers: Mapping[str, str], body: str | None = None
    ) -> tuple[int, bytes]:
        """Status and body of one answer.

        Raises:
            OSError, http.client.HTTPException: none came, or it can't be read.
        """
        if method != "GET":
            # On a line that the server may just have closed nobody could tell whether it was done.
            self.hang_up()
        used = self.connection is not None
        try:
            return self._once(method, path, headers, body)
        except (ConnectionError, http.client.BadStatusLine):
            # A server may close what idles; whoever browses asks again (RFC 9110, 9.2.2).
            if not used:
                raise
            self.hang_up()
            return self._once(method, path, headers, body)

    def _once(
        self, method: str, path: str, headers: Mapping[str, str], body: str | None
    ) -> tuple[int, bytes]:
        if self.connection is None:
            self.connection = Pinned(self.site, self.address)
        whole = {"User-Agent": "readiness", "Accept": "*/*", **headers}
        self.connection.request(method, path, body, whole)
        answer = self.connection.getresponse()
        content = answer.read(BODY_LIMIT)
        if answer.will_close or not answer.isclosed():
            self.hang_up()
        return answer.status, content

    def hang_up(self) -> None:
        """Close the connection; the next request opens another one."""
        if self.connection is not None:
            self.connection.close()
        self.connection = None


def log_in(line: Line) -> tuple[str, str]:
    """The token of the synthetic user, and what came in its place where there is none.

    Raises:
        OSError, http.client.HTTPException: no answer, or none that can be read.
    """
    login = line.site.login
    if login is None:
        raise LookupError("no log-in is declared for this load")
    body = {login["user_field"]: login["user"], login["password_field"]: login["password"]}
    kind = {"Content-Type": "application/json"}
    status, text = line.ask("POST", login["path"], kind, json.dumps(body))
    if status != OK:
        return "", f"HTTP {status}"
    try:
        token = json.loads(text)[login["token_field"]]
    except (ValueError, KeyError, TypeError):
        token = None
    return (token, "") if isinstance(token, str) else ("", "an answer without a token")


def words(error: Exception) -> str:
    """What went wrong, whichever clock noticed it first."""
    return IN_VAIN if isinstance(error, TimeoutError) else type(error).__name__
