"""What is seen of the sessions that a pooler keeps, at a pool of a few rows."""

import runpy
import socket
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import psycopg
import pytest

from readiness.drills import pools
from readiness.drills.paths import CLOCK, Session
from readiness.drills.pools import Kept, Pool
from readiness.evidence.claim import CURRENT, Found
from readiness.site.declared.common import Login

SUITE = runpy.run_path(str(Path(__file__).parents[2] / "suites/database/test_replication.py"))
BEGUN = 100.0
SERVER = "7/paws360, up since today"
LOGIN = Login(user="portal", password="file:portal.password")


class Pooler:
    """A pooler in transaction mode: the session that was given back last is given first."""

    def __init__(self, *commits: str, most: int = 20) -> None:
        self.idle = [(number, one, 1.0) for number, one in enumerate(commits)]
        self.used: list[tuple[int, str, float]] = []
        self.most = most
        self.left_open = 0
        self.held: list[tuple[int, str, float]] = []

    def connect(self, **_: Any) -> "Client":
        """A client without a session yet."""
        return Client(self)

    def give(self) -> tuple[int, str, float]:
        """A session of the server."""
        if not self.idle and len(self.used) + len(self.held) >= self.most:
            raise psycopg.OperationalError("consuming input failed: server closed the connection")
        one = self.idle.pop() if self.idle else (100 + len(self.held), "on", BEGUN + 1)
        self.held.append(one)
        return one


class Client:
    """One client of the pooler, in the words of psycopg that are used."""

    def __init__(self, pooler: Pooler) -> None:
        self.pooler = pooler
        self.given: tuple[int, str, float] | None = None
        self.line = socket.socketpair()

    def fileno(self) -> int:
        """Its socket."""
        return self.line[0].fileno()

    def execute(self, question: str, values: tuple[float, ...] = ()) -> SimpleNamespace:
        """An answer with one row."""
        if self.given is None:
            self.given = self.pooler.give()
        number, commit, started = self.given
        row: tuple[Any, ...] = (SERVER, "portal", "off", commit, started)
        if question == "SELECT pg_backend_pid()":
            row = (number,)
        elif values:
            pooler = self.pooler
            everything = [*pooler.idle, *pooler.used, *pooler.held]
            row = ([one for one, _, began in everything if began <= values[0]],)
        elif question == CLOCK:
            row = (BEGUN,)
        return SimpleNamespace(fetchone=lambda: row)

    def rollback(self) -> None:
        """End the transaction: the pooler has the session back."""
        if self.given is not None:
            self.pooler.held.remove(self.given)
            self.pooler.idle.append(self.given)
            self.given = None

    def close(self) -> None:
        """Leave; a session in a transaction is lost to the pool."""
        self.pooler.left_open += self.given is not None
        for one in self.line:
            one.close()


@pytest.fixture(autouse=True)
def patient(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nobody is waited for."""
    monkeypatch.setattr(pools, "PAUSE", 0.0)


def seen(monkeypatch: pytest.MonkeyPatch, pooler: Pooler) -> Pool:
    """What is found out about its pool."""
    monkeypatch.setattr(psycopg, "connect", pooler.connect)
    (found,) = pools._pools(LOGIN, {"app1": {}}, BEGUN)
    return found


@pytest.fixture
def reasons() -> Iterator[list[str]]:
    """What the check claims, as people will read it."""
    said: list[str] = []
    token = CURRENT.set(SimpleNamespace(claim=lambda claim, **_: said.append(str(claim))))
    yield said
    CURRENT.reset(token)


def judged(*found: Pool, commit: str = "on") -> None:
    """The check's word on these pools."""
    kept = Kept(Session(SERVER, "readiness_touch", "off", commit), found)
    cluster = SimpleNamespace(id="paws360-db")
    SUITE["test_kept_sessions"](cluster, lambda _: Found(kept, "paws360-db", 1))


def test_every_idle_session_is_seen_and_given_back(monkeypatch: pytest.MonkeyPatch) -> None:
    """Not only the one that would be given first, and none is lost to the pool."""
    pooler = Pooler("on", "off", "on", "on")
    found = seen(monkeypatch, pooler)
    assert [one.synchronous_commit for one in found.sessions].count("off") == 1
    assert (found.unseen, found.emptied, pooler.left_open, pooler.held) == (0, True, 0, [])
    assert "off" in {commit for _, commit, _ in pooler.idle}


def test_what_one_client_left_is_red(monkeypatch: pytest.MonkeyPatch, reasons: list[str]) -> None:
    """One of four, and the reason says whose and where."""
    with pytest.raises(AssertionError):
        judged(seen(monkeypatch, Pooler("on", "off", "on", "on")))
    assert reasons[-1] == (
        "paws360-db: expected synchronous_commit in a session kept for portal by the pooler of "
        "app1 to be one of on, remote_apply, found off"
    )


def test_sessions_as_they_were_given_are_green(monkeypatch: pytest.MonkeyPatch) -> None:
    """Stronger than the server's own is no less safe."""
    judged(seen(monkeypatch, Pooler("on", "remote_apply")))


def test_a_site_without_synchronous_standby_is_green(monkeypatch: pytest.MonkeyPatch) -> None:
    """Where commits wait for no standby anyway, local is as safe as the server's own."""
    judged(seen(monkeypatch, Pooler("local", "on")), commit="local")


def test_a_full_pool_is_seen_whole(monkeypatch: pytest.MonkeyPatch) -> None:
    """It begins no session any more, and has given every one."""
    found = seen(monkeypatch, Pooler("on", "on", most=2))
    assert (len(found.sessions), found.emptied) == (2, True)
    judged(found)


def test_more_idle_sessions_than_are_taken_are_not_green(
    monkeypatch: pytest.MonkeyPatch, reasons: list[str]
) -> None:
    """The one that lies deepest is not seen, whatever is on it: neither red nor green."""
    found = seen(monkeypatch, Pooler("off", *["on"] * pools.MOST))
    assert (len(found.sessions), found.unseen, found.emptied) == (pools.MOST, 1, False)
    with pytest.raises(AssertionError):
        judged(found)
    assert reasons[-1].endswith("to be yes, found nothing")
    assert f"{pools.MOST} seen, 1 never given" in reasons[-1]


def test_a_session_in_use_is_told_and_not_judged(
    monkeypatch: pytest.MonkeyPatch, reasons: list[str]
) -> None:
    """A client that listens all day has its session for itself."""
    pooler = Pooler("on")
    pooler.used = [(50, "on", 1.0)]
    found = seen(monkeypatch, pooler)
    assert (found.unseen, found.emptied) == (1, True)
    judged(found)
    assert "1 never given" in reasons[-1]


def test_a_pooler_that_gives_nothing_is_not_green(
    monkeypatch: pytest.MonkeyPatch, reasons: list[str]
) -> None:
    """The refusal stands in the reason."""
    found = seen(monkeypatch, Pooler(most=0))
    assert (found.sessions, found.emptied) == ((), False)
    with pytest.raises(AssertionError):
        judged(found)
    assert "server closed the connection" in reasons[-1]


def test_a_session_that_can_only_read_is_red(reasons: list[str]) -> None:
    """SET default_transaction_read_only stays as any other."""
    only = Session(SERVER, "portal", "on", "on")
    with pytest.raises(AssertionError):
        judged(Pool("app1", "portal", (only,), 0, emptied=True, problem=""))
    assert reasons[-1].endswith("by the pooler of app1 to be off, found on")


def test_who_waits_for_a_session_is_not_waited_for() -> None:
    """The line is cut at the end of the time, and only ours."""
    here, there = socket.socketpair()
    client: Any = SimpleNamespace(fileno=here.fileno)
    with here, there, pools._at_most(client, 0.05):
        assert here.recv(1) == b""
