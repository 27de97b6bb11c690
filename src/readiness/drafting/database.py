"""What of a PostgreSQL is seen by a login that only looks: who uses it, who follows it."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final
from urllib.parse import urlsplit

from pydantic import TypeAdapter, ValidationError

from readiness.model.errors import NotUnderstood, UsageError
from readiness.site.written import SecretReference
from readiness.systems.postgres.asking.session import Session, rights

_EXPECTED: Final = "postgresql://USER@HOST[:PORT]/DATABASE"
_PORT: Final = 5432
LOOPBACK: Final = frozenset({"localhost", "127.0.0.1", "::1"})

# Roles that own something or are connected now, but for whoever looks; and who follows.
_QUESTION: Final = """
SELECT json_build_object(
  'sessions', (SELECT json_agg(json_build_array(usename, sessions) ORDER BY usename) FROM (
    SELECT usename, count(*) AS sessions FROM pg_stat_activity
    WHERE backend_type = 'client backend' AND datname = current_database()
      AND pid <> pg_backend_pid() AND usename <> current_user
    GROUP BY usename) connected),
  'owners', (SELECT json_agg(DISTINCT pg_get_userbyid(relowner)) FROM pg_class
    JOIN pg_namespace n ON n.oid = relnamespace
    WHERE relkind IN ('r', 'p') AND nspname !~ '^pg_' AND nspname <> 'information_schema'),
  'standbys', (SELECT count(*) FROM pg_stat_replication),
  'in_recovery', pg_is_in_recovery(),
  'archives', current_setting('archive_mode') <> 'off')
"""


@dataclass(frozen=True)
class Location:
    """Where a database is, and who looks at it."""

    user: str
    host: str
    port: int
    name: str


@dataclass(frozen=True)
class Seen:
    """What a server shows."""

    location: Location
    way: str
    """How it was reached, as the file declares it: `authority: system`, `through: ssh`…"""
    sessions: tuple[tuple[str, int], ...] = ()
    """Roles with sessions in this database now, and how many."""
    owners: tuple[str, ...] = ()
    """Roles that own its tables."""
    standbys: int = 0
    archives: bool = False
    too_much: tuple[str, ...] = ()
    """What the login could do beside looking."""
    problem: str = ""
    """Why nothing was seen."""

    @property
    def application(self) -> tuple[str, ...]:
        """The roles that programs seem to log in as: those with sessions, else the owners."""
        return tuple(name for name, _ in self.sessions) or self.owners


def read_location(text: str) -> Location:
    """The parts of `--postgres`.

    Raises:
        UsageError: it is something else, or holds a password, which everybody could read in the
            list of processes; it is not repeated.
    """
    try:
        parts = urlsplit(text)
        port = parts.port or _PORT
    except ValueError as error:
        problem = f"is malformed ({error})"
        raise UsageError(problem, key="--postgres", expected=_EXPECTED) from None
    if parts.password is not None or "password" in parts.query:
        raise UsageError(
            "holds a password, which everybody on this machine can read",
            key="--postgres",
            expected=f"{_EXPECTED}, and --postgres-password env:NAME or file:PATH",
        )
    good = parts.scheme in {"postgresql", "postgres"} and parts.hostname and parts.username
    name = parts.path.strip("/")
    if not good or not name or "/" in name or parts.query or not text.isprintable():
        raise UsageError("is wrong", key="--postgres", expected=_EXPECTED)
    return Location(str(parts.username), str(parts.hostname), port, name)


def reference(text: str) -> str:
    """A reference to a password, its file as it is found from everywhere.

    Raises:
        UsageError: it is none; it may be the password itself and is not repeated.
    """
    try:
        TypeAdapter(SecretReference).validate_python(text)
    except ValidationError:
        expected = "a reference, file:PATH or env:NAME"
        problem = "is no reference"
        raise UsageError(problem, key="--postgres-password", expected=expected) from None
    kind, _, rest = text.partition(":")
    return text if kind == "env" else f"file:{Path(rest).expanduser().absolute()}"


def look(location: Location, way: str, session: Session) -> Seen:
    """Ask a server who uses it.

    Raises:
        ProbeError: it does not say.
    """
    answer = session.document(_QUESTION, {})
    return read(location, way, answer, tuple(rights(session).dangerous))


def read(
    location: Location, way: str, answer: Mapping[str, Any], too_much: tuple[str, ...]
) -> Seen:
    """Read the server's answer.

    Raises:
        NotUnderstood: it is something else.
    """
    try:
        return Seen(
            location,
            way,
            sessions=tuple((str(name), int(count)) for name, count in answer["sessions"] or ()),
            owners=tuple(map(str, answer["owners"] or ())),
            standbys=int(answer["standbys"]),
            archives=bool(answer["archives"]),
            too_much=too_much,
        )
    except (KeyError, TypeError, ValueError) as error:
        raise NotUnderstood(f"{location.host}: who uses it is unreadable: {error!r}") from error
