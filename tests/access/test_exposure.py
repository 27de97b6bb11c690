"""What must never answer and what pages ask of browsers, at an address and at every machine."""

import runpy
from collections.abc import Iterator, Mapping
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from application import ACCESS, BALANCER, Answer, Asked, Rule, application, place
from pki import Hierarchy
from test_access_answers import connections

from readiness.evidence.claim import CURRENT, Found
from readiness.model.errors import NotUnderstood, ProbeError
from readiness.site.environment import Environment
from readiness.systems.http.asking import ASKERS
from readiness.systems.http.hidden import HIDDEN

SUITES = Path(__file__).parents[2] / "suites/pentest"
EXPOSED = runpy.run_path(str(SUITES / "test_what_is_exposed.py"))["test_nothing_hidden_answers"]
DEFENDED = runpy.run_path(str(SUITES / "test_page_defences.py"))["test_pages_are_defended"]
ENV = b'{"activeProfiles": [], "propertySources": []}'
SAFE = {"X-Content-Type-Options": "nosniff", "Content-Security-Policy": "frame-ancestors 'self'"}
HTML = {"Content-Type": "text/html"}
PAGE = "pages: [{listener: web, path: /home, expect: [200]}]\n"


@pytest.fixture
def reasons() -> Iterator[list[str]]:
    """What a check claims, as people will read it."""
    said: list[str] = []
    token = CURRENT.set(SimpleNamespace(claim=lambda claim, **_: said.append(str(claim))))
    yield said
    CURRENT.reset(token)


def ask(site: Environment) -> Any:
    """Asks the room's sources about the one address."""
    askers: Any = {one.source.name: one for one in ASKERS}

    def asked(source: Any, subject: Any) -> Found[Any]:
        asker = askers[source.name]
        asker = asker.of(source) if source.argument is not None else asker
        return Found(asker.ask(connections(site), subject), subject.id, 0)

    return asked


def exposed(site: Environment) -> None:
    """Run the check of what must never answer."""
    EXPOSED(place(site).endpoint, ask(site))


def defended(site: Environment) -> None:
    """Run the check of what pages ask of browsers."""
    DEFENDED(place(site).endpoint, ask(site), site)


def on(path: str, answer: Answer, server: str = "") -> Rule:
    """Answer one path otherwise, at one server where one is named."""
    return lambda asked: answer if asked.path == path and asked.server == server else None


def test_nothing_answers_on_a_healthy_application(
    tmp_path: Path, authority: Hierarchy, reasons: list[str]
) -> None:
    """Each of the paths was asked for, over one connection."""
    with application(tmp_path, authority) as served:
        exposed(served.site())
        assert {one.path for one in HIDDEN} <= {one.path for one in served.requests}
        assert len(served.connections) == 1
    assert reasons[-1].endswith("answers that must never be given to be none, found none")


def test_what_answers_is_named(tmp_path: Path, authority: Hierarchy, reasons: list[str]) -> None:
    """The path, and what is behind it."""
    rule = on("/actuator/env", Answer(200, ENV))
    with application(tmp_path, authority, rule) as served, pytest.raises(AssertionError):
        exposed(served.site())
    assert reasons[-1].endswith("found /actuator/env answers: Spring Boot's settings")


def test_what_one_machine_answers_is_named_with_it(
    tmp_path: Path, authority: Hierarchy, reasons: list[str]
) -> None:
    """A debug page on one of two machines is found by who asks each of them."""
    rule = on("/actuator/env", Answer(200, ENV), "two")
    servers = ("one", "two")
    with (
        application(tmp_path, authority, rule, servers=servers) as served,
        pytest.raises(AssertionError),
    ):
        exposed(served.site(ACCESS, BALANCER))
    assert "/actuator/env at two answers: Spring Boot's settings" in reasons[-1]


def test_a_page_of_its_own_for_everything_is_nothing(tmp_path: Path, authority: Hierarchy) -> None:
    """It is not what would be behind the path."""
    shell = Answer(200, b"<!doctype html><title>Portal</title>", HTML)
    with application(tmp_path, authority, lambda _: shell) as served:
        exposed(served.site())


@pytest.mark.parametrize(
    ("rule", "said"),
    [
        (lambda _: Answer(503, b""), "the server is busy: HTTP 503"),
        (lambda _: Answer(502, b""), "the server is busy: HTTP 502"),
        (on("/.env", Answer(429)), "/.env: HTTP 429"),
        (lambda _: Answer(200, b"A=1\n"), "/.env is answered as a path is that does not exist"),
    ],
)
def test_what_can_not_be_told_is_not_proven(
    tmp_path: Path, authority: Hierarchy, rule: Rule, said: str
) -> None:
    """Who answers nobody now may answer later, and who says yes to everything says nothing."""
    with (
        application(tmp_path, authority, rule) as served,
        pytest.raises(ProbeError, match=said),
    ):
        exposed(served.site())


@pytest.mark.parametrize(
    ("status", "headers"),
    [
        (200, {**SAFE, **HTML}),
        (200, {"X-Content-Type-Options": "nosniff", "X-Frame-Options": "DENY", **HTML}),
        # An interface shows nothing that could be framed, and a redirect nothing at all.
        (200, {"X-Content-Type-Options": "nosniff", "Content-Type": "application/json"}),
        (302, {"Location": "/login", **HTML}),
    ],
)
def test_pages_that_ask_for_it_are_green(
    tmp_path: Path, authority: Hierarchy, status: int, headers: Mapping[str, str]
) -> None:
    """A policy of scripts is advice, and nobody stops a release over it."""
    page = PAGE.replace("200", str(status))

    def rule(asked: Asked) -> Answer | None:
        given = headers if asked.path == "/home" else SAFE
        return Answer(status if asked.path == "/home" else 200, b"{}", given)

    with application(tmp_path, authority, rule) as served:
        defended(served.site(ACCESS, page))


@pytest.mark.parametrize(
    ("headers", "said"),
    [
        (HTML | {"X-Content-Type-Options": "nosniff"}, "no frame-ancestors in a Content-Sec"),
        (SAFE | {"X-Content-Type-Options": "yes"}, "X-Content-Type-Options says yes"),
        (SAFE | {"Set-Cookie": "sid=1; Path=/"}, "sid: no Secure, no HttpOnly, no SameSite"),
    ],
)
def test_pages_that_do_not_are_red(
    tmp_path: Path,
    authority: Hierarchy,
    reasons: list[str],
    headers: Mapping[str, str],
    said: str,
) -> None:
    """What is missing is named."""

    def rule(_: Asked) -> Answer:
        return Answer(200, b"{}", headers)

    with application(tmp_path, authority, rule) as served, pytest.raises(AssertionError):
        defended(served.site(ACCESS, PAGE))
    assert any(said in one for one in reasons)


def test_a_page_that_is_wrong_says_nothing_about_its_headers(
    tmp_path: Path, authority: Hierarchy
) -> None:
    """WEB-003 is red on it; what was sent with an error is no word of the page's."""

    def rule(asked: Asked) -> Answer:
        return Answer(500 if asked.path == "/home" else 200, b"{}", SAFE)

    with application(tmp_path, authority, rule) as served:
        site = served.site(ACCESS, PAGE)
        with pytest.raises(NotUnderstood, match="the page /home answers HTTP 500"):
            defended(site)
