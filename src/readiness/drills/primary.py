"""Whichever member accepts writes: found anew each time, since drills move it."""

import time
from collections.abc import Callable, Mapping
from typing import Any, Final

import psycopg

from readiness.declared.database import Database
from readiness.drills import writers
from readiness.drills.actions import ActionFailed
from readiness.environment import Environment
from readiness.errors import ReadinessError, Unreachable
from readiness.undo import undo_action

PATIENCE: Final = 60.0
PAUSE: Final = 1.0
# Longer than a commit needs that waits for its synchronous standby.
STATEMENT_LIMIT: Final = "10s"


def on_primary(environment: Environment, database: Database) -> psycopg.Connection[Any]:
    """A writing session with whichever member accepts writes.

    Raises:
        Unreachable: none does.
    """
    problems = []
    for member in database.members:
        try:
            connection = writers.touch_connection(environment, database, member)
        except ReadinessError as error:
            problems.append(str(error))
            continue
        if connection.execute("SELECT pg_is_in_recovery()").fetchone() == (False,):
            return connection
        connection.close()
    why = "; ".join(problems) or "all are standbys"
    raise Unreachable(f"{database.name}: no member accepts writes ({why})")


def once_writable(
    environment: Environment, database: Database, act: Callable[[psycopg.Connection[Any]], None]
) -> None:
    """Do something on the primary; one that is only just being elected is waited for.

    A gate that was killed inside a cut leaves a cluster without a leader for a while.

    Raises:
        ActionFailed: it could not be done for `PATIENCE` seconds.
    """
    deadline = time.monotonic() + PATIENCE
    while True:
        try:
            with on_primary(environment, database) as connection:
                connection.execute(
                    "SELECT set_config('statement_timeout', %s, false)", (STATEMENT_LIMIT,)
                )
                return act(connection)
        except (psycopg.Error, Unreachable) as error:
            if time.monotonic() > deadline:
                raise ActionFailed(f"{database.name}: {' '.join(str(error).split())}") from error
        time.sleep(PAUSE)


@undo_action("ledger.drop")
def undo_ledger(arguments: Mapping[str, Any], environment: Environment) -> str:
    """Drop the table of synthetic rows."""
    database, schema = environment.database(arguments["database"]), arguments["schema"]
    once_writable(environment, database, lambda primary: writers.drop_table(primary, schema))
    return f"no table {schema}.ledger in {database.name}"
