"""Logging in and staying logged in: rules as PAWS360 publishes them, state in the database."""

import enum
import hashlib
import secrets
from dataclasses import dataclass
from datetime import datetime

from psycopg import Connection
from psycopg.rows import DictRow

from .database import Pool, one
from .passwords import NOBODY, verify_password

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
    """Return the live session of a token."""
    row = one(
        pool,
        "SELECT u.id, u.email, u.role, s.expires_at FROM authentication_sessions s"
        " JOIN users u ON u.id = s.user_id WHERE s.token_hash = %s AND s.expires_at > now()",
        _hash(token),
    )
    return Session(row["id"], row["email"], row["role"], row["expires_at"]) if row else None


def log_out(pool: Pool, token: str) -> None:
    """End a session; ending one that does not exist is no error."""
    with pool.connection() as connection:
        connection.execute(
            "DELETE FROM authentication_sessions WHERE token_hash = %s", [_hash(token)]
        )


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
    """Store a new session and end the user's oldest ones beyond the allowed number."""
    token = secrets.token_urlsafe(32)
    connection.execute(
        "UPDATE users SET failed_logins = 0, locked_until = NULL WHERE id = %s", [user_id]
    )
    connection.execute(
        "INSERT INTO authentication_sessions (token_hash, user_id, expires_at)"
        " VALUES (%s, %s, now() + make_interval(secs => %s))",
        [_hash(token), user_id, LIFETIME_SECONDS],
    )
    connection.execute(
        "DELETE FROM authentication_sessions WHERE token_hash IN"
        " (SELECT token_hash FROM authentication_sessions WHERE user_id = %s"
        " ORDER BY created_at DESC OFFSET %s)",
        [user_id, SESSIONS_PER_USER],
    )
    return token


def _hash(token: str) -> bytes:
    return hashlib.sha256(token.encode()).digest()
