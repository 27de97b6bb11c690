"""Reading the samples of a load, and a real load against a real server on loopback."""

import json
import os
import ssl
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest
from pki import Hierarchy, hierarchy

from readiness.declared.load import LoadTest
from readiness.drills.load import Offered, read
from readiness.errors import NotUnderstood

TEST = LoadTest.model_validate_json(
    json.dumps(
        {
            "name": "students",
            "listener": "portal",
            "rate": 20,
            "duration": "4 s",
            "warm_up": "1 s",
            "within": "300 ms",
            "timeout": "2 s",
            "failures": 1,
            "pages": [
                {"name": "courses", "path": "/courses", "contains": "credits", "weight": 3},
                {"name": "search", "path": "/search?q=a", "contains": "credits"},
            ],
        }
    )
)


def sample(due: float, page: str = "courses", **more: object) -> str:
    """One line of the samples."""
    return json.dumps({"page": page, "due": due, "lag": 0.001, "took": 0.05, "problem": ""} | more)


def summary(**more: object) -> str:
    """The last line."""
    return json.dumps({"busy": 0.1, "aborted": "", "offered": 100} | more)


def whole(*instead: str) -> Offered:
    """A load that went well, but for the first requests."""
    rest = [sample(number / 20) for number in range(len(instead), 80)]
    return read(TEST, [sample(-0.5, took=9.0), *instead, *rest, summary()])


def test_the_warm_up_does_not_count() -> None:
    """What was due before the window began is left out by rule."""
    found = whole()
    assert found.pages[0].requests == 80
    assert found.pages[0].took.upper == 0.05
    assert found.on_time.value == 100


def test_a_failure_counts_as_slowest() -> None:
    """A wrong page that came quickly is no quick page."""
    wrong = [sample(number / 20, problem="HTTP 500", took=0.001) for number in range(8)]
    page = whole(*wrong).pages[0]
    assert (page.failed, page.problem) == (8, "HTTP 500")
    assert page.took.value == TEST.timeout
    assert whole(*wrong).failures.value == 10


def test_what_was_sent_late_or_not_at_all_was_not_offered() -> None:
    """Both are missing from what was due."""
    late = [sample(number / 20, lag=1.5) for number in range(20)]
    assert whole(*late).on_time.value == 75
    alone = read(TEST, [sample(0.0), summary()])
    assert alone.on_time.value == 100 / 80
    assert alone.lag.value == TEST.timeout


def test_a_page_that_was_never_asked_has_no_figure() -> None:
    """Nothing is known about it, and nothing follows."""
    page = whole().pages[1]
    assert (page.requests, page.took.upper) == (0, None)


@pytest.mark.parametrize("lines", [[], [summary()[:-3]], [sample(0.0)], ["[]", summary()]])
def test_samples_that_are_not_whole_are_refused(lines: list[str]) -> None:
    """A generator that died left no summary."""
    with pytest.raises(NotUnderstood):
        read(TEST, lines)


class Portal(BaseHTTPRequestHandler):
    """Answers with courses; what it does wrong is set on the server."""

    protocol_version = "HTTP/1.1"

    def do_GET(self) -> None:
        """One page."""
        body = b'{"credits": 3}'
        if self.path.startswith("/search"):
            body = self.server.search  # type: ignore[attr-defined]
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)
        self.close_connection = self.server.hangs_up  # type: ignore[attr-defined]

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the base's name
        """Say nothing."""


@pytest.fixture(scope="module")
def authority() -> Hierarchy:
    """Who the server's certificate is from."""
    return hierarchy()


@pytest.fixture
def offered(authority: Hierarchy, tmp_path: Path) -> Iterator[Callable[..., Offered]]:
    """Offers the load to a real server over TLS, which answers a search with these bytes."""
    leaf = authority.leaf("portal.test")
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(leaf.write(tmp_path / "leaf.pem", *leaf.above))
    server = ThreadingHTTPServer(("127.0.0.1", 0), Portal)
    server.socket = context.wrap_socket(server.socket, server_side=True)
    threading.Thread(target=server.serve_forever, daemon=True).start()

    def offer(search: bytes, *, hangs_up: bool = False) -> Offered:
        server.search = search  # type: ignore[attr-defined]
        server.hangs_up = hangs_up  # type: ignore[attr-defined]
        output = tmp_path / "samples.jsonl"
        orders = {
            "address": "127.0.0.1", "port": server.server_address[1], "host": "portal.test",
            "authority": authority.root.pem.decode(), "rate": 20, "duration": 4, "warm_up": 1,
            "timeout": 2, "failures": 1, "login": None,
            "pages": [page.model_dump() for page in TEST.pages],
            "seed": "x", "output": str(output),
        }  # fmt: skip
        done = subprocess.run(
            [sys.executable, "-m", "readiness.loadtests.generator"],
            input=json.dumps(orders) + "\n", capture_output=True, text=True, timeout=60,
            check=False, env=os.environ,
        )  # fmt: skip
        assert done.returncode == 0, done.stderr
        return read(TEST, output.read_text().splitlines())

    yield offer
    server.shutdown()
    server.server_close()


def test_a_real_load_is_offered_whole(offered: Callable[..., Offered]) -> None:
    """Every request that was due is there, each page was asked, nothing failed."""
    found = offered(b'{"credits": 4}')
    assert found.aborted == ""
    assert sum(page.requests for page in found.pages) == found.due == 80
    assert all(page.requests for page in found.pages)
    assert found.failures.value == 0


def test_a_wrong_page_with_200_is_a_failure(offered: Callable[..., Offered]) -> None:
    """The status is not the answer."""
    courses, search = offered(b"please come back later").pages
    assert courses.failed == 0
    assert search.failed == search.requests > 0
    assert search.problem == "another page than the right one"


def test_a_connection_that_was_closed_while_idle_is_no_failure(
    offered: Callable[..., Offered],
) -> None:
    """Whoever browses asks again on a new one, and so does the generator."""
    found = offered(b'{"credits": 4}', hangs_up=True)
    assert found.failures.value == 0
