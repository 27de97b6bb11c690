"""What a PostgreSQL server says about itself, as a role that can only look.

Every connection verifies the server's certificate and name, reads only, and gives up in time.
One question, one JSON document, one reading: what a server answered can be kept and read again.
Needs PostgreSQL 14 or newer and a role that is a member of pg_monitor.
"""

import re
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import psycopg
from psycopg import errors as pg

from readiness.model.closing import Closes
from readiness.model.errors import AccessDenied, NotUnderstood, ProbeError, TimedOut, Unreachable
from readiness.systems.postgres.reading.replay import ReplayProgress
from readiness.systems.postgres.reading.rights import Rights, read_rights, rights_question
from readiness.systems.postgres.reading.state import QUESTION, Lsn, ServerState, read_state

CONNECT_TIMEOUT: Final = 5  # seconds; libpq takes whole ones, 2 at least
STATEMENT_TIMEOUT: Final = 10.0  # seconds
LOCK_TIMEOUT: Final = 1.0  # seconds
_POLL: Final = 0.05  # seconds between two looks at a replay position
_OLDEST: Final = 140000  # pg_get_wal_replay_pause_state appeared in 14
_REFUSALS: Final = re.compile(
    r"authentication failed|no pg_hba\.conf entry|rejects connection|does not exist"
    r"|permission denied|no password supplied|not permitted to log in|requires a valid client"
    r"|sslv3 alert|tlsv1.* alert|password file",
    re.IGNORECASE,
)
_TIMEOUTS: Final = re.compile(r"timeout expired|timed out", re.IGNORECASE)
_UNTRUSTED: Final = re.compile(r"certificate|SSL error|does not support SSL", re.IGNORECASE)


@dataclass(frozen=True)
class PostgresTarget:
    """One server: `host` is the name its certificate must bear, `address` where we connect."""

    name: str
    host: str
    address: str
    port: int
    dbname: str
    user: str
    ca_file: Path | None = None  # None: the system's authorities
    socket: Path | None = None  # the folder of a forwarded socket, which leads there instead
    encrypted: bool = True

    @property
    def way(self) -> dict[str, Any]:
        """How libpq gets there. Without TLS a password is proven (SCRAM) and never sent."""
        unseen = {"sslmode": "disable", "require_auth": "scram-sha-256"}
        if self.socket is not None:
            return {"host": str(self.socket), **unseen}
        where = {"host": self.host, "hostaddr": self.address}
        if not self.encrypted:
            return where | unseen
        store = str(self.ca_file) if self.ca_file else "system"
        return where | {"sslmode": "verify-full", "sslrootcert": store}

    def __str__(self) -> str:
        """Name, address, database and user for a message."""
        return f"{self.name} ({self.address}:{self.port}/{self.dbname}) as {self.user}"


class Session(Closes):
    """A read-only connection to one server; a context manager that closes it."""

    def __init__(self, target: PostgresTarget, connection: psycopg.Connection[Any]) -> None:
        self.target = target
        self._connection = connection
        self._after: Callable[[], None] | None = None

    @property
    def server_version(self) -> int:
        """The server's version as PostgreSQL counts it: 150018 is 15.18."""
        return self._connection.info.server_version

    def close(self) -> None:
        """Close the connection, and what it goes over."""
        self._connection.close()
        if self._after is not None:
            self._after()

    def closes_with(self, after: Callable[[], None]) -> None:
        """Have something done once the connection is closed."""
        self._after = after

    def row(self, query: str, values: Mapping[str, object] | None = None) -> tuple[Any, ...]:
        """Ask a query that has exactly one row; raises ProbeError."""
        with _explained(self.target):
            rows = self._connection.execute(query.encode(), values or {}).fetchall()
        if len(rows) != 1:
            raise NotUnderstood(f"{self.target}: {len(rows)} rows, expected one")
        row: tuple[Any, ...] = rows[0]
        return row

    @contextmanager
    def snapshot(self) -> Iterator[None]:
        """Whatever is asked inside sees the database at one moment; raises ProbeError."""
        with _explained(self.target), self._connection.transaction():
            self._connection.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ, READ ONLY")
            yield

    def plain(self, query: str) -> dict[str, Any]:
        """As `document`, for a query without parameters: a percent sign is one."""
        with _explained(self.target):
            rows = self._connection.execute(query.encode()).fetchall()
        if len(rows) != 1 or not isinstance(rows[0][0], dict):
            raise NotUnderstood(f"{self.target}: {len(rows)} rows, expected one JSON object")
        return dict(rows[0][0])

    def document(self, query: str, values: Mapping[str, object]) -> dict[str, Any]:
        """Ask a query whose answer is one JSON object; raises ProbeError."""
        (found,) = self.row(query, values)
        if not isinstance(found, dict):
            raise NotUnderstood(f"{self.target}: {type(found).__name__}, expected a JSON object")
        return found


def asked_for_password(session: Session) -> bool:
    """Whether the server wanted to see the password before it let us in."""
    return bool(session._connection.pgconn.used_password)  # noqa: SLF001 - this module makes them


def connect(
    target: PostgresTarget,
    password: str | None,
    *,
    connect_timeout: int = CONNECT_TIMEOUT,
    statement_timeout: float = STATEMENT_TIMEOUT,
    lock_timeout: float = LOCK_TIMEOUT,
    application_name: str = "readiness",
) -> Session:
    """Log in with verified TLS, for reading only; timeouts in seconds. Raises ProbeError."""
    options = {
        "statement_timeout": f"{statement_timeout * 1000:.0f}",
        "lock_timeout": f"{lock_timeout * 1000:.0f}",
    }
    try:
        connection = psycopg.connect(
            **target.way,
            port=target.port,
            dbname=target.dbname,
            user=target.user,
            password=password,
            connect_timeout=connect_timeout,
            application_name=application_name,
            options=" ".join(f"-c {name}={value}" for name, value in options.items()),
            gssencmode="disable",
            autocommit=True,
        )
    except psycopg.Error as error:
        raise _login_problem(target, error) from None
    try:
        # Given at the start it would hide what the server, the database or the role gives.
        connection.execute("SET default_transaction_read_only = on")
    except psycopg.Error as error:
        connection.close()
        raise _login_problem(target, error) from None
    if connection.info.server_version < _OLDEST:
        connection.close()
        raise NotUnderstood(f"{target}: PostgreSQL is older than 14")
    return Session(target, connection)


def rights(session: Session) -> Rights:
    """What the role could do beyond looking; an observe role must have nothing listed.

    Rights inside other databases than the connected one are seen only where they are ownership.
    """
    query, values = rights_question(session.server_version)
    return read_rights(session.document(query, values), where=str(session.target))


def state(session: Session, settings: Sequence[str] = ()) -> ServerState:
    """Role, position, replication and the named settings, from one question."""
    return read_state(ask_state(session, settings), where=str(session.target))


def ask_state(session: Session, settings: Sequence[str] = ()) -> dict[str, Any]:
    """The server's answer as it came, for keeping."""
    return session.document(QUESTION, {"settings": list(settings)})


def written(session: Session) -> Lsn:
    """How far a primary has written.

    Raises:
        ProbeError: it is a standby (now), or does not answer.
    """
    (text,) = session.row("SELECT pg_current_wal_lsn()::text")
    return Lsn.parse(text)


def replays_up_to(session: Session, wanted: Lsn, *, within: float) -> ReplayProgress:
    """Look again and again until the standby has replayed `wanted`, at most `within` seconds."""
    start = time.monotonic()
    looks, behind = 0, None
    while True:
        (text,) = session.row("SELECT pg_last_wal_replay_lsn()::text")
        looks += 1
        replayed = Lsn.parse(text) if text else None
        if looks == 1 and replayed is not None:
            behind = max(wanted - replayed, 0)
        seconds = time.monotonic() - start
        reached = replayed is not None and replayed >= wanted
        if reached or seconds >= within:
            return ReplayProgress(wanted, behind, reached, replayed, seconds, looks)
        time.sleep(min(_POLL, within - seconds))


@contextmanager
def _explained(target: PostgresTarget) -> Iterator[None]:
    """Turn what psycopg raises into the probe's own errors, one line each."""
    try:
        yield
    except (pg.QueryCanceled, pg.LockNotAvailable) as error:
        raise TimedOut(f"{target}: {_line(error)}") from error
    except pg.InsufficientPrivilege as error:
        raise AccessDenied(f"{target}: {_line(error)}") from error
    except (psycopg.OperationalError, psycopg.InterfaceError) as error:
        raise Unreachable(f"{target}: connection lost: {_line(error)}") from error
    except psycopg.Error as error:
        raise NotUnderstood(f"{target}: {_line(error)}") from error


def _login_problem(target: PostgresTarget, error: psycopg.Error) -> ProbeError:
    """Sort a failed login by who has to act; libpq gives no code for it, only words."""
    said = _line(error)
    if isinstance(error, pg.ConnectionTimeout) or _TIMEOUTS.search(said):
        return TimedOut(f"{target}: {said}")
    if _REFUSALS.search(said):
        return AccessDenied(f"{target}: {said}")
    if _UNTRUSTED.search(said):
        return NotUnderstood(f"{target}: {said}")
    return Unreachable(f"{target}: {said}")


def _line(error: psycopg.Error) -> str:
    """The message in one line, without libpq's repetition of the address."""
    text = " ".join(str(error).split()) or type(error).__name__
    return re.sub(r'^(?:connection failed: )?connection to server at "[^"]*", port \d+ ', "", text)
