"""Starts and stops the writer process, and prepares and reads the table it writes to."""

import json
import secrets
import subprocess
import sys
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import psycopg
from psycopg import sql

from readiness.model.errors import AccessDenied, NotRun, NotUnderstood, ProbeError, Unreachable
from readiness.site.declared.common import Login
from readiness.site.declared.database import Database
from readiness.site.environment import Environment

# M2 allows up to 0.1 s; the generator shares its machine with the lab.
CADENCE: Final = 0.1
# Every address of a multi-host list may take libpq's shortest connect timeout to fail.
CONNECT_TIMEOUT: Final = 2
# A commit that waits for a standby that never comes back, or for a lock, ends as a reason.
STATEMENT_LIMIT: Final = "30s"


@dataclass(frozen=True)
class Table:
    """A table of synthetic rows, which one attempt of one run makes, writes and drops."""

    db_schema: str
    name: str

    def __str__(self) -> str:
        return f"{self.db_schema}.{self.name}"

    @property
    def identifier(self) -> sql.Identifier:
        """Its name, quoted."""
        return sql.Identifier(self.db_schema, self.name)


def fresh_table(run: str, number: int, schema: str) -> Table:
    """A table that no other attempt and no other run knows, so that none drops another's rows."""
    return Table(schema, f"run_{number}_{run[-4:].lower()}_{secrets.token_hex(3)}_ledger")


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
    ledger: Path, *, run: str, table: Table, clients: list[Client], seconds: float
) -> Iterator[subprocess.Popen[bytes]]:
    """Write through every client path until the block ends."""
    orders = {
        "run": run,
        "table": [table.db_schema, table.name],
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


@contextmanager
def database_errors(where: str) -> Iterator[None]:
    """Turn what psycopg raises in the block into reasons.

    Raises:
        AccessDenied: the server refused the login or the right.
        Unreachable: the server went away, or did not answer.
        NotUnderstood: anything else that the server said.
    """
    try:
        yield
    except psycopg.Error as error:
        kind: type[ProbeError] = NotUnderstood
        if isinstance(error, psycopg.errors.InsufficientPrivilege):
            kind = AccessDenied
        elif isinstance(error, psycopg.OperationalError | psycopg.InterfaceError):
            kind = Unreachable
        said = " ".join(str(error).split())
        raise kind(f"{where}: {type(error).__name__}: {said}".removesuffix(": ")) from error


def conninfo(
    environment: Environment, database: Database, member: str, login: Login
) -> dict[str, Any]:
    """What libpq is told to reach one member as a login, and to be sure that it is that member."""
    return {
        "hostaddr": environment.machine(member).addresses[0],
        "host": member,
        "port": database.port,
        "dbname": database.database,
        "user": login.user,
        "password": environment.secret(login.password),
        "sslmode": "verify-full",
        "sslrootcert": str(environment.path(environment.authorities[database.authority])),
        "application_name": "readiness",
    }


@contextmanager
def touch_session(
    environment: Environment, database: Database, member: str
) -> Iterator[psycopg.Connection[Any]]:
    """A writing session with one member, as the touch login, until the block ends.

    Raises:
        ProbeError: the member can't be reached, or went away in the block.
    """
    login = database.logins.touch
    if login is None:
        raise NotRun(f"{database.name}: no touch login is declared")
    with (
        database_errors(f"{member} as {login.user}"),
        closing(
            psycopg.connect(
                **conninfo(environment, database, member, login),
                connect_timeout=CONNECT_TIMEOUT,
                options=f"-c statement_timeout={STATEMENT_LIMIT}",
                autocommit=True,
            )
        ) as connection,
    ):
        yield connection


def create_table(connection: psycopg.Connection[Any], table: Table) -> None:
    """The table of synthetic rows; it holds nothing else, and is not there before."""
    connection.execute(
        sql.SQL(
            "CREATE TABLE {} (run text NOT NULL, writer text NOT NULL, "
            "seq bigint NOT NULL, payload text NOT NULL, "
            "at timestamptz NOT NULL DEFAULT clock_timestamp(), PRIMARY KEY (run, writer, seq))"
        ).format(table.identifier)
    )


def insert_row(connection: psycopg.Connection[Any], table: Table, run: str, writer: str) -> None:
    """One synthetic row."""
    query = sql.SQL("INSERT INTO {} (run, writer, seq, payload) VALUES (%s, %s, 0, '')")
    connection.execute(query.format(table.identifier), (run, writer))


def drop_table(connection: psycopg.Connection[Any], table: Table) -> None:
    """Take the synthetic rows away."""
    connection.execute(sql.SQL("DROP TABLE IF EXISTS {}").format(table.identifier))


def stored_rows(
    connection: psycopg.Connection[Any], table: Table, run: str
) -> list[tuple[str, str]]:
    """What is stored: (`writer/seq`, payload) of every row of a trial."""
    query = sql.SQL("SELECT writer || '/' || seq, payload FROM {} WHERE run = %s")
    found = connection.execute(query.format(table.identifier), (run,))
    return [(str(name), str(payload)) for name, payload in found]
