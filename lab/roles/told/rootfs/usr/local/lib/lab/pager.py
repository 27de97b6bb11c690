"""A pager's stand-in: POST /hook/NAME takes what Alertmanager sends, GET /received/NAME lists it.

GET /runbook/ALERT is a page that names that alert.
"""

import json
import time
from collections import defaultdict, deque
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from socket import AF_INET6

KEPT = 500
MOST = 1 << 20
RECEIVED: defaultdict[str, deque[dict[str, object]]] = defaultdict(lambda: deque(maxlen=KEPT))


class Pager(BaseHTTPRequestHandler):
    """Answers one request."""

    def do_POST(self) -> None:
        """Keep what came."""
        at = time.time()
        length = min(int(self.headers.get("Content-Length", "0")), MOST)
        body = json.loads(self.rfile.read(length))
        RECEIVED[self.path.rpartition("/")[2]].append(
            {"received": at, "alerts": body.get("alerts", [])}
        )
        self._say(b"{}")

    def do_GET(self) -> None:
        """List what came, or show a page of the runbook."""
        kind, _, name = self.path.strip("/").partition("/")
        if kind == "received":
            self._say(json.dumps(list(RECEIVED[name])).encode())
        elif kind == "runbook" and name in {"MachineDown", "PortalDown"}:
            self._say(f"{name}: look at the machine".encode())
        else:
            self.send_error(404)

    def _say(self, body: bytes) -> None:
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        """Nothing is logged."""


class Server(ThreadingHTTPServer):
    """Listens in both families."""

    address_family = AF_INET6


if __name__ == "__main__":
    Server(("::", 8080), Pager).serve_forever()
