"""What pages say to caches, asked of a server on loopback."""

import runpy
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from application import ACCESS, BALANCER, Answer, Asked, Rule, application
from pki import Hierarchy
from test_access_answers import connections

from readiness.evidence.claim import CURRENT, Found
from readiness.model.errors import NotRun, ProbeError, UsageError
from readiness.site.environment import Environment
from readiness.site.subjects import web_endpoints
from readiness.systems.http.asking import caching, lines

PATH = Path(__file__).parents[2] / "suites/cdn/test_cache_headers.py"
CHECK = runpy.run_path(str(PATH))["test_caches_are_told"]
PAGES = """\
pages:
  - {listener: web, path: /news, contains: news, cache: "max-age=60, Public"}
"""


@pytest.fixture
def reasons() -> Iterator[list[str]]:
    """What a check claims, as people will read it."""
    said: list[str] = []
    token = CURRENT.set(SimpleNamespace(claim=lambda claim, **_: said.append(str(claim))))
    yield said
    CURRENT.reset(token)


def judged(site: Environment) -> None:
    """Run the check on what the one address answers; raises as the check does."""
    (endpoint,) = web_endpoints(site)
    front = lines.front_of(site, endpoint, lines.Pace(1000), connections(site).authority_pem("own"))

    def ask(token: Any, _: Any) -> Found[Any]:
        return Found(caching.caching(front, endpoint.address, token.argument), endpoint.id, 0)

    CHECK(endpoint, ask, site)


def saying(*said: str, status: int = 200) -> Rule:
    """Answer the news with this Cache-Control; with several each server its own."""

    def rule(asked: Asked) -> Answer | None:
        number = 1 if asked.server == "two" and said[1:] else 0
        return Answer(status, b"news", {"Cache-Control": said[number]})

    return rule


@pytest.mark.parametrize("said", ["public, max-age=60", 'max-age="60",PUBLIC'])
def test_what_is_declared_is_green_in_any_order(
    tmp_path: Path, authority: Hierarchy, reasons: list[str], said: str
) -> None:
    """Order, case and quotes say nothing."""
    with application(tmp_path, authority, saying(said)) as served:
        judged(served.site(ACCESS, PAGES))
    assert reasons


@pytest.mark.parametrize("said", ["", "public", "no-store, public, max-age=60", "max-age=600"])
def test_what_is_not_declared_is_red(
    tmp_path: Path, authority: Hierarchy, reasons: list[str], said: str
) -> None:
    """One directive more undoes the others, and so does another age."""
    with (
        application(tmp_path, authority, saying(said)) as served,
        pytest.raises(AssertionError),
    ):
        judged(served.site(ACCESS, PAGES))
    assert "the Cache-Control of /news" in reasons[-1]


def test_one_server_that_says_something_else_is_named(
    tmp_path: Path, authority: Hierarchy, reasons: list[str]
) -> None:
    """The balancer's other server answers as declared."""
    rule = saying("public, max-age=60", "private")
    with (
        application(tmp_path, authority, rule, servers=("one", "two")) as served,
        pytest.raises(AssertionError),
    ):
        judged(served.site(ACCESS, BALANCER, PAGES))
    assert "of /news at two" in reasons[-1]


def test_an_errors_headers_say_nothing_of_the_page(tmp_path: Path, authority: Hierarchy) -> None:
    """A 503 is never kept, and the page may be."""
    with (
        application(tmp_path, authority, saying("no-store", status=503)) as served,
        pytest.raises(ProbeError, match="HTTP 503"),
    ):
        judged(served.site(ACCESS, PAGES))


def test_pages_that_say_nothing_are_not_judged(tmp_path: Path, authority: Hierarchy) -> None:
    """The key to declare is told."""
    with application(tmp_path, authority) as served, pytest.raises(NotRun) as raised:
        judged(served.site(ACCESS, PAGES.replace(', cache: "max-age=60, Public"', "")))
    assert raised.value.declare == "`cache` of the pages of web"


def test_what_needs_a_login_is_asked_about_elsewhere(tmp_path: Path, authority: Hierarchy) -> None:
    """The file is refused with its key."""
    page = PAGES.replace("path: /news", 'path: "/records/{amy}", as: [amy]')
    with application(tmp_path, authority) as served, pytest.raises(UsageError, match="cache"):
        served.site(ACCESS, page)
