"""Stand-ins of the watched site: a paging service that escalates, a wiki and a Grafana.

POST /hook/NAME takes what Alertmanager sends, GET /received/NAME lists it. What nobody acknowledges
(POST /acknowledge/NAME) reaches the next one after a while: /etc/pager.json says after how long.
GET /runbooks/FILE shows a file, GET /contacts the tests of contacts, GET /api/… dashboards as
Grafana's HTTP API does. Dates are made as this is read: `DAYS_AGO(3)` is a day three days ago.
"""

import json
import re
import threading
import time
from collections import defaultdict, deque
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from socket import AF_INET6

KEPT = 500
MOST = 1 << 20
SHOWN = Path("/srv/shown")
SETTINGS = json.loads(Path("/etc/pager.json").read_text())
RECEIVED: defaultdict[str, deque[dict[str, object]]] = defaultdict(lambda: deque(maxlen=KEPT))
# Pages that nobody acknowledged yet: who was told, and the alert, by when they came.
OPEN: dict[tuple[str, str], tuple[float, dict[str, object]]] = {}
ESCALATED: set[tuple[str, str]] = set()
LOCK = threading.Lock()


def shown(name: str) -> str:
    """A file as it reads today."""
    text = (SHOWN / name).read_text(encoding="utf-8")
    today = datetime.now(tz=UTC)
    return re.sub(
        r"DAYS_AGO\((\d+)\)",
        lambda found: (today - timedelta(days=int(found[1]))).date().isoformat(),
        text,
    )


def taken(name: str, at: float, alerts: list[dict[str, object]]) -> None:
    """Keep what came, and remember what has to be acknowledged."""
    RECEIVED[name].append({"received": at, "alerts": alerts})
    following = SETTINGS["escalates"].get(name)
    if following is None:
        return
    for one in alerts:
        key = (name, json.dumps(one["labels"], sort_keys=True))
        if one["status"] == "firing":
            OPEN.setdefault(key, (at, one))
            continue
        OPEN.pop(key, None)
        if key in ESCALATED:
            ESCALATED.discard(key)
            RECEIVED[following["to"]].append({"received": at, "alerts": [one]})


def escalate() -> None:
    """Tell the next one of what is open for too long, for ever."""
    while True:
        time.sleep(0.2)
        with LOCK:
            now = time.time()
            for key, (since, one) in list(OPEN.items()):
                following = SETTINGS["escalates"][key[0]]
                if key not in ESCALATED and now - since > following["after"]:
                    ESCALATED.add(key)
                    RECEIVED[following["to"]].append({"received": now, "alerts": [one]})


class Pager(BaseHTTPRequestHandler):
    """Answers one request."""

    def do_POST(self) -> None:
        """Keep what came."""
        at = time.time()
        length = min(int(self.headers.get("Content-Length", "0")), MOST)
        body = self.rfile.read(length)
        kind, _, name = self.path.strip("/").partition("/")
        with LOCK:
            if kind == "acknowledge":
                for key in [one for one in OPEN if one[0] == name]:
                    OPEN.pop(key)
            else:
                taken(name, at, json.loads(body).get("alerts", []))
        self._say(b"{}")

    def do_GET(self) -> None:
        """List what came, or show a file."""
        path = self.path.partition("?")[0].strip("/")
        kind, _, name = path.partition("/")
        try:
            if kind == "received":
                with LOCK:
                    self._say(json.dumps(list(RECEIVED[name])).encode())
            elif kind == "runbooks" and re.fullmatch(r"[a-z]+\.md", name):
                self._say(shown(name).encode(), "text/markdown; charset=utf-8")
            elif path == "contacts":
                self._say(shown("contacts.json").encode())
            elif kind == "api":
                self._say(json.dumps(grafana(name)).encode())
            else:
                self.send_error(404)
        except (OSError, KeyError):
            self.send_error(404)

    def _say(self, body: bytes, kind: str = "application/json") -> None:
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.send_header("Content-Type", kind)
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        """Nothing is logged."""


def grafana(path: str) -> object:
    """What Grafana says at a path of its HTTP API."""
    held = json.loads(shown("dashboards.json"))
    if path == "datasources":
        return held["datasources"]
    if path == "search":
        return [
            {"uid": uid, "title": one["dashboard"]["title"], "type": "dash-db"}
            for uid, one in held["dashboards"].items()
        ]
    return held["dashboards"][path.removeprefix("dashboards/uid/")]


class Server(ThreadingHTTPServer):
    """Listens in both families."""

    address_family = AF_INET6


if __name__ == "__main__":
    threading.Thread(target=escalate, daemon=True).start()
    Server(("::", 8080), Pager).serve_forever()
