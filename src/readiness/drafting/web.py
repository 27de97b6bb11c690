"""What of a site is seen at an address of the web: trust, pages, documents of its routes.

Nothing but GETs without credentials is sent, each path once, and a path that nobody has first: a
site that answers anything with a page of its own has none of what was asked for.
"""

import html
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Final
from urllib.parse import urlsplit

from readiness.model.errors import ProbeError
from readiness.model.printable import one_line
from readiness.outside.pages import Pages
from readiness.outside.place import Url
from readiness.outside.site import Once
from readiness.systems.http.asking.pages import ask
from readiness.systems.http.page import Page
from readiness.systems.http.reading import HTTP_PORT, HTTPS_PORT
from readiness.systems.tls.asking.handshake import Question, ask_question

# Where frameworks tell whether they are ready: Spring Boot, Quarkus, MicroProfile, Rails, Django's
# and Go's habits, Kubernetes' own. The first that is there is declared.
HEALTH: Final = (
    "/actuator/health/readiness", "/actuator/health", "/health/ready", "/q/health/ready",
    "/readyz", "/ready", "/healthz", "/health", "/api/health", "/up", "/status",
)  # fmt: skip
# Where frameworks publish the document of their routes: springdoc, FastAPI, Swashbuckle, others.
OPENAPI: Final = (
    "/v3/api-docs", "/openapi.json", "/swagger/v1/swagger.json", "/api/openapi.json",
    "/v2/api-docs", "/swagger.json", "/api-docs", "/q/openapi?format=json",
)  # fmt: skip
_TITLE: Final = re.compile(r"<title[^>]*>\s*([^<]{1,120}?)\s*</title>", re.IGNORECASE)
_MOST_HOPS: Final = 3
_OK, _MOVED, _WRONG = 200, 300, 400
_CLOSED: Final = frozenset({401, 403, 404, 405, 410})
PATIENCE: Final = 5.0  # seconds for one page


@dataclass(frozen=True)
class FoundPage:
    """A page that is worth declaring."""

    path: str
    status: int
    contains: str = ""
    """Words that only the right page holds; empty where none were found."""

    @property
    def right(self) -> bool:
        """Whether it was answered as users need it."""
        return self.status < _WRONG


@dataclass(frozen=True)
class Front:
    """What the site shows at one of its addresses."""

    url: Url
    addresses: tuple[str, ...]
    trusted: bool
    distrust: str
    """Why who trusts those authorities does not trust it; empty where they do."""
    plain_port: int | None
    """Where it answers over plain HTTP; None where it does not."""
    pages: tuple[FoundPage, ...]
    openapi_path: str = ""
    openapi: bytes = b""
    """The document of its routes, as it is served; empty where there is none."""
    problem: str = ""
    """Why the pages could not be looked at."""


def look(url: Url, addresses: Sequence[str], authority_pem: bytes) -> Front:
    """Look at a site over HTTPS, at the first of its addresses."""
    address = addresses[0]
    question = Question(address, url.port, authority_pem, server_name=url.host)
    seen = ask_question(question, datetime.now(UTC))
    distrust = seen.problem or seen.trust_problem
    if not distrust and not seen.name_matches.get(url.host):
        distrust = f"the certificate is not issued for {url.host}"
    pages = Pages(url, address, Once())
    plain = _plain_port(url, address)
    try:
        control = pages.control()
    except ProbeError as error:
        return Front(url, tuple(addresses), not distrust, distrust, plain, (), problem=str(error))
    path, document = _openapi(pages, control)
    return Front(
        url,
        tuple(addresses),
        trusted=not distrust,
        distrust=distrust,
        plain_port=plain,
        pages=tuple(_pages(pages, control)),
        openapi_path=path,
        openapi=document,
    )


def _plain_port(url: Url, address: str) -> int | None:
    """Port 80 where HTTPS is at its own port and something answers there."""
    if url.port != HTTPS_PORT:
        return None
    try:
        found = ask(address, HTTP_PORT, host=url.host, path=url.path, timeout=PATIENCE)
    except ProbeError:
        return None
    return HTTP_PORT if found.answers else None


def _pages(pages: Pages, control: Page) -> Iterator[FoundPage]:
    """The front page, where it leads to, and what tells whether the site is ready."""
    asked: list[str] = []
    path = pages.url.path
    for _ in range(_MOST_HOPS):
        page = _get(pages, path)
        if page is None:
            break
        asked.append(path)
        yield FoundPage(path, page.status, _words(page))
        if not _MOVED <= page.status < _WRONG:
            break
        target = urlsplit(pages.target(page)[0])
        path = target._replace(scheme="", netloc="").geturl()
        if not path or path in asked:
            break
    for path in HEALTH:
        page = _get(pages, path)
        if page is not None and _tells_health(page, control):
            yield FoundPage(path, page.status, '"UP"' if _is_up(page.json) else "")
            return


def _get(pages: Pages, path: str) -> Page | None:
    try:
        return pages.get(pages.url.to(path))
    except ProbeError:
        return None


def _words(page: Page) -> str:
    """The title of a page of HTML: what another page in its place would not have."""
    if page.status != _OK or not page.is_html:
        return ""
    found = _TITLE.search(page.text)
    title = found.group(1) if found else ""
    # What is declared is looked for as it stands: a title with entities or breaks is left out.
    plain = title == html.unescape(title) == one_line(title, len(title) + 1)
    return title if plain else ""


def _tells_health(page: Page, control: Page) -> bool:
    """Whether it is more than the answer to any path; a broken one is told from a missing one."""
    if page.status in _CLOSED or _MOVED <= page.status < _WRONG:
        return False
    if page.status == control.status and page.body == control.body:
        return False
    return not page.is_html


def _is_up(document: Any) -> bool:
    """Spring Boot's and MicroProfile's word for it, whatever it is today."""
    return isinstance(document, dict) and document.get("status") in {
        "UP", "DOWN", "OUT_OF_SERVICE", "UNKNOWN",
    }  # fmt: skip


def _openapi(pages: Pages, control: Page) -> tuple[str, bytes]:
    """Where the document of the routes is served, and the document."""
    for path in OPENAPI:
        page = _get(pages, path)
        if page is None or page.status != _OK or page.body == control.body:
            continue
        document = page.json
        if not isinstance(document, dict) or not isinstance(document.get("paths"), dict):
            continue
        if {"openapi", "swagger"} & set(document):
            return path, page.body
    return "", b""
