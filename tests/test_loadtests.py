"""The journeys as people start them: `locust -f loadtests/browse.py`, and what it takes."""

import subprocess
import sys
import threading
from collections.abc import Iterator
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest
from engine import ENVIRONMENT, LISTENER, ROOT
from pki import NAME, Hierarchy
from servers import server_context

SHORT = ("--headless", "--users", "2", "--spawn-rate", "2", "--run-time", "4s")
ALLOWED = "permissions: {tiers: [observe, load]}\n"
LOAD = """\
load_tests:
  - name: students
    listener: web
    rate: 5
    duration: 5 s
    within: 1 s
    failures: 1
    login: {path: /login, user: canary, password: "file:canary"}
    pages:
      - {name: front, path: /, contains: welcome}
      - {name: marks, path: /marks, contains: welcome, logged_in: true}
"""


class Portal(BaseHTTPRequestHandler):
    """Welcomes everybody, and whoever logged in to the marks."""

    protocol_version = "HTTP/1.1"

    def do_GET(self) -> None:
        """A page."""
        known = self.headers["Authorization"] == "Bearer t"
        self.answer(200 if known or self.path == "/" else 401, b"<p>welcome</p>")

    def do_POST(self) -> None:
        """A log-in."""
        self.rfile.read(int(self.headers["Content-Length"]))
        self.answer(200, b'{"token": "t"}')

    def answer(self, status: int, body: bytes) -> None:
        """Send this."""
        self.send_response(status)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the base's name
        """Say nothing."""


@dataclass(frozen=True)
class Here:
    """A portal over HTTPS, an environment file that declares it, and a port that speaks HTTP."""

    environment: Path
    port: int
    plain: int

    def write(self, *parts: str) -> Path:
        """Describe it with these parts besides."""
        listener = LISTENER.format(port=self.port, plain=self.plain, name=NAME)
        self.environment.write_text("".join((ENVIRONMENT, listener, *parts)))
        return self.environment


@pytest.fixture
def here(authority: Hierarchy, tmp_path: Path) -> Iterator[Here]:
    """A portal over HTTPS and over HTTP."""
    leaf = authority.leaf()
    (tmp_path / "root.pem").write_bytes(authority.root.pem)
    (tmp_path / "canary").write_text("nobody-guesses")
    (tmp_path / "canary").chmod(0o600)
    secure, plain = (ThreadingHTTPServer(("127.0.0.1", 0), Portal) for _ in range(2))
    context = server_context(leaf.write(tmp_path / "leaf.pem", *leaf.above))
    secure.socket = context.wrap_socket(secure.socket, server_side=True)
    for server in (secure, plain):
        threading.Thread(target=server.serve_forever, daemon=True).start()
    yield Here(tmp_path / "environment.yaml", secure.server_port, plain.server_port)
    for server in (secure, plain):
        server.shutdown()
        server.server_close()


def locust(journey: str, *words: object) -> subprocess.CompletedProcess[str]:
    """`locust -f loadtests/JOURNEY.py` for four seconds."""
    command = [sys.executable, "-m", "locust", "-f", f"loadtests/{journey}.py", *SHORT]
    return subprocess.run(
        [*command, *map(str, words)],
        cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, timeout=120,
        check=False,
    )  # fmt: skip


def test_browsing_needs_a_host_and_nothing_else(here: Here) -> None:
    """The front page is asked for until the time is over."""
    done = locust("browse", "--host", f"http://127.0.0.1:{here.plain}")
    assert done.returncode == 0, done.stdout
    assert "GET      / " in done.stdout


@pytest.mark.parametrize("page", ["/=farewell", "/marks"])
def test_a_wrong_page_is_a_failure(here: Here, page: str) -> None:
    """Whatever its status is, or whatever its words are."""
    done = locust("browse", "--host", f"http://127.0.0.1:{here.plain}", "--page", page)
    assert done.returncode == 1
    assert "100.00%" in done.stdout


def test_the_declared_load_is_browsed_as_declared(here: Here) -> None:
    """Its pages by their names, at its address, for its authority, as its synthetic user."""
    done = locust("browse", "--env", here.write(ALLOWED, LOAD))
    assert done.returncode == 0, done.stdout
    assert "front" in done.stdout
    assert "marks" in done.stdout
    assert "nobody-guesses" not in done.stdout


def test_users_sign_in_as_declared(here: Here) -> None:
    """Each logs in for itself and sees what only members see."""
    done = locust("sign_in", "--env", here.write(ALLOWED, LOAD))
    assert done.returncode == 0, done.stdout
    assert "POST     sign-in" in done.stdout


def test_another_authority_is_not_trusted(here: Here) -> None:
    """The host alone says nothing about who may speak for it."""
    done = locust("browse", "--host", f"https://127.0.0.1:{here.port}")
    assert done.returncode == 1
    assert "SSLCertVerificationError" in done.stdout


def test_nothing_asked_is_no_success(here: Here) -> None:
    """Locust alone would end with 0."""
    users = ("--users", "0", "--run-time", "1s")
    done = locust("browse", "--host", f"http://127.0.0.1:{here.plain}", *users)
    assert (done.returncode, "not one request was made" in done.stdout) == (1, True)


@pytest.mark.parametrize(
    ("parts", "words", "told"),
    [
        ((LOAD,), (), "does not allow a load"),
        ((ALLOWED,), (), "a load test in `load_tests`"),
        ((ALLOWED, LOAD), ("--load-test", "staff"), "load_tests.staff"),
        ((ALLOWED, LOAD), ("--host", "portal"), "--host: is no host"),
        ((ALLOWED, LOAD.replace("rate: 5", "rate: 0")), (), "load_tests[0].rate"),
    ],
)
def test_what_is_wrong_ends_it_before_anything_is_asked(
    here: Here, parts: tuple[str, ...], words: tuple[str, ...], told: str
) -> None:
    """With the exit code of wrong words, and the file, the key and what was expected."""
    done = locust("browse", "--env", here.write(*parts), *words)
    assert (done.returncode, told in done.stdout) == (64, True), done.stdout


def test_production_is_asked_when_its_name_is_typed(here: Here) -> None:
    """As at the gate: a load disturbs."""
    file = here.write(ALLOWED, LOAD)
    file.write_text(file.read_text().replace("kind: rehearsal", "kind: production"))
    refused = locust("browse", "--env", file)
    assert (refused.returncode, "--confirm" in refused.stdout) == (64, True)
    assert locust("browse", "--env", file, "--confirm", "mini").returncode == 0
