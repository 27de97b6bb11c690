"""What sessions get that come through a pooler, as an application's do.

A pooler may lead to another server than it should, and may change what a session is: settings that
every member keeps are of no use to sessions that are given others on the way. What a pooler gives
to a session is given when that begins, and taken away when it is given to the next client: only a
session that began just now shows it. So sessions are held, one after the other, until one has.
"""

from contextlib import ExitStack
from dataclasses import dataclass
from typing import Final

import psycopg

from readiness.drills import writers
from readiness.drills.permit import Permit
from readiness.drills.primary import on_primary
from readiness.model.words import Tier
from readiness.session.run import Run
from readiness.site.subjects import Cluster

# More than a pool keeps idle beside an application at rest.
MOST: Final = 12
_QUESTION: Final = (
    "SELECT system_identifier || '/' || current_database() || "
    "', up since ' || pg_postmaster_start_time() AT TIME ZONE 'UTC', session_user::text, "
    "current_setting('transaction_read_only'), current_setting('synchronous_commit'), "
    "extract(epoch FROM (SELECT backend_start FROM pg_stat_activity WHERE pid = pg_backend_pid())) "
    "FROM pg_control_system()"
)
CLOCK: Final = "SELECT extract(epoch FROM clock_timestamp())"


@dataclass(frozen=True)
class Session:
    """One session: where it ended, and what it runs with."""

    where: str  # system, database, and since when the server has been up: tells servers apart
    user: str
    read_only: str  # on or off, of the transaction
    synchronous_commit: str


@dataclass(frozen=True)
class Path:
    """The sessions that one pooler gave."""

    sessions: tuple[Session, ...]
    fresh: bool  # the last of them began after it was asked for
    problem: str  # why there is no fresh one


@dataclass(frozen=True)
class Paths:
    """A session with the primary itself, and some through the pooler of each machine."""

    direct: Session
    pooled: dict[str, Path]


def through_poolers(run: Run, permit: Permit, cluster: Cluster) -> Paths:
    """Ask the primary directly and through every declared pooler; nothing is written.

    Raises:
        NotRun: no poolers or no touch login are declared.
        Unreachable: no member accepts writes.
    """
    permit.require(Tier.TOUCH)
    database = cluster.database
    clients = writers.pooled_clients(run.environment, database)
    with on_primary(run.environment, database) as primary:
        direct, _ = asked(primary)
        begun = float(one_row(primary, CLOCK)[0])
    return Paths(direct, {machine: _path(one, begun) for machine, one in clients.items()})


def _path(client: writers.Client, begun: float) -> Path:
    """Hold sessions until the pooler has to begin one."""
    sessions: list[Session] = []
    with ExitStack() as held:
        for _ in range(MOST):
            try:
                # In a transaction until the end: no other client is given the server's session.
                connection = psycopg.connect(**client.conninfo, autocommit=False)
                held.callback(connection.close)
                session, started = asked(connection)
            except psycopg.Error as error:
                return Path(tuple(sessions), False, " ".join(str(error).split()))
            sessions.append(session)
            if started > begun:
                return Path(tuple(sessions), True, "none")
    return Path(tuple(sessions), False, f"{MOST} sessions were older than this check")


def asked(connection: psycopg.Connection[tuple[str, ...]]) -> tuple[Session, float]:
    """A session, and when it began by the server's clock."""
    *said, started = one_row(connection, _QUESTION)
    return Session(*said), float(started)


def one_row(connection: psycopg.Connection[tuple[str, ...]], question: str) -> tuple[str, ...]:
    """The answer to a question that has one row."""
    row = connection.execute(question).fetchone()
    assert row is not None  # noqa: S101 - it gives one row
    return row
