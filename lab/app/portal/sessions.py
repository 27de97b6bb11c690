"""Logging in and staying logged in: rules as PAWS360 publishes them; sessions are in the store."""

import enum
import hashlib
import secrets
from dataclasses import dataclass
from datetime import UTC, datetime

from psycopg import Connection
from psycopg.rows import DictRow

from .database import Pool, one
from .passwords import NOBODY, verify_password
from .store import Store, store

LIFETIME_SECONDS = 3600
SESSIONS_PER_USER = 5
WRONG_PASSWORDS = 5
LOCK_MINUTES = 15


class Refusal(enum.Enum):
    """Why nobody was logged in; the value is the HTTP status."""

    WRONG = 401
    LOCKED = 423


@dataclass(frozen=True)
class Session:
    """Who a token belongs to, and until when."""

    user_id: int
    email: str
    role: str
    expires_at: datetime


def log_in(pool: Pool, email: str, password: str) -> str | Refusal:
    """Return a new session's token, or why there is none."""
    account = one(
        pool,
        "SELECT id, password_hash, coalesce(locked_until > now(), false) AS locked"
        " FROM users WHERE email = lower(%s)",
        email,
    )
    if account and account["locked"]:
        return Refusal.LOCKED
    stored = account["password_hash"] if account else None
    right = verify_password(password, stored or NOBODY)
    if account is None or stored is None:
        return Refusal.WRONG
    with pool.connection() as connection:
        if not right:
            return _count_wrong(connection, account["id"])
        return _start(connection, account["id"])


def find(pool: Pool, token: str) -> Session | None:
    """Return the live session of a token; who the user is, the database says."""
    kept = _store().find(_hash(token))
    if kept is None:
        return None
    user_id, ends = kept
    row = one(pool, "SELECT id, email, role FROM users WHERE id = %s", user_id)
    ends_at = datetime.fromtimestamp(ends, UTC)
    return Session(row["id"], row["email"], row["role"], ends_at) if row else None


def log_out(_pool: Pool, token: str) -> None:
    """End a session; ending one that does not exist is no error."""
    _store().end(_hash(token))


def _count_wrong(connection: Connection[DictRow], user_id: int) -> Refusal:
    """Count a wrong password; the one that fills the measure locks the account."""
    row = connection.execute(
        "UPDATE users SET failed_logins = (failed_logins + 1) %% %(limit)s,"
        " locked_until = CASE WHEN failed_logins + 1 >= %(limit)s"
        " THEN now() + make_interval(mins => %(minutes)s) END"
        " WHERE id = %(id)s RETURNING locked_until IS NOT NULL AS locked",
        {"limit": WRONG_PASSWORDS, "minutes": LOCK_MINUTES, "id": user_id},
    ).fetchone()
    return Refusal.LOCKED if row and row["locked"] else Refusal.WRONG


def _start(connection: Connection[DictRow], user_id: int) -> str:
    """Store a new session; the account counts as logged in only if that went well."""
    token = secrets.token_urlsafe(32)
    connection.execute(
        "UPDATE users SET failed_logins = 0, locked_until = NULL WHERE id = %s", [user_id]
    )
    _store().start(_hash(token), user_id)
    return token


def _store() -> Store:
    return store(LIFETIME_SECONDS, SESSIONS_PER_USER)


def _hash(token: str) -> str:
    return hashlib.sha256(token.encode()).hexdigest()
