"""The portal's way to the database: a small pool that outlives a failover.

Everything is bounded. Waiting for a connection ends after `WAIT` seconds, a statement after the
role's own statement_timeout, and a connection taken from the pool is proven alive first, so that
the sessions that the proxy cut when the primary changed are never handed to a request.
"""

import os
from typing import Any

from psycopg import Connection, OperationalError
from psycopg.rows import DictRow, dict_row
from psycopg_pool import ConnectionPool, PoolTimeout

WAIT = 2.0
Pool = ConnectionPool[Connection[DictRow]]

#: What a request may meet while no primary can be reached.
UNAVAILABLE = (OperationalError, PoolTimeout)


def open_pool(conninfo: str | None = None) -> Pool:
    """Open the pool on a libpq connection string (default: PORTAL_DATABASE) and return at once."""
    return ConnectionPool(
        conninfo or os.environ["PORTAL_DATABASE"],
        connection_class=Connection[DictRow],
        # The pooler gives each transaction another server connection: no prepared statements.
        kwargs={"row_factory": dict_row, "prepare_threshold": None, "connect_timeout": 3},
        min_size=1,
        max_size=8,
        timeout=WAIT,
        max_waiting=32,
        max_lifetime=300,
        reconnect_timeout=5,
        check=ConnectionPool.check_connection,
        open=True,
    )


def one(pool: Pool, query: str, *parameters: Any) -> DictRow | None:
    """Run one statement in its own transaction and return its first row, if any."""
    with pool.connection() as connection:
        return connection.execute(query, parameters).fetchone()


def every(pool: Pool, query: str, *parameters: Any) -> list[DictRow]:
    """Run one statement in its own transaction and return all its rows."""
    with pool.connection() as connection:
        return connection.execute(query, parameters).fetchall()
