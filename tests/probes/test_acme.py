"""The probe that asks for a challenge's answer as an ACME authority does, on loopback."""

import socket
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from pki import NAME, hierarchy
from servers import Behaviour, closed_port, serve, server_context, silence

from readiness.model.errors import NotUnderstood, TimedOut
from readiness.systems.http import reading as probe
from readiness.systems.http.asking import acme as probe_acme

LOOPBACK = "127.0.0.1"
PATH = "/.well-known/acme-challenge/canary"
CONTENT = "canary of the portal"
Answers = dict[str, bytes]


def said(status: str, *headers: str, body: str = "") -> bytes:
    """A whole answer."""
    lines = [f"HTTP/1.1 {status}", *headers, f"Content-Length: {len(body)}", "", body]
    return "\r\n".join(lines).encode()


def moved(location: str, status: str = "301 Moved") -> bytes:
    """A redirect."""
    return said(status, f"Location: {location}")


ANSWER = said("200 OK", body=f"{CONTENT}\r\n")


def answering(answers: Answers, asked: list[str]) -> Behaviour:
    """Answer each path as told, others with 404; what is asked is noted with its host."""

    def behave(connection: socket.socket) -> None:
        head = connection.recv(4096).decode().split("\r\n")
        path = head[0].split(" ")[1]
        host = next(one for one in head if one.startswith("Host: ")).removeprefix("Host: ")
        asked.append(f"{host}{path}")
        connection.sendall(answers.get(path, said("404 Not Found")))

    return behave


@contextmanager
def site(
    plain: Answers, secure: Answers, identity: Path
) -> Iterator[tuple[Callable[..., probe.Challenge], list[str]]]:
    """A plain port and a TLS port; yields what asks them, and what they were asked."""
    asked: list[str] = []
    context = server_context(identity)

    def over_tls(connection: socket.socket) -> None:
        with context.wrap_socket(connection, server_side=True) as wrapped:
            answering(secure, asked)(wrapped)

    with serve(answering(plain, asked)) as http, serve(over_tls) as https:
        ports = {80: http, 443: https}

        def route(host: str, public: int) -> probe_acme.Place | None:
            return (LOOPBACK, ports[public]) if host in (NAME, "other.example.org") else None

        def ask(timeout: float = 5.0) -> probe.Challenge:
            return probe_acme.ask(
                probe_acme.Asked(LOOPBACK, http, NAME, PATH, CONTENT, timeout), route
            )

        yield ask, asked


def test_answered_over_plain_http(healthy_file: Path) -> None:
    """200 with the content; white space at its end does not count (RFC 8555, 8.3)."""
    with site({PATH: ANSWER}, {}, healthy_file) as (ask, asked):
        found = ask()
    assert (found.status, found.problem) == (200, "")
    assert asked == [f"{NAME}{PATH}"]


@pytest.mark.parametrize("status", ["301 Moved", "302 Found", "303 See Other", "307 T", "308 P"])
@pytest.mark.parametrize(
    "location",
    [
        f"https://{NAME}{PATH}",
        f"https://{NAME}:443{PATH}",
        f"https://{NAME.upper()}.{PATH}",
        f"https://other.example.org{PATH}",
    ],
)
def test_negative_control_redirected_and_answered_there(
    tmp_path: Path, status: str, location: str
) -> None:
    """A redirect to HTTPS is followed, whatever certificate is presented there."""
    stranger = hierarchy().leaf()
    identity = stranger.write(tmp_path / "stranger.pem", *stranger.above)
    with site({PATH: moved(location, status)}, {PATH: ANSWER}, identity) as (ask, _):
        found = ask()
    assert (found.status, found.problem) == (200, "")
    assert len(found.hops) == 2


def test_swallowed_by_the_redirect(healthy_file: Path) -> None:
    """Redirected with everything else, and unknown where it leads."""
    with site({PATH: moved(f"https://{NAME}{PATH}")}, {}, healthy_file) as (ask, _):
        found = ask()
    assert found.problem == f"HTTP 404 at https://{NAME}{PATH}"


@pytest.mark.parametrize(
    ("answer", "problem"),
    [
        (said("404 Not Found"), "HTTP 404 at http://"),
        (said("200 OK", body="<html>"), "another content than the declared one at http://"),
        (said("200 OK", body=f" {CONTENT}"), "another content than the declared one"),
        (said("206 Partial", body=CONTENT), "HTTP 206 at"),
        (said("301 Moved"), "HTTP 301 with 0 Location headers"),
        (said("301 Moved", "Location: /a", "Location: /b"), "HTTP 301 with 2 Location headers"),
        (moved(f"https://{NAME}:8443{PATH}"), "a redirect to port 8443"),
        (moved(f"http://198.51.100.1{PATH}"), "a redirect to an address"),
        (moved("https://[2001:db8::1]/"), "a redirect to an address"),
        (moved(f"https://somebody@{NAME}/"), "a redirect to no page of the web"),
        (moved("ftp://elsewhere.example/"), "a redirect to no page of the web"),
        (moved("https:///"), "a redirect to no page of the web"),
        (moved(f"https://{NAME}:x/"), "a redirect that is malformed"),
        (moved(f"https://{NAME}\\@elsewhere/"), "a redirect that is malformed"),
        (moved("/\x1b[31m"), "a redirect that is malformed"),
        (moved(PATH), "more than 10 redirects"),
    ],
)
def test_what_no_authority_takes(healthy_file: Path, answer: bytes, problem: str) -> None:
    """Each is told, and nothing is asked that an authority would not ask."""
    with site({PATH: answer}, {}, healthy_file) as (ask, asked):
        found = ask()
    assert found.problem.startswith(problem), found.problem
    assert len(asked) == (11 if "more than" in problem else 1)


@pytest.mark.parametrize(
    "location",
    [
        "https://elsewhere.example/",
        f"http://{NAME}.elsewhere.example/",
        f"https://{NAME}%2eelsewhere.example/",
    ],
)
def test_a_host_that_nobody_declared_is_not_asked(healthy_file: Path, location: str) -> None:
    """It could not be found out, and the name is told."""
    with (
        site({PATH: moved(location)}, {PATH: ANSWER}, healthy_file) as (ask, asked),
        pytest.raises(NotUnderstood, match="the name of no declared listener: it was not asked"),
    ):
        ask()
    assert len(asked) == 1


def test_a_refused_connection_is_a_finding() -> None:
    """An authority gets no answer either."""
    asked = probe_acme.Asked(LOOPBACK, closed_port(), NAME, PATH, CONTENT)
    found = probe_acme.ask(asked, lambda *_: None)
    assert found.problem == f"connection refused at http://{NAME}{PATH}"


def test_silence_is_not_found_out() -> None:
    """One deadline covers all of it."""
    with serve(silence) as port, pytest.raises(TimedOut):
        probe_acme.ask(probe_acme.Asked(LOOPBACK, port, NAME, PATH, CONTENT, 0.3), lambda *_: None)


def test_a_target_that_cannot_be_sent_is_not_asked(healthy_file: Path) -> None:
    """A space in the target is nobody's page, and no mistake of whoever called."""
    with site({PATH: moved(f"https://{NAME}/a b")}, {}, healthy_file) as (ask, asked):
        assert ask().problem.startswith("a redirect that is malformed")
    assert len(asked) == 1
