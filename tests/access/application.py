"""An application on loopback over TLS, with accounts, roles and records: healthy unless told."""

import json
import secrets
import ssl
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

from pki import NAME, Hierarchy
from servers import server_context

from readiness.site.documents import load_environment
from readiness.site.environment import Environment
from readiness.systems.access.declared import AccessAddress, access_addresses

ROLES = {"amy": "STUDENT", "bob": "STUDENT", "eve": "ADVISOR"}
IDS = {"amy": "11", "bob": "12", "eve": "1"}
PASSWORD = "of these tests only"
SITE = """\
schema: 1
name: mini
kind: rehearsal
zones: [all]
looks_from: all
authorities: {{own: "file:root.pem"}}
machines:
{machines}
listeners:
  - name: web
    protocol: https
    port: {port}
    machines: [box]
    names: [{name}]
    authority: own
objectives:
  availability: 99.9
  recovery_time: 30 min
  recovery_point: 5 min
  database_recovery_time: 60 s
identities:
{identities}
access:
  - listener: web
    rate: {rate}
{access}
"""
IDENTITY = """\
  - name: {name}
    role: {role}
    id: "{id}"
    login: {{user: {name}, password: "file:password"}}
    sign_in: {{path: /login, end_path: /logout}}
"""
ACCESS = """\
    routes:
      - {path: "/records/{student}"}
      - {path: /staff}
      - {path: /news}
    public: [/news, POST /login]
    roles:
      STUDENT: ["/records/{student}"]
      ADVISOR: ["/records/{student}", /staff]
    values: {student: "{amy}"}
"""
BALANCER = """\
balancers:
  - name: web
    machines: [box]
    listener: web
    status: {port: 1}
    backend: web
    servers: [one, two]
    server_port: 8000
    page: {path: /news, contains: news, served_by: X-Served-By}
"""


@dataclass
class Asked:
    """One request as the application has it."""

    method: str
    path: str
    who: str
    """The account whose session it brings; empty without one."""
    headers: Mapping[str, str]
    server: str


@dataclass
class Answer:
    """What it is answered with."""

    status: int
    body: bytes = b""
    headers: Mapping[str, str] = field(default_factory=dict)
    named: bool = True
    """Whether it says which server gave it."""


Rule = Callable[[Asked], Answer | None]
"""What an application does otherwise than a healthy one; None where it does the same."""


def healthy(asked: Asked) -> Answer:
    """Records for their owner and advisors, lists for advisors, news for everybody."""
    role = ROLES.get(asked.who, "")
    if asked.path == "/news":
        return Answer(200, b"news")
    if asked.path.startswith(("/records/", "/staff")):
        if not role:
            return Answer(401, b"no session")
        own = asked.path.startswith(f"/records/{IDS[asked.who]}")
        if role != "ADVISOR" and not own:
            return Answer(403, b"not yours")
        return Answer(200, json.dumps({"of": asked.path}).encode())
    return Answer(404, b"no such page")


@dataclass
class Application:
    """Where it answers, and what was asked of it."""

    port: int
    folder: Path
    requests: list[Asked]
    connections: list[int]
    sessions: set[str]

    def site(
        self, access: str = ACCESS, *more: str, people: bool = True, rate: int = 1000
    ) -> Environment:
        """The environment that declares it."""
        given = "".join(
            IDENTITY.format(name=one, role=role, id=IDS[one]) for one, role in ROLES.items()
        )
        machines = ["  - {name: box, zone: all, role: web, addresses: [127.0.0.1]}"]
        if any("servers: [one, two]" in one for one in more):
            machines += [
                f"  - {{name: {one}, zone: all, role: app, addresses: [127.0.1.{n}]}}"
                for n, one in enumerate(("one", "two"), start=1)
            ]
        text = SITE.format(
            machines="\n".join(machines),
            port=self.port,
            name=NAME,
            identities=given if people else "  []",
            access=access,
            rate=rate,
        )
        (self.folder / "password").write_text(PASSWORD)
        (self.folder / "password").chmod(0o600)
        path = self.folder / "environment.yaml"
        path.write_text(text.replace("identities:\n  []", "identities: []") + "".join(more))
        return load_environment(path)


def place(site: Environment) -> AccessAddress:
    """The one address of the application."""
    (one,) = access_addresses(site)
    return one


class Handler(BaseHTTPRequestHandler):
    """Answers over TLS for the application that its server is."""

    disable_nagle_algorithm = True
    server: "Server"

    def setup(self) -> None:
        """Shake hands."""
        self.request = self.server.context.wrap_socket(self.request, server_side=True)
        self.protocol_version = "HTTP/1.1" if self.server.keeps else "HTTP/1.0"
        super().setup()
        with self.server.lock:
            self.server.served.connections.append(1)

    def finish(self) -> None:
        """Hang up."""
        with suppress(OSError):
            super().finish()
        self.request.close()

    def answer(self) -> None:
        """Answer one request."""
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        asked = self._asked()
        found = self._account(asked, body) or self.server.otherwise(asked) or healthy(asked)
        self.send_response(found.status)
        for name, value in found.headers.items():
            self.send_header(name, value)
        if asked.server and found.named:
            self.send_header("X-Served-By", asked.server)
        self.send_header("Content-Length", str(len(found.body)))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(found.body)

    def _asked(self) -> Asked:
        served, servers = self.server.served, self.server.names
        token = self.headers.get("X-Session-Token", "")
        who = token.rpartition(" of ")[2] if token in served.sessions else ""
        with self.server.lock:
            server = servers[len(served.requests) % len(servers)] if servers else ""
            asked = Asked(self.command, self.path, who, dict(self.headers), server)
            served.requests.append(asked)
        return asked

    def _account(self, asked: Asked, body: bytes) -> Answer | None:
        """Sign in and out."""
        sessions = self.server.served.sessions
        if (asked.method, asked.path) == ("POST", "/logout"):
            if self.server.ends:
                sessions.discard(asked.headers.get("X-Session-Token", ""))
            return Answer(200)
        if (asked.method, asked.path) != ("POST", "/login"):
            return None
        given = json.loads(body)
        if given["password"] != PASSWORD:
            return Answer(401)
        token = f"{self.server.made()} of {given['email']}"
        sessions.add(token)
        return Answer(200, json.dumps({"token": token}).encode())

    do_GET = do_HEAD = do_POST = do_DELETE = answer  # noqa: N815 - as http.server calls them

    def log_message(self, *_: object) -> None:
        """Say nothing."""


class Server(ThreadingHTTPServer):
    """A server with what its answers are made of."""

    daemon_threads = True
    context: ssl.SSLContext
    served: Application
    otherwise: Rule
    names: tuple[str, ...]
    keeps: bool
    ends: bool
    made: Callable[[], str]
    lock: threading.Lock


@contextmanager
def application(
    folder: Path,
    authority: Hierarchy,
    otherwise: Rule = lambda _: None,
    *,
    servers: tuple[str, ...] = (),
    keeps: bool = True,
    ends: bool = True,
    made: Callable[[], str] = secrets.token_hex,
) -> Iterator[Application]:
    """Serve it until the block ends; with `servers` each request goes to the next of them.

    A sign-out `ends` its session, and each session is `made` anew.
    """
    leaf = authority.leaf()
    (folder / "root.pem").write_bytes(authority.root.pem)
    server = Server(("127.0.0.1", 0), Handler)
    server.context = server_context(leaf.write(folder / "leaf.pem", *leaf.above))
    server.served = Application(server.server_address[1], folder, [], [], set())
    server.otherwise, server.names, server.keeps = otherwise, servers, keeps
    server.ends, server.made, server.lock = ends, made, threading.Lock()
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05})
    thread.start()
    try:
        yield server.served
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
