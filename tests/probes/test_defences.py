"""What browsers rely on, each red on a page without it and green on every way to have it."""

import pytest

from readiness.systems.http.defences import DEFENCES
from readiness.systems.http.page import Page, read_cookie

COOKIES, FRAMES, SNIFFING, SCRIPTS = (one.wrong for one in DEFENCES)
HTML = ("content-type", "text/html; charset=utf-8")
CSP, XFO = "content-security-policy", "x-frame-options"


def page(*headers: tuple[str, str], url: str = "https://portal.example.org/") -> Page:
    """A page with these headers."""
    return Page(url, 200, headers)


@pytest.mark.parametrize(
    ("value", "wrong"),
    [
        ("nosniff", ""),
        (" NoSniff ", ""),
        ("nosniff, nosniff", ""),
        ("none", "X-Content-Type-Options says none"),
        ("", "no X-Content-Type-Options"),
    ],
)
def test_sniffing(value: str, wrong: str) -> None:
    """The first value counts, in any case."""
    assert SNIFFING(page(("x-content-type-options", value))) == wrong


@pytest.mark.parametrize(
    "headers",
    [
        [(XFO, "DENY")],
        [(XFO, "sameorigin")],
        [(CSP, "default-src 'self'; frame-ancestors 'none'")],
        [(CSP, "frame-ancestors https://lms.example.edu")],
        [(CSP, "frame-ancestors *, frame-ancestors 'self'")],
        [(CSP, "default-src 'self'"), (CSP, "FRAME-ANCESTORS 'self'")],
    ],
)
def test_frames_that_are_named(headers: list[tuple[str, str]]) -> None:
    """By the policy or by the older header; each policy holds, so the strictest decides."""
    assert FRAMES(page(HTML, *headers)) == ""


@pytest.mark.parametrize(
    ("headers", "wrong"),
    [
        ([], "no X-Frame-Options"),
        ([(XFO, "ALLOW-FROM https://a.example.edu")], "X-Frame-Options says ALLOW-FROM"),
        ([(CSP, "default-src 'self'")], "no X-Frame-Options"),
        ([(CSP, "frame-ancestors *")], "allows everybody"),
        ([(CSP, "frame-ancestors *"), (XFO, "DENY")], "allows everybody"),
    ],
)
def test_frames_of_anybody(headers: list[tuple[str, str]], wrong: str) -> None:
    """Where a policy names ancestors, browsers ignore the older header."""
    assert wrong in FRAMES(page(HTML, *headers))


def test_scripts() -> None:
    """A policy that is enforced; one that reports only protects nobody."""
    assert SCRIPTS(page(HTML, (CSP, "script-src 'self'"))) == ""
    assert SCRIPTS(page(HTML)) == "no Content-Security-Policy"
    assert SCRIPTS(page(HTML, (CSP, ";"))) == "no Content-Security-Policy"
    only = (f"{CSP}-report-only", "script-src 'self'")
    assert SCRIPTS(page(HTML, only)) == "a Content-Security-Policy that reports only"


def test_what_is_no_document_needs_neither() -> None:
    """An interface that speaks JSON has no frames and no scripts."""
    json = page(("content-type", "application/json"))
    assert (FRAMES(json), SCRIPTS(json)) == ("", "")


@pytest.mark.parametrize(
    ("cookie", "wrong"),
    [
        ("JSESSIONID=1; Secure; HttpOnly; SameSite=Lax", ""),
        ("sid=1; samesite=NONE; secure; httponly", ""),
        ("XSRF-TOKEN=1; Secure", ""),
        ("csrf_session=1; Secure", ""),
        ("lang=de; Secure", ""),
        ("sessionid=; Max-Age=0", ""),
        ("sessionid=; expires=Thu, 01 Jan 1970 00:00:00 GMT", ""),
        ("lang=de", "lang: no Secure"),
        ("PHPSESSID=1; Secure", "PHPSESSID: no HttpOnly, no SameSite"),
        ("remember_token=1; Secure; HttpOnly; SameSite=x", "remember_token: no SameSite"),
    ],
)
def test_cookies(cookie: str, wrong: str) -> None:
    """Those of a session are nobody's but the browser's; what guards forms is for scripts."""
    assert COOKIES(page(("set-cookie", cookie))) == wrong


def test_cookies_in_the_clear() -> None:
    """That TLS is missing is said elsewhere: Secure would lose the cookie there."""
    cookie = ("set-cookie", "sid=1; HttpOnly; SameSite=Lax")
    assert COOKIES(page(cookie, url="http://portal.example.org/")) == ""
    assert COOKIES(page(cookie)) == "sid: no Secure"


@pytest.mark.parametrize("header", ["", ";", "=", "a", "=;=;Secure", "a=b;;; ;Path", "\x1b;x=\0"])
def test_any_cookie_can_be_read(header: str) -> None:
    """What browsers ignore is no mistake of ours."""
    assert read_cookie(header).name == header.partition(";")[0].partition("=")[0].strip()
