"""Web claims rest on pages that answer: a gate over a site whose TLS is right and whose pages vary.

Row A3: TLS, HSTS and redirect were green on a page that answers 503, and a policy of what a small
site can declare ended in GO while every page answered 502.
"""

import socket
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from engine import OBJECTIVES, TLS, Engine, Site, outcome, web
from pki import Hierarchy
from servers import server_context

from readiness.model.words import Outcome
from readiness.site.documents import load_environment

ANSWERS = "infra.load-balancer/portal-answers"
HSTS = "Strict-Transport-Security: max-age=31536000\r\n"
PORTAL = "<h1>Courses</h1>"
DECLARED = "pages:\n  - {listener: web, path: /, contains: Courses}\n"


@contextmanager
def answering(
    folder: Path,
    authority: Hierarchy,
    answer: str,
    *more: str,
    required: tuple[str, ...] = (),
    clients_of: bytes | None = None,
    agrees_on: tuple[str, ...] = (),
) -> Iterator[Site]:
    """A site whose one page gets this status line, headers and body, over HTTPS that is right.

    With `clients_of` (PEM) whoever asks has to show a certificate of that authority. What is spoken
    is HTTP/1.1, whatever is agreed on.
    """
    leaf = authority.leaf()
    context = server_context(leaf.write(folder / "leaf.pem", *leaf.above), clients_of=clients_of)
    if agrees_on:
        context.set_alpn_protocols(agrees_on)
    head, _, body = answer.partition("|")
    status, *headers = head.split("\n")
    lines = [f"HTTP/1.1 {status}", *headers, f"Content-Length: {len(body)}"]
    page = "\r\n".join([*lines, HSTS, body]).encode()

    def secure(connection: socket.socket) -> None:
        with context.wrap_socket(connection, server_side=True) as wrapped:
            while wrapped.recv(4096):
                wrapped.sendall(page)

    with web(Site(folder), authority, secure) as site:
        text = site.environment.read_text() + "".join(more)
        site.describe(required=(OBJECTIVES, *TLS, *required)).environment.write_text(text)
        yield site


def test_a3_no_go_over_pages_that_answer_502(
    tmp_path: Path, authority: Hierarchy, engine: Engine
) -> None:
    """Where no page is declared an error of the server is wrong: HSTS and redirect are red."""
    with answering(tmp_path, authority, "502 Bad Gateway|no server is available") as site:
        assert engine.gate(site).code == 1
        verdict = site.judged()
    for check in ("WEB-001", "WEB-002"):
        found = outcome(verdict, f"{check}|web/box/v4")
        assert found.outcome is Outcome.FAILED, found
        assert "what is wrong with the page / to be none, found HTTP 502" in found.reason


@pytest.mark.parametrize(
    ("answer", "reason"),
    [
        ("503 Service Unavailable|Courses will be back", "found HTTP 503"),
        ("200 OK|Something went wrong.", "found another page than the right one"),
        ("302 Found\nLocation: /maintenance|Courses", "found HTTP 302"),
    ],
)
def test_a3_a_declared_page_answers_as_declared_or_its_claims_are_red(
    tmp_path: Path, authority: Hierarchy, engine: Engine, answer: str, reason: str
) -> None:
    """Status and content count, for the new clause and for what else is said about that page."""
    with answering(tmp_path, authority, answer, DECLARED, required=(ANSWERS,)) as site:
        assert engine.gate(site).code == 1
        verdict = site.judged()
    for check in ("WEB-001", "WEB-002", "WEB-003"):
        found = outcome(verdict, f"{check}|web/box/v4")
        assert found.outcome is Outcome.FAILED, found
        assert reason in found.reason


@pytest.mark.parametrize(
    ("answer", "declared"),
    [
        (f"200 OK|{PORTAL}", DECLARED),
        ("404 Not Found|no such Courses", DECLARED.replace("path: /,", "path: /, status: 404,")),
        (
            "302 Found\nLocation: https://login.example.edu/?for=7f3a|",
            DECLARED.replace("contains: Courses", "status: 302, contains: https://login.example."),
        ),
    ],
)
def test_a3_healthy_pages_of_other_shapes_are_green(
    tmp_path: Path, authority: Hierarchy, engine: Engine, answer: str, declared: str
) -> None:
    """Negative control: a portal, an interface without a front page, one that sends to a login."""
    with answering(tmp_path, authority, answer, declared, required=(ANSWERS,)) as site:
        ended = engine.gate(site)
    assert ended.code == 0, ended.text


def test_http_2_that_is_agreed_on_and_not_spoken_is_no_go(
    tmp_path: Path, authority: Hierarchy, engine: Engine
) -> None:
    """Clients without ALPN get the page, and browsers an error, as reported of real sites."""
    answer, more, needed = f"200 OK|{PORTAL}", (DECLARED,), (ANSWERS,)
    with answering(
        tmp_path, authority, answer, *more, required=needed, agrees_on=("h2", "http/1.1")
    ) as site:
        assert engine.gate(site).code == 1
        verdict = site.judged()
    for check in ("WEB-001", "WEB-002", "WEB-003"):
        assert outcome(verdict, f"{check}|web/box/v4").outcome is Outcome.PASSED
    found = outcome(verdict, "WEB-004|web/box/v4")
    assert found.outcome is Outcome.FAILED
    assert "(agreed on h2) to be none, found the server agreed on HTTP/2 and" in found.reason


@pytest.mark.parametrize("agreed", [(), ("http/1.1",)])
def test_a_listener_that_speaks_http_1_1_only_is_green(
    tmp_path: Path, authority: Hierarchy, engine: Engine, agreed: tuple[str, ...]
) -> None:
    """Negative control: browsers fall back to what it agrees on."""
    answer, more, needed = f"200 OK|{PORTAL}", (DECLARED,), (ANSWERS,)
    with answering(tmp_path, authority, answer, *more, required=needed, agrees_on=agreed) as site:
        ended = engine.gate(site)
    assert ended.code == 0, ended.text


def test_a3_a_listener_that_asks_its_clients_for_a_certificate_is_green(
    tmp_path: Path, authority: Hierarchy, engine: Engine
) -> None:
    """Negative control: pages are asked with the declared certificate, as the handshake is."""
    client = authority.leaf()
    file = client.write(tmp_path / "client.pem", *client.above)
    file.chmod(0o600)
    root, answer = authority.root.pem, f"200 OK|{PORTAL}"
    more, needed = (DECLARED,), (ANSWERS,)
    with answering(tmp_path, authority, answer, *more, required=needed, clients_of=root) as site:
        text = site.environment.read_text()
        given = f"    client_certificate: {{certificate: 'file:{file}', key: 'file:{file}'}}\n"
        site.environment.write_text(text.replace("    plain_http:", f"{given}    plain_http:"))
        ended = engine.gate(site)
    assert ended.code == 0, ended.text


def test_a3_a_front_page_that_nobody_declared_may_be_missing(
    tmp_path: Path, authority: Hierarchy, engine: Engine
) -> None:
    """Negative control: an interface answers 404 at `/`, which is no error of the server."""
    with answering(tmp_path, authority, "404 Not Found|nothing here") as site:
        ended = engine.gate(site)
    assert ended.code == 0, ended.text


def test_a3_without_a_declared_page_the_clause_is_unproven_and_says_what_to_declare(
    tmp_path: Path, authority: Hierarchy, engine: Engine
) -> None:
    """A policy that requires it can't be satisfied by declaring nothing."""
    with answering(tmp_path, authority, f"200 OK|{PORTAL}", required=(ANSWERS,)) as site:
        assert engine.gate(site).code == 2
        found = outcome(site.judged(), "WEB-003|web/box/v4")
    assert found.outcome is Outcome.NOT_RUN
    assert found.declare == "`pages`, as {listener: web, path: /, expect: [200]}"


def test_a3_lab_declares_its_pages() -> None:
    """The lab's portal is declared, as the example of a new site shows it."""
    lab = load_environment(Path(__file__).parents[1] / "environments" / "lab.yaml")
    assert {(one.listener, one.path, one.statuses) for one in lab.pages} == {
        ("portal", "/courses", (200,))
    }
