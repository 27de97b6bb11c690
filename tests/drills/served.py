"""A real portal over TLS on loopback, and the load that the tests offer to it."""

import json
import socket
import ssl
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

from pki import Hierarchy

from readiness.drills.load import Offered, generate, read
from readiness.drills.load_process.orders import offering
from readiness.site.declared.load import LoadTest
from readiness.site.journey_files import loadtests_folder

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

FOUR, SIX = "127.0.0.1", "::1"
LOGIN = {
    "path": "/login", "user_field": "email", "user": "canary", "password_field": "password",
    "password": "word", "token_field": "token",
}  # fmt: skip


class Portal(BaseHTTPRequestHandler):
    """Answers with courses; what it does wrong is set on the server."""

    protocol_version = "HTTP/1.1"

    def do_GET(self) -> None:
        """One page."""
        self.server.wait()  # type: ignore[attr-defined]
        body = b'{"credits": 3}'
        if self.path.startswith("/search"):
            body = self.server.search  # type: ignore[attr-defined]
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)
        self.close_connection = self.server.hangs_up  # type: ignore[attr-defined]

    def do_POST(self) -> None:
        """A log-in, which goes as it is told to."""
        self.rfile.read(int(self.headers["Content-Length"]))
        status, body = self.server.log_in()  # type: ignore[attr-defined]
        self.send_response(status)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the base's name
        """Say nothing."""


class SixServer(ThreadingHTTPServer):
    """The same over IPv6."""

    address_family = socket.AF_INET6


@contextmanager
def offering_to(authority: Hierarchy, tmp_path: Path) -> Iterator[Callable[..., Offered]]:
    """Offers the load to a real server over TLS, which answers a search with these bytes.

    The server has an address of each family; over IPv6 it answers as it is told for that.
    """
    leaf = authority.leaf("portal.test")
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(leaf.write(tmp_path / "leaf.pem", *leaf.above))
    four = ThreadingHTTPServer((FOUR, 0), Portal)
    port = four.server_address[1]
    servers = four, SixServer((SIX, port), Portal)
    for server in servers:
        server.socket = context.wrap_socket(server.socket, server_side=True)
        threading.Thread(target=server.serve_forever, daemon=True).start()

    def offer(
        search: bytes = b'{"credits": 4}',
        *,
        hangs_up: bool = False,
        over_six: bytes | None = None,
        wait: Callable[[], None] = lambda: None,
        pause: float = 0,
        log_in: Callable[[], tuple[int, bytes]] | None = None,
        test: LoadTest = TEST,
        journeys: dict[Path, dict[str, str]] | None = None,
    ) -> Offered:
        for server in servers:
            six = server.address_family == socket.AF_INET6
            server.search = search if over_six is None or not six else over_six  # type: ignore[attr-defined]
            server.hangs_up = hangs_up  # type: ignore[attr-defined]
            server.wait = partial(time.sleep, pause) if six and pause else wait  # type: ignore[attr-defined]
            server.log_in = log_in  # type: ignore[attr-defined]
        output = tmp_path / "samples.jsonl"
        output.unlink(missing_ok=True)
        orders = {
            "addresses": [FOUR, SIX], "port": port, "host": "portal.test",
            "authority": authority.root.pem.decode(), "rate": 20, "duration": 4, "warm_up": 1,
            "timeout": 2, "failures": 1, "login": LOGIN if log_in else None,
            "pages": [{**page.model_dump(), "logged_in": bool(log_in)} for page in test.pages],
            "seed": "x",
        }  # fmt: skip
        files = journeys or {loadtests_folder() / "browse.py": {}}
        generate(test, offering(orders, files, output))
        return read(test, [FOUR, SIX], output.read_text().splitlines())

    yield offer
    for server in servers:
        server.shutdown()
        server.server_close()
