"""What a session gets that comes through a pooler, as an application's does.

A pooler may lead to another server than it should, and may change what a session is: settings that
every member keeps are of no use to sessions that are given others on the way.
"""

from dataclasses import dataclass

import psycopg

from readiness.drills import writers
from readiness.drills.permit import Permit
from readiness.drills.primary import on_primary
from readiness.errors import NotRun, Unreachable
from readiness.model import Tier
from readiness.run import Run
from readiness.subjects import Cluster

_QUESTION = (
    "SELECT (SELECT system_identifier::text FROM pg_control_system()), "
    "extract(epoch FROM pg_postmaster_start_time())::text, "
    "current_setting('transaction_read_only'), current_setting('synchronous_commit')"
)


@dataclass(frozen=True)
class Session:
    """One session: where it ended, and what it runs with."""

    system_identifier: str
    server_started: str  # tells one server from another, whatever address it was reached by
    read_only: str  # on or off, of the transaction
    synchronous_commit: str


@dataclass(frozen=True)
class Paths:
    """A session with the primary itself, and one through the pooler of each machine."""

    direct: Session
    pooled: dict[str, Session]


def through_poolers(run: Run, permit: Permit, cluster: Cluster) -> Paths:
    """Ask the primary directly and through every declared pooler; nothing is written.

    Raises:
        NotRun: no poolers or no touch login are declared.
        Unreachable: a pooler gives no session.
    """
    permit.require(Tier.TOUCH)
    database = cluster.database
    if database.failover is None:
        raise NotRun(f"{database.name}: no poolers are declared")
    with on_primary(run.environment, database) as primary:
        direct = _session(primary)
    pooled = {}
    for client in writers.clients(run.environment, database):
        name = client.name.removeprefix(writers.POOLED)
        if name != client.name:
            try:
                with psycopg.connect(**client.conninfo, autocommit=True) as connection:
                    pooled[name] = _session(connection)
            except psycopg.Error as error:
                why = " ".join(str(error).split())
                raise Unreachable(f"{database.name} through {name}: {why}") from error
    return Paths(direct, pooled)


def _session(connection: psycopg.Connection[tuple[str, ...]]) -> Session:
    row = connection.execute(_QUESTION).fetchone()
    assert row is not None  # noqa: S101 - a query without FROM gives one row
    return Session(*row)
