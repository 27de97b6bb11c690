"""The lease on the target: one gate at a time, whichever machine it runs on.

A row in the touch login's own schema, with an expiry on the server's clock: it ends by itself when
the gate dies. Taken before anything is touched, renewed with every permit, given back at the end.
"""

import socket
from collections.abc import Mapping
from typing import Any, Final

import psycopg
from psycopg import sql

from readiness.declared.database import Database
from readiness.drills.actions import settle, write_undo
from readiness.drills.primary import on_primary, once_writable
from readiness.environment import Environment
from readiness.errors import NotRun, ReadinessError
from readiness.run import Run
from readiness.undo import undo_action

EXPIRY: Final = 900


def hold(run: Run, database: Database) -> None:
    """Take or renew the lease on a database.

    Raises:
        NotRun: another gate holds it; the reason names it and says until when.
        Unreachable: no member accepts writes.
    """
    if database.failover is None:
        raise NotRun(
            f"{database.name}: no schema of the touch login is declared for synthetic rows"
        )
    schema = database.failover.db_schema
    if database.name not in run.leases:
        arguments = {"database": database.name, "schema": schema, "run": run.id}
        run.leases[database.name] = write_undo(
            run, "target-lease.release", arguments, target=database.name, expires_in=EXPIRY
        )
    with on_primary(run.environment, database) as connection:
        _take(connection, schema, run)


def _take(connection: psycopg.Connection[Any], schema: str, run: Run) -> None:
    table = sql.Identifier(schema, "lease")
    connection.execute(
        sql.SQL(
            "CREATE TABLE IF NOT EXISTS {} (single boolean PRIMARY KEY CHECK (single), "
            "run text NOT NULL, host text NOT NULL, expires timestamptz NOT NULL)"
        ).format(table)
    )
    taken = connection.execute(
        sql.SQL(
            "INSERT INTO {table} VALUES (true, %(run)s, %(host)s, now() + %(expiry)s) "
            "ON CONFLICT (single) DO UPDATE SET run = %(run)s, host = %(host)s, "
            "expires = now() + %(expiry)s "
            "WHERE {table}.run = %(run)s OR {table}.expires < now() RETURNING true"
        ).format(table=table),
        {"run": run.id, "host": socket.gethostname(), "expiry": f"{EXPIRY} seconds"},
    ).fetchone()
    if taken is None:
        held = connection.execute(sql.SQL("SELECT run, host, expires FROM {}").format(table))
        other, host, expires = held.fetchone() or ("another run", "another machine", "soon")
        raise NotRun(f"run {other} on {host} holds this environment until {expires}")


def give_back(run: Run) -> None:
    """Release every lease that this run took; what fails stays owed and is undone at the end."""
    for name, entry in list(run.leases.items()):
        database = run.environment.database(name)
        schema = database.failover.db_schema if database.failover else ""
        arguments = {"database": name, "schema": schema, "run": run.id}
        try:
            settle(run, entry, release(arguments, run.environment))
        except ReadinessError as error:
            run.writer.write("step", text=f"the lease on {name} stays: {error}")


@undo_action("target-lease.release")
def release(arguments: Mapping[str, Any], environment: Environment) -> str:
    """Delete the run's own lease; one that is gone or another's is left alone."""
    database = environment.database(arguments["database"])
    table = sql.Identifier(arguments["schema"], "lease")

    def delete(connection: psycopg.Connection[Any]) -> None:
        found = connection.execute("SELECT to_regclass(%s)", (f"{arguments['schema']}.lease",))
        if found.fetchone() != (None,):
            gone = sql.SQL("DELETE FROM {} WHERE run = %s").format(table)
            connection.execute(gone, (arguments["run"],))

    once_writable(environment, database, delete)
    return f"run {arguments['run']} holds no lease on {database.name}"
