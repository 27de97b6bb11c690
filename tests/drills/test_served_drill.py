"""Users of a balancer over real TLS on loopback, whom its servers see, and what trials are of that.

One process plays the balancer and the servers behind it; what it does wrong is set on it.
"""

import json
import ssl
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from pki import Hierarchy

from readiness.drills import client_address, users
from readiness.drills.client_address import SOMEBODY, ClientAddresses, ClientsSeen, told, written
from readiness.drills.commanded import Commanded
from readiness.drills.permit import Permit
from readiness.drills.served_trial import failed, until_right
from readiness.drills.users import Group, Users, stored, stored_as
from readiness.measure.operation import Op, Outcome
from readiness.model.errors import NotRun, NotUnderstood
from readiness.model.words import Case, Tier
from readiness.site.subjects import Endpoint
from readiness.systems.answer import Answer
from readiness.systems.balancing.declared import Seen
from readiness.systems.http.asking.pages import Heard, Question

PERMIT = Permit("run", Case("LB-006", "portal/web1"), Tier.TOUCH)
PAGE = "Registration is open."


@dataclass
class Front:
    """What a balancer and its servers do, and what they were asked."""

    port: int = 0
    servers: list[str] = field(default_factory=lambda: ["web1", "web2"])
    broken: set[str] = field(default_factory=set)
    believes: bool = False
    body: bytes | None = None
    notes: dict[str, str] = field(default_factory=dict)
    forgets: bool = False
    asked: int = 0
    lock: Any = field(default_factory=threading.Lock)

    def turn(self) -> str:
        """The server whose turn it is."""
        with self.lock:
            self.asked += 1
            return self.servers[self.asked % len(self.servers)]


class Handler(BaseHTTPRequestHandler):
    """Answers as one of the servers."""

    def do_GET(self) -> None:
        """A page, whom it sees, or the notes below a path."""
        front: Front = self.server.front  # type: ignore[attr-defined]
        name = front.turn()
        if name in front.broken:
            self.answer(500, name, b"Something went wrong.")
        elif self.path == "/seen":
            client = self.headers.get("X-Forwarded-For") if front.believes else None
            said = json.dumps({"client": client or self.client_address[0]}).encode()
            self.answer(200, name, said if front.body is None else front.body)
        elif self.path.startswith("/notes/"):
            below = f"{self.path}/"
            found = {
                key.removeprefix(below): text
                for key, text in front.notes.items()
                if key.startswith(below)
            }
            self.answer(200, name, json.dumps(found).encode())
        else:
            self.answer(200, name, PAGE.encode())

    def do_PUT(self) -> None:
        """Keep a note, or say so."""
        front: Front = self.server.front  # type: ignore[attr-defined]
        text = self.rfile.read(int(self.headers["Content-Length"])).decode()
        if not front.forgets:
            front.notes[self.path] = text
        self.answer(201, front.turn(), b"")

    def answer(self, status: int, name: str, body: bytes) -> None:
        """One answer."""
        self.send_response(status)
        self.send_header("X-Served-By", name)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the base's name
        """Nothing is logged."""


class Server(ThreadingHTTPServer):
    """Whoever leaves in the midst of a handshake is nobody's error."""

    def handle_error(self, *_: object) -> None:
        """Say nothing."""


@pytest.fixture
def front(authority: Hierarchy, tmp_path: Path) -> Iterator[Front]:
    """One that does everything right, on a port of its own."""
    leaf = authority.leaf("portal.test")
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(leaf.write(tmp_path / "leaf.pem", *leaf.above))
    server = Server(("127.0.0.1", 0), Handler)
    server.socket = context.wrap_socket(server.socket, server_side=True)
    found = Front(port=server.server_address[1])
    server.front = found  # type: ignore[attr-defined]
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield found
    server.shutdown()
    server.server_close()


def question(front: Front, authority: Hierarchy, path: str = "/") -> Question:
    """How it is asked."""
    return Question(
        "127.0.0.1", front.port, "portal.test", path, authority.root.pem, timeout=users.PATIENCE
    )


@contextmanager
def asking(front: Front, authority: Hierarchy, tmp_path: Path, *groups: Group) -> Iterator[Users]:
    """Users of these groups, or of the page."""
    chosen = groups or (Group("page", question(front, authority), contains=PAGE),)
    with Users(chosen, "X-Served-By", tmp_path / "ledger.jsonl").asking() as found:
        yield found


def wait_for(condition: Any) -> None:
    """Wait until something is so."""
    deadline = time.monotonic() + 20
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.05)


def test_users_tell_right_answers_from_wrong_ones_and_who_gave_them(
    front: Front, authority: Hierarchy, tmp_path: Path
) -> None:
    """A server that answers with an error is named with each request that it spoilt."""
    with asking(front, authority, tmp_path) as found:
        wait_for(lambda: len(found.ops()) > 4)
        assert not failed(found.ops())
        front.broken.add("web2")
        wait_for(lambda: failed(found.ops()))
    assert {op.backend for op in failed(found.ops())} == {"web2"}
    assert {op.backend for op in found.ops() if op.outcome is Outcome.OK} == {"web1", "web2"}


def test_each_group_meets_each_server_where_a_balancer_takes_turns(
    front: Front, authority: Hierarchy, tmp_path: Path
) -> None:
    """As many groups as servers, asked in one order, would each have one server for ever."""
    groups = [
        Group(name, question(front, authority), contains=PAGE) for name in ("first", "second")
    ]
    with asking(front, authority, tmp_path, *groups) as found:
        wait_for(lambda: len({(op.group, op.backend) for op in found.ops() if op.end}) == 4)


def test_who_takes_no_connection_has_stored_nothing(
    front: Front, authority: Hierarchy, tmp_path: Path
) -> None:
    """A refused connection is a failure, which is no unknown outcome."""
    nobody = Front(port=1)
    group = Group("writes", question(nobody, authority), writes="/notes/run")
    with asking(front, authority, tmp_path, group) as found:
        wait_for(lambda: failed(found.ops()))
    assert failed(found.ops())[0].outcome is Outcome.FAIL


def test_what_was_acknowledged_is_found_again_or_missed(
    front: Front, authority: Hierarchy, tmp_path: Path
) -> None:
    """Each write under its own id; of one that was forgotten there is nothing."""
    group = Group("writes at one", question(front, authority), writes="/notes/run")
    with asking(front, authority, tmp_path, group) as found:
        wait_for(lambda: len([op for op in found.ops() if op.end]) > 2)
        front.forgets = True
        known = len(found.ops())
        wait_for(lambda: len(found.ops()) > known + 3)
    rows = dict(stored(question(front, authority), "/notes/run", found.ops()))
    acknowledged = [op for op in found.ops() if op.outcome is Outcome.OK]
    lost = [op for op in acknowledged if op.id not in rows]
    assert lost
    assert all(rows[op.id] == op.payload for op in acknowledged if op not in lost)


def test_what_nobody_wrote_keeps_its_own_name(front: Front, authority: Hierarchy) -> None:
    """It is unexpected, and no write of ours."""
    front.notes = {"/notes/run/strange": "text"}
    assert stored(question(front, authority), "/notes/run", []) == [("strange", "text")]


@pytest.mark.parametrize("broken", [True, False])
def test_notes_that_are_no_object_of_texts_are_unknown(
    front: Front, authority: Hierarchy, *, broken: bool
) -> None:
    """An error page, or numbers in the place of texts: nobody knows what is stored."""
    front.broken = {"web1", "web2"} if broken else set()
    front.notes = {"/notes/run/1": 3}  # type: ignore[dict-item]
    with pytest.raises(NotUnderstood, match="expected a JSON object of texts"):
        stored(question(front, authority), "/notes/run", [])


def test_names_of_writes_are_parts_of_a_path() -> None:
    """Whatever a group is called."""
    assert stored_as("writes at portal/shared/v4", 7).endswith("-7")
    assert "/" not in stored_as("writes at portal/shared/v4", 7)


def test_a_slow_request_is_asked_beside_the_schedule(
    front: Front, authority: Hierarchy, tmp_path: Path
) -> None:
    """It is among the attempts, under its own group."""
    slow = Group("slow", question(front, authority), contains=PAGE)
    with asking(front, authority, tmp_path) as found:
        found.once(slow).result(timeout=10)
    assert [op.outcome for op in found.ops() if op.group == "slow"] == [Outcome.OK]


def op(start: float, outcome: Outcome = Outcome.OK) -> Op:
    """One request of half a second."""
    return Op("page", int(start * 10), start, start, start + 0.5, outcome, "x")


def test_the_time_until_users_were_right_is_bounded_by_what_was_asked() -> None:
    """From before the disturbance to the next request after the last that failed."""
    ops = [op(0), op(1), op(2, Outcome.INFO), op(3, Outcome.INFO), op(4), op(9, Outcome.INFO)]
    found = until_right(ops, sent=1.5, seen=1.8, taken_back=8.0)
    assert found.lower == pytest.approx(1.2)
    assert found.upper == pytest.approx(2.0)
    assert until_right(ops[:2], 0.5, 0.6, 8.0).lower == 0.0


# Whom the servers see


def addresses(front: Front, authority: Hierarchy, seen: Seen | None) -> ClientsSeen:
    """What the servers of one balancer say, at one address."""
    listener: Any = SimpleNamespace(
        name="portal", port=front.port, authority="own", client_certificate=None, own_name=False,
        names=("portal.test",),
    )  # fmt: skip
    balancer: Any = SimpleNamespace(
        name="portal", servers=("web1", "web2"), page=SimpleNamespace(served_by="X-Served-By")
    )
    balancing = SimpleNamespace(balancer="portal", seen=seen, drill=None)
    site = SimpleNamespace(balancing=(balancing,))
    clients: Any = SimpleNamespace(site=site, authority_pem=lambda _: authority.root.pem)
    place = Endpoint("portal/edge1/v4", listener, "edge1", "127.0.0.1")
    return ClientAddresses(clients, PERMIT, balancer).asked((place,))


SEEN = Seen(path="/seen", client="client")


def test_a_client_that_is_seen_is_seen_by_every_server(front: Front, authority: Hierarchy) -> None:
    """Each kind of request, each server."""
    found = addresses(front, authority, SEEN)
    assert not found.silent
    assert all(one.right for one in found.seen)
    assert len(found.of("web1")) == len(client_address.FORGED)


def test_a_forged_address_that_is_believed_is_told(front: Front, authority: Hierarchy) -> None:
    """The kind of request is named, and what the server saw."""
    front.believes = True
    wrong = [one for one in addresses(front, authority, SEEN).of("web2") if not one.right]
    assert {one.client for one in wrong} == {SOMEBODY, f"{SOMEBODY}, {SOMEBODY}"}


def test_our_address_may_be_another_one_there(front: Front, authority: Hierarchy) -> None:
    """Where addresses are translated between, the declared ones are ours."""
    elsewhere = Seen(path="/seen", client="client", ours=("198.51.100.7",))
    assert not any(one.right for one in addresses(front, authority, elsewhere).seen)
    both = Seen(path="/seen", client="client", ours=("198.51.100.7", "127.0.0.1"))
    assert all(one.right for one in addresses(front, authority, both).seen)


def test_a_server_that_never_answers_is_silent(front: Front, authority: Hierarchy) -> None:
    """Nobody knows whom it sees."""
    front.servers = ["web1"]
    found = addresses(front, authority, SEEN)
    assert any(one.startswith("web2 as it is through portal/edge1/v4") for one in found.silent)


@pytest.mark.parametrize("body", [b"<html>", b'["a"]', b'{"other": "a"}', b'{"client": 3}', b"{"])
def test_an_answer_without_the_client_is_not_understood(
    front: Front, authority: Hierarchy, body: bytes
) -> None:
    """Every server is silent then, and the reason says what was missing."""
    front.body = body
    found = addresses(front, authority, SEEN)
    assert not found.seen
    assert "no text under 'client'" in found.silent[0]


def test_a_page_that_nobody_declared_is_not_asked(front: Front, authority: Hierarchy) -> None:
    """There is nothing to ask."""
    with pytest.raises(NotRun, match="no page is declared"):
        addresses(front, authority, None)
    assert front.asked == 0


@pytest.mark.parametrize(
    ("said", "meant"),
    [
        ("192.0.2.7", "192.0.2.7"),
        ("::ffff:192.0.2.7", "192.0.2.7"),
        ("2001:DB8:0::7", "2001:db8::7"),
        ("[2001:db8::7]", "2001:db8::7"),
        ("nobody", "nobody"),
        ("x" * 400, "x" * 60),
    ],
)
def test_addresses_are_compared_as_they_are_written(said: str, meant: str) -> None:
    """One spelling for each address; what is none stays what it is, in bounds."""
    assert written(said) == meant


def test_half_an_answer_tells_nobody() -> None:
    """A body that broke off is no object."""
    cut = Heard(200, (), b'{"client": "192.0.2.7"}', complete=False)
    with pytest.raises(NotUnderstood):
        told(cut, SEEN, "here")


# What a site declares as two commands


class Told:
    """A machine that notes what it is told, and what it answers by the first word that fits."""

    name = "web1"

    def __init__(self, **fails: int) -> None:
        self.said: list[list[str]] = []
        self.fails = fails

    def run(self, argv: list[str], **_: object) -> Answer:
        """One command."""
        self.said.append([*argv])
        code = next((n for word, n in self.fails.items() if word in argv), 0)
        out = b"active\n" if "is-active" in argv else b""
        return Answer(code, out, b"")


def commanded(session: Told, order: list[str]) -> Commanded:
    """A disturbance by two commands; what is written is noted in order."""
    journal: Any = SimpleNamespace(
        pending=list,
        write=lambda entry: order.append(f"undo {entry.action}"),
        mark=lambda *_: order.append("proven"),
    )
    writer = SimpleNamespace(write=lambda *_, **__: 0)
    run: Any = SimpleNamespace(
        number=1, id="run-0001", journal=journal, writer=writer, disturbed=lambda: None,
        environment=SimpleNamespace(name="mini"), environment_file="mini.yaml",
    )  # fmt: skip
    permit = Permit("run", Case("LB-007", "portal/web1"), Tier.DISRUPT)
    return Commanded(
        run,
        permit,
        session,  # type: ignore[arg-type]
        machine="web1",
        expiry=60,
        commands=(("/sbin/mode", "error"), ("/sbin/mode", "well")),
        what="broken (error)",
        first=lambda: order.append("first"),
    )


def test_the_undo_is_written_and_armed_before_the_command() -> None:
    """In this order: undo on disk, timer on the machine, what comes right before, the command."""
    session = Told()
    order: list[str] = []
    one = commanded(session, order)
    with one.held():
        assert order == ["undo command.end", "first"]
        armed, _, made = session.said
        assert armed[:3] == ["sudo", "-n", "/usr/bin/systemd-run"]
        assert armed[-2:] == ["/sbin/mode", "well"]
        assert made == ["sudo", "-n", "/sbin/mode", "error"]
    assert ["sudo", "-n", "/sbin/mode", "well"] in session.said
    assert order[-1] == "proven"
    assert one.told().startswith("web1 was broken (error) for at most")


def test_a_command_that_fails_is_taken_back_at_once() -> None:
    """Whatever it has done before it failed."""
    session = Told(error=1)
    order: list[str] = []
    with suppress(Exception), commanded(session, order).held():
        pytest.fail("it was not made")
    assert session.said[-2] == ["sudo", "-n", "/sbin/mode", "well"]
    assert order[-1] == "proven"
