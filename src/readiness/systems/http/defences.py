"""What browsers protect users with only where the page asks them to, and what is wrong with it.

Frames and scripts are a matter of documents: of JSON, images and files nothing of the kind is
asked.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Final

from readiness.model.words import Severity
from readiness.systems.http.page import Cookie, Page

_FRAMES_REFUSED: Final = frozenset({"deny", "sameorigin"})  # RFC 7034, 2.1; ALLOW-FROM is ignored
_SAME_SITE: Final = frozenset({"strict", "lax", "none"})


@dataclass(frozen=True)
class Defence:
    """One thing that a page asks of browsers."""

    name: str
    expected: str
    severity: Severity
    remedy: str
    wrong: Callable[[Page], str]
    """What is wrong with it on a page; empty when nothing is."""


def _sniffing(page: Page) -> str:
    """Only the first value counts (Fetch, 3.7); nobody guesses what a redirect holds."""
    if page.is_redirect:
        return ""
    said = ", ".join(page.header("x-content-type-options"))
    if said.partition(",")[0].strip().lower() == "nosniff":
        return ""
    return f"X-Content-Type-Options says {said}" if said else "no X-Content-Type-Options"


def _policies(page: Page) -> Iterator[dict[str, str]]:
    """The directives of each policy that is enforced; several may stand in one header."""
    for header in page.header("content-security-policy"):
        for policy in header.split(","):
            parts = (one.strip().partition(" ") for one in policy.split(";"))
            directives = {name.lower(): value.strip() for name, _, value in parts if name}
            if directives:
                yield directives


def _scripts(page: Page) -> str:
    if not page.is_html or any(True for _ in _policies(page)):
        return ""
    if page.header("content-security-policy-report-only"):
        return "a Content-Security-Policy that reports only"
    return "no Content-Security-Policy"


def _frames(page: Page) -> str:
    """Where a policy names ancestors, the older header is ignored (CSP 3, 6.4.2.2)."""
    if not page.is_html:
        return ""
    ancestors = [one["frame-ancestors"] for one in _policies(page) if "frame-ancestors" in one]
    if ancestors:
        everybody = all("*" in one.split() for one in ancestors)
        return "frame-ancestors allows everybody" if everybody else ""
    said = ", ".join(page.header("x-frame-options"))
    if {one.strip().lower() for one in said.split(",")} & _FRAMES_REFUSED:
        return ""
    older = f"X-Frame-Options says {said}" if said else "no X-Frame-Options"
    return f"no frame-ancestors in a Content-Security-Policy, and {older}"


def _cookies(page: Page) -> str:
    """What OWASP asks of cookies (ASVS 5.0, 3.3.1, 3.3.2, 3.3.4), as far as names tell."""
    wrong = [
        f"{cookie.name}: {', '.join(missing)}"
        for cookie in page.cookies
        if not cookie.ends and (missing := list(_missing(cookie, secure=page.secure)))
    ]
    return "; ".join(wrong)


def _missing(cookie: Cookie, *, secure: bool) -> Iterator[str]:
    """What a cookie lacks; over plain HTTP that TLS is missing is said elsewhere."""
    if secure and not cookie.secure:
        yield "no Secure"
    if cookie.is_session and not cookie.http_only:
        yield "no HttpOnly"
    if cookie.is_session and cookie.same_site not in _SAME_SITE:
        yield "no SameSite"


DEFENCES: Final = (
    Defence(
        "cookies of the page",
        "Secure on each, HttpOnly and SameSite on those of a session",
        Severity.HIGH,
        "set the missing attributes where the application makes its cookies",
        _cookies,
    ),
    Defence(
        "who may show the page in a frame",
        "frame-ancestors with names, 'self' or 'none', or X-Frame-Options DENY or SAMEORIGIN",
        Severity.MEDIUM,
        "send Content-Security-Policy: frame-ancestors 'self'",
        _frames,
    ),
    Defence(
        "whether browsers guess what a file is",
        "X-Content-Type-Options: nosniff",
        Severity.MEDIUM,
        "send X-Content-Type-Options: nosniff with every answer",
        _sniffing,
    ),
    Defence(
        "where scripts may come from",
        "a Content-Security-Policy that is enforced",
        Severity.LOW,
        "write a Content-Security-Policy, first as Content-Security-Policy-Report-Only",
        _scripts,
    ),
)
