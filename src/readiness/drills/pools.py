"""What the sessions run with that poolers keep for the application.

A session that a client gives back keeps what that client SET, unless the pooler resets it: in
transaction pooling PgBouncer does not (`server_reset_query_always` is off). The next client gets
it, and no server tells what another session runs with. A pool belongs to a user, so only the
application's own login meets it.

Idle sessions are taken one after the other, each in a transaction that only reads, until the pooler
has to begin one: then none is idle any more. They are given back as they came. What a client uses
meanwhile is not seen, so it is done a few times.
"""

import socket
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass, field
from os import dup
from threading import Timer
from typing import Any, Final

import psycopg

from readiness.drills import writers
from readiness.drills.paths import CLOCK, Session, asked, one_row
from readiness.drills.permit import Permit
from readiness.drills.primary import on_primary
from readiness.model.words import Tier
from readiness.session.run import Run
from readiness.site.declared.common import Login
from readiness.site.subjects import Cluster

ROUNDS: Final = 5
PAUSE: Final = 0.3  # seconds between two rounds: a client's transaction ends meanwhile
MOST: Final = 24  # PgBouncer keeps 20 unless told otherwise (default_pool_size)
# While we hold all that a small pool has, the application waits, which it does for 2 s and longer.
HOLD: Final = 0.5  # seconds, from the first session that a pooler gives to the last
# The older sessions of this user from where this one comes; a role is shown its own ones whole.
_BESIDE: Final = (
    "SELECT coalesce(array_agg(other.pid), '{}') FROM pg_stat_activity own JOIN "
    "pg_stat_activity other ON other.usesysid = own.usesysid AND other.datid = own.datid "
    "AND other.client_addr IS NOT DISTINCT FROM own.client_addr "
    "WHERE own.pid = pg_backend_pid() AND other.backend_type = 'client backend' "
    "AND extract(epoch FROM other.backend_start) <= %s"
)


@dataclass(frozen=True)
class Pool:
    """What one pooler keeps for one user."""

    machine: str
    user: str
    sessions: tuple[Session, ...]  # those seen, each as often as it was another one
    unseen: int  # older sessions of that user from there that the pooler never gave
    emptied: bool  # at least once it had no idle one left
    problem: str  # what ended the last look before that; empty: nothing


@dataclass(frozen=True)
class Kept:
    """A session with the primary itself, and the application's pools."""

    direct: Session
    pools: tuple[Pool, ...]


@dataclass
class _Seen:
    """What several rounds found out about one pool."""

    sessions: set[tuple[int, Session]] = field(default_factory=set)
    beside: set[int] = field(default_factory=set)
    begun: bool = False
    problem: str = ""

    def unseen(self, known: set[int]) -> int:
        """How many sessions that were there nobody was given."""
        return len(self.beside - known)

    def emptied(self, known: set[int]) -> bool:
        """Whether it had to begin a session, or has given every one that there is.

        A pool that is full begins none.
        """
        return self.begun or (bool(self.sessions) and not self.unseen(known))


def kept_for_the_application(run: Run, permit: Permit, cluster: Cluster) -> Kept:
    """Ask the primary directly, and the idle sessions of the application's pools.

    Raises:
        NotRun: no poolers or no touch login are declared.
        Unreachable: no member accepts writes.
    """
    permit.require(Tier.TOUCH)
    database = cluster.database
    poolers = writers.pooled_clients(run.environment, database)
    logins = database.failover.pooled.clients if database.failover else ()
    with on_primary(run.environment, database) as primary:
        direct, _ = asked(primary)
        begun = float(one_row(primary, CLOCK)[0])
    pools: list[Pool] = []
    for login in logins:
        password = run.environment.secret(login.password)
        given = {"user": login.user, "password": password, "application_name": "readiness"}
        paths = {name: one.conninfo | given for name, one in poolers.items()}
        pools += _pools(login, paths, begun)
    return Kept(direct, tuple(pools))


def _pools(login: Login, paths: dict[str, dict[str, Any]], begun: float) -> list[Pool]:
    """One user's pools at every pooler, looked into until every session was seen."""
    seen = {machine: _Seen() for machine in paths}
    for number in range(ROUNDS):
        if number:
            time.sleep(PAUSE)
        for machine, conninfo in paths.items():
            _look(conninfo, begun, seen[machine])
        known = _known(seen)
        if all(one.emptied(known) and not one.unseen(known) for one in seen.values()):
            break
    known = _known(seen)
    return [
        Pool(
            machine=machine,
            user=login.user,
            sessions=tuple(session for _, session in sorted(one.sessions, key=str)),
            unseen=one.unseen(known),
            emptied=one.emptied(known),
            problem=one.problem,
        )
        for machine, one in seen.items()
    ]


def _known(seen: dict[str, _Seen]) -> set[int]:
    """The sessions that were seen at any pooler: several may come from one address."""
    return {pid for one in seen.values() for pid, _ in one.sessions}


def _look(conninfo: dict[str, Any], begun: float, seen: _Seen) -> None:
    """Take idle sessions until the pooler has none, and give all of them back."""
    seen.problem = ""
    ends = time.monotonic() + HOLD
    with ExitStack() as held:
        for _ in range(MOST):
            try:
                connection = psycopg.connect(**conninfo, autocommit=False)
                held.callback(_give_back, connection)
                with _at_most(connection, ends - time.monotonic()):
                    session, started = asked(connection)
                    (pid,) = one_row(connection, "SELECT pg_backend_pid()")
                    (beside,) = connection.execute(_BESIDE, (begun,)).fetchone() or ([],)
            except psycopg.Error as error:
                seen.problem = " ".join(str(error).split())
                return
            seen.sessions.add((int(pid), session))
            # Who is gone by now is nobody's concern.
            seen.beside = set(beside)
            if started > begun:
                seen.begun = True
                return
    seen.problem = f"the first {MOST} sessions were older than this check"


def _give_back(connection: psycopg.Connection[Any]) -> None:
    """End the transaction before the connection: a pooler drops a session that is left in one."""
    with suppress(psycopg.Error):
        connection.rollback()
    connection.close()


@contextmanager
def _at_most(connection: psycopg.Connection[Any], seconds: float) -> Iterator[None]:
    """End a wait for a pooler that has no session to give: we stand before the application."""
    with socket.socket(fileno=dup(connection.fileno())) as line:
        timer = Timer(max(seconds, 0.0), line.shutdown, (socket.SHUT_RDWR,))
        timer.start()
        try:
            yield
        finally:
            timer.cancel()
            timer.join()
