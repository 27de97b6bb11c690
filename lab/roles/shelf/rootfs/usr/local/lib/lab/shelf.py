"""What the desks keep: PUT /notes/RUN/ID stores a text, GET /notes/RUN lists a run's as JSON."""

import json
import os
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from socket import AF_INET6

FILE = Path(os.environ["STATE_DIRECTORY"]) / "notes.jsonl"
MOST = 4096


class Shelf(BaseHTTPRequestHandler):
    """Answers one request."""

    def do_PUT(self) -> None:
        """Store the text, on disk before it is acknowledged."""
        length = int(self.headers.get("Content-Length", "0"))
        if not 0 <= length <= MOST:
            self.send_error(413)
            return
        line = json.dumps([self.path, self.rfile.read(length).decode()]) + "\n"
        handle = os.open(FILE, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)
        try:
            os.write(handle, line.encode())
            os.fsync(handle)
        finally:
            os.close(handle)
        self._say(201, b"")

    def do_GET(self) -> None:
        """List what is stored below the path."""
        lines = FILE.read_text().splitlines() if FILE.exists() else []
        notes = dict(json.loads(line) for line in lines)
        below = f"{self.path}/"
        found = {
            key.removeprefix(below): text for key, text in notes.items() if key.startswith(below)
        }
        self._say(200, json.dumps(found).encode())

    def _say(self, status: int, body: bytes) -> None:
        self.send_response(status)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        """Nothing is logged."""


class Server(ThreadingHTTPServer):
    """Listens in both families."""

    address_family = AF_INET6


if __name__ == "__main__":
    Server(("::", 9000), Shelf).serve_forever()
