"""A stand-in for those who are told of attacks: POST /hook takes JSON, GET /received lists it."""

import json
import time
from collections import deque
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from socket import AF_INET6

KEPT = 500
MOST = 1 << 16
RECEIVED: deque[dict[str, object]] = deque(maxlen=KEPT)


class Desk(BaseHTTPRequestHandler):
    """Answers one request."""

    def do_POST(self) -> None:
        """Keep what came."""
        length = min(int(self.headers.get("Content-Length", "0")), MOST)
        RECEIVED.append({"received": time.time(), "alert": json.loads(self.rfile.read(length))})
        self._say(b"{}")

    def do_GET(self) -> None:
        """List what came."""
        if self.path == "/received":
            self._say(json.dumps(list(RECEIVED)).encode())
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
    Server(("::", 8080), Desk).serve_forever()
