"""Starts and stops the writer process, and prepares and reads the table it writes to."""

import json
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import psycopg
from psycopg import sql

from readiness.declared.database import Database
from readiness.environment import Environment
from readiness.errors import NotRun, Unreachable

# M2 allows up to 0.1 s; the generator shares its machine with the lab.
CADENCE: Final = 0.1
# Every address of a multi-host list may take libpq's shortest connect timeout to fail.
CONNECT_TIMEOUT: Final = 2


@dataclass(frozen=True)
class Client:
    """One client path: its name and what libpq is told."""

    name: str
    conninfo: dict[str, Any]
    cadence: float
    connect_limit: float

    def order(self) -> dict[str, Any]:
        """The client as the writer process takes it."""
        seconds = self.connect_limit + 2
        return {
            "name": self.name,
            "conninfo": self.conninfo,
            "cadence": self.cadence,
            "connect_limit": self.connect_limit,
            "slots": int(seconds / self.cadence) + 2,
        }


def clients(environment: Environment, database: Database) -> list[Client]:
    """Every declared client path: each pooler by itself, and multi-host libpq."""
    hosts = {
        "host": ",".join(database.members),
        "hostaddr": ",".join(environment.machine(name).addresses[0] for name in database.members),
        "port": database.port,
        "target_session_attrs": "read-write",
        "sslmode": "verify-full",
        "sslrootcert": str(environment.path(environment.authorities[database.authority])),
    }
    limit = CONNECT_TIMEOUT * len(database.members) + 1
    pooled = pooled_clients(environment, database).values()
    direct = Client("multi-host", _common(environment, database) | hosts, CADENCE, limit)
    return [*pooled, direct]


def pooled_clients(environment: Environment, database: Database) -> dict[str, Client]:
    """The client path through each declared pooler, by the pooler's machine."""
    drill = database.failover
    if drill is None:
        raise NotRun(f"{database.name}: no poolers are declared")
    common = _common(environment, database)
    return {
        name: Client(
            f"pooled-{name}",
            common
            | {
                "hostaddr": environment.machine(name).addresses[0],
                "host": name,
                "port": drill.pooled.port,
            },
            CADENCE,
            CONNECT_TIMEOUT,
        )
        for name in drill.pooled.machines
    }


def _common(environment: Environment, database: Database) -> dict[str, Any]:
    """What libpq is told on every path."""
    login = database.logins.touch
    if login is None:
        raise NotRun(f"{database.name}: no touch login is declared")
    return {
        "dbname": database.database,
        "user": login.user,
        "password": environment.secret(login.password),
        "connect_timeout": CONNECT_TIMEOUT,
        "application_name": "readiness-writer",
    }


@contextmanager
def writing(
    ledger: Path, *, run: str, schema: str, clients: list[Client], seconds: float
) -> Iterator[subprocess.Popen[bytes]]:
    """Write through every client path until the block ends."""
    orders = {
        "run": run,
        "schema": schema,
        "ledger": str(ledger),
        "seconds": seconds,
        "groups": [client.order() for client in clients],
    }
    command = [sys.executable, "-m", "readiness.drills.writer_process"]
    errors = ledger.with_suffix(".err")
    with (
        errors.open("wb") as complaints,
        subprocess.Popen(command, stdin=subprocess.PIPE, stderr=complaints) as process,
    ):
        assert process.stdin is not None  # noqa: S101 - asked for above
        process.stdin.write(json.dumps(orders).encode() + b"\n")
        process.stdin.flush()
        try:
            yield process
        finally:
            process.stdin.close()
            try:
                process.wait(timeout=30)
            except subprocess.TimeoutExpired:
                process.kill()


def touch_connection(
    environment: Environment, database: Database, member: str
) -> psycopg.Connection[Any]:
    """A writing session with one member, as the touch login."""
    login = database.logins.touch
    if login is None:
        raise NotRun(f"{database.name}: no touch login is declared")
    try:
        return psycopg.connect(
            hostaddr=environment.machine(member).addresses[0],
            host=member,
            port=database.port,
            dbname=database.database,
            user=login.user,
            password=environment.secret(login.password),
            sslmode="verify-full",
            sslrootcert=str(environment.path(environment.authorities[database.authority])),
            connect_timeout=CONNECT_TIMEOUT,
            application_name="readiness",
            autocommit=True,
        )
    except psycopg.Error as error:
        raise Unreachable(f"{member} as {login.user}: {' '.join(str(error).split())}") from error


def create_table(connection: psycopg.Connection[Any], schema: str) -> None:
    """The table of synthetic rows; it holds nothing else."""
    table = sql.Identifier(schema, "ledger")
    connection.execute(
        sql.SQL(
            "CREATE TABLE IF NOT EXISTS {} (run text NOT NULL, writer text NOT NULL, "
            "seq bigint NOT NULL, payload text NOT NULL, "
            "at timestamptz NOT NULL DEFAULT clock_timestamp(), PRIMARY KEY (run, writer, seq))"
        ).format(table)
    )


def insert_row(connection: psycopg.Connection[Any], schema: str, run: str, writer: str) -> None:
    """One synthetic row."""
    table = sql.Identifier(schema, "ledger")
    query = sql.SQL("INSERT INTO {} (run, writer, seq, payload) VALUES (%s, %s, 0, '')")
    connection.execute(query.format(table), (run, writer))


def drop_table(connection: psycopg.Connection[Any], schema: str) -> None:
    """Take the synthetic rows away."""
    table = sql.Identifier(schema, "ledger")
    connection.execute(sql.SQL("DROP TABLE IF EXISTS {}").format(table))


def stored_rows(
    connection: psycopg.Connection[Any], schema: str, run: str
) -> list[tuple[str, str]]:
    """What is stored: (`writer/seq`, payload) of every row of a trial.

    Raises:
        Unreachable: the server went away while it was read.
    """
    table = sql.Identifier(schema, "ledger")
    query = sql.SQL("SELECT writer || '/' || seq, payload FROM {} WHERE run = %s").format(table)
    try:
        return [(str(name), str(payload)) for name, payload in connection.execute(query, (run,))]
    except psycopg.Error as error:
        raise Unreachable(f"the final read failed: {type(error).__name__}") from error
