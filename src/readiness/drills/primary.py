"""Whichever member accepts writes: found anew each time, since drills move it."""

import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from typing import Any, Final

import psycopg

from readiness.drills import writers
from readiness.drills.actions import ActionFailed, settle, write_undo
from readiness.evidence.undo import undo_action
from readiness.model.errors import NotRun, ProbeError, ReadinessError, Unreachable
from readiness.session.run import Run
from readiness.site.declared.database import Database
from readiness.site.environment import Environment

PATIENCE: Final = 60.0
PAUSE: Final = 1.0
# Longer than a commit needs that waits for its synchronous standby.
STATEMENT_LIMIT: Final = "10s"
# What runs called their table before tables carried the run; journals may still owe it.
FIRST_TABLE: Final = "ledger"


@contextmanager
def on_primary(environment: Environment, database: Database) -> Iterator[psycopg.Connection[Any]]:
    """A writing session with whichever member accepts writes, until the block ends.

    Raises:
        Unreachable: none does.
        ProbeError: the database failed in the block; the reason says how.
    """
    problems = []
    with ExitStack() as stack:
        for member in database.members:
            with ExitStack() as tried:
                try:
                    connection = tried.enter_context(
                        writers.touch_session(environment, database, member)
                    )
                    with writers.database_errors(member):
                        row = connection.execute("SELECT pg_is_in_recovery()").fetchone()
                except ReadinessError as error:
                    problems.append(str(error))
                    continue
                if row == (False,):
                    stack.enter_context(tried.pop_all())
                    yield connection
                    return
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
        except ProbeError as error:
            if time.monotonic() > deadline:
                raise ActionFailed(f"{database.name}: {error}") from error
        time.sleep(PAUSE)


@contextmanager
def synthetic_rows(run: Run, database: Database) -> Iterator[writers.Table]:
    """A table of its own for one attempt, its undo on disk first; dropped when the block ends.

    What can't be dropped then stays owed: the end of the run, or `recover`, drops it.

    Raises:
        ProbeError: it can't be made.
    """
    if database.rows_schema is None:
        raise NotRun(
            f"{database.name}: no schema of the touch login is declared for synthetic rows"
        )
    table = writers.fresh_table(run.id, run.number, database.rows_schema)
    arguments = {"database": database.name, "schema": table.db_schema, "table": table.name}
    entry = write_undo(run, "ledger.drop", arguments, target=database.name)
    try:
        with on_primary(run.environment, database) as primary:
            writers.create_table(primary, table)
        yield table
    finally:
        _drop(run, database, table, entry)


def _drop(run: Run, database: Database, table: writers.Table, entry: str) -> None:
    try:
        with on_primary(run.environment, database) as primary:
            writers.drop_table(primary, table)
    except ProbeError as error:
        text = f"{database.name}: the synthetic rows stay for now: {error}"
        run.writer.write("step", text=text)
        return
    settle(run, entry, f"no table {table}")


@undo_action("ledger.drop")
def undo_ledger(arguments: Mapping[str, Any], environment: Environment) -> str:
    """Drop the table of synthetic rows."""
    database = environment.database(arguments["database"])
    table = writers.Table(arguments["schema"], arguments.get("table", FIRST_TABLE))
    once_writable(environment, database, lambda primary: writers.drop_table(primary, table))
    return f"no table {table} in {database.name}"
