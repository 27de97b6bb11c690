"""The lease on the target: one gate at a time, whichever machine it runs on.

A row in the touch login's own schema, with an expiry on the server's clock: it ends by itself when
the gate dies. Taken before anything is touched, renewed by a heartbeat while the gate lives, given
back at the end, once nothing is owed any more. `recover` takes it too: what a killed run left is
not undone in the midst of another run's drill.
"""

import contextlib
import socket
import threading
import time
from collections.abc import Collection, Iterator, Mapping
from typing import Any, Final

import psycopg
from psycopg import sql

from readiness.drills.actions import settle, write_undo
from readiness.drills.primary import on_primary, once_writable
from readiness.evidence.undo import undo_action
from readiness.model.errors import LeaseHeld, NotRun, ProbeError, ReadinessError, StateError
from readiness.session.run import Run
from readiness.site.declared.database import Database
from readiness.site.environment import Environment

EXPIRY: Final = 900
# So often that an election, or a server that is slow, costs no lease.
BEAT: Final = 60.0
JOIN: Final = 30.0


class TargetLease:
    """A lease that this process holds and renews."""

    def __init__(self, run: Run, database: Database, schema: str) -> None:
        self.run, self.database, self.schema = run, database, schema
        self.lost = ""
        self.renewed = time.monotonic()
        arguments = {"database": database.name, "schema": schema, "run": run.id}
        self.entry = write_undo(
            run, "target-lease.release", arguments, target=database.name, expires_in=EXPIRY
        )
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._beat, name="readiness-lease", daemon=True)

    def renew(self) -> None:
        """Take it, or put its expiry off.

        Raises:
            NotRun: another gate holds it.
            ProbeError: no member accepts writes.
        """
        asked = time.monotonic()
        with on_primary(self.run.environment, self.database) as connection:
            _take(connection, self.schema, (self.run.id,))
        self.renewed = asked

    def start(self) -> None:
        """Renew it from now on."""
        self._thread.start()

    def stop(self) -> None:
        """Renew it no more."""
        self._over.set()
        if self._thread.is_alive():
            self._thread.join(JOIN)

    def _beat(self) -> None:
        while not self._over.wait(BEAT) and not self.lost:
            try:
                self.renew()
            except NotRun as error:
                self.lost = f"the lease on {self.database.name} was lost: {error}"
            except ReadinessError as error:
                # Nobody accepts writes just now, as in a failover; the next beat tries again.
                if time.monotonic() - self.renewed >= EXPIRY:
                    self.lost = (
                        f"the lease on {self.database.name} has ended, another gate may have taken "
                        f"it: it could not be renewed for {EXPIRY} s: {error}"
                    )


def hold(run: Run, database: Database) -> None:
    """Take or renew the lease on a database, and renew it until it is given back.

    Raises:
        NotRun: another gate holds it; the reason names it and says until when.
        Unreachable: no member accepts writes.
    """
    if database.rows_schema is None:
        raise NotRun(
            f"{database.name}: no schema of the touch login is declared for synthetic rows"
        )
    lease = run.leases.get(database.name)
    if lease is None:
        lease = TargetLease(run, database, database.rows_schema)
        lease.renew()
        lease.start()
        run.leases[database.name] = lease
    if lease.lost:
        raise NotRun(lease.lost)


def lost(run: Run, database: Database) -> str:
    """Why the lease that this run took is no longer its own; empty while it is."""
    lease = run.leases.get(database.name)
    return lease.lost if lease else ""


def _take(connection: psycopg.Connection[Any], schema: str, ours: Collection[str]) -> None:
    """Take the lease as the first of these runs; one that any of them holds is ours."""
    table = sql.Identifier(schema, "lease")
    connection.execute(
        sql.SQL(
            "CREATE TABLE IF NOT EXISTS {} (single boolean PRIMARY KEY CHECK (single), "
            "run text NOT NULL, host text NOT NULL, expires timestamptz NOT NULL)"
        ).format(table)
    )
    run, *_ = ours
    taken = connection.execute(
        sql.SQL(
            "INSERT INTO {table} VALUES (true, %(run)s, %(host)s, now() + %(expiry)s) "
            "ON CONFLICT (single) DO UPDATE SET run = %(run)s, host = %(host)s, "
            "expires = now() + %(expiry)s "
            "WHERE {table}.run = ANY(%(ours)s) OR {table}.expires < now() RETURNING true"
        ).format(table=table),
        {
            "run": run,
            "ours": list(ours),
            "host": socket.gethostname(),
            "expiry": f"{EXPIRY} seconds",
        },
    ).fetchone()
    if taken is None:
        held = connection.execute(sql.SQL("SELECT run, host, expires FROM {}").format(table))
        other, host, expires = held.fetchone() or ("another run", "another machine", "soon")
        raise NotRun(f"run {other} on {host} holds this environment until {expires}")


def give_back(run: Run) -> None:
    """Release every lease that this run took, unless something else is still owed.

    What is owed is undone at the end of the run, newest first: the lease, the oldest, last. What
    can't be released stays owed too.
    """
    for lease in run.leases.values():
        lease.stop()
    ours = {lease.entry for lease in run.leases.values()}
    try:
        owed = [one for one in run.journal.pending() if one.run == run.id and one.id not in ours]
    except StateError:
        return
    for name, lease in list(run.leases.items()) if not owed else ():
        database = run.environment.database(name)
        schema = database.rows_schema or ""
        arguments = {"database": name, "schema": schema, "run": run.id}
        try:
            settle(run, lease.entry, release(arguments, run.environment))
        except ReadinessError as error:
            run.writer.write("step", text=f"the lease on {name} stays: {error}")


@contextlib.contextmanager
def borrowed(environment: Environment, runs: Collection[str]) -> Iterator[None]:
    """The leases of these killed runs on every database, while what they left is undone.

    Where no member accepts writes there is nobody to take it from, and the undo is what helps.

    Raises:
        LeaseHeld: another run holds one; nothing was undone.
    """
    held: list[tuple[Database, str]] = []
    for database in environment.databases if runs else ():
        schema = database.rows_schema
        if schema is None or database.logins.touch is None:
            continue
        try:
            with contextlib.suppress(ProbeError), on_primary(environment, database) as primary:
                _take(primary, schema, runs)
                held.append((database, schema))
        except NotRun as error:
            raise LeaseHeld(
                f"{database.name}: nothing was undone yet: {error}; recover when it has ended"
            ) from error
    yield
    for database, schema in held:
        with contextlib.suppress(ProbeError), on_primary(environment, database) as primary:
            _delete(primary, schema, runs)


def _delete(connection: psycopg.Connection[Any], schema: str, runs: Collection[str]) -> None:
    found = connection.execute("SELECT to_regclass(%s)", (f"{schema}.lease",))
    if found.fetchone() != (None,):
        gone = sql.SQL("DELETE FROM {} WHERE run = ANY(%s)").format(sql.Identifier(schema, "lease"))
        connection.execute(gone, (list(runs),))


@undo_action("target-lease.release")
def release(arguments: Mapping[str, Any], environment: Environment) -> str:
    """Delete the run's own lease; one that is gone or another's is left alone."""
    database, run = environment.database(arguments["database"]), arguments["run"]
    once_writable(
        environment, database, lambda primary: _delete(primary, arguments["schema"], (run,))
    )
    return f"run {run} holds no lease on {database.name}"
