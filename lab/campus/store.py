"""Where sessions live at a site without a cache: in a table of the portal's own database."""

from lab.app.portal.database import Pool, one

_START = """
WITH old AS (
    DELETE FROM authentication_sessions WHERE expires_at <= now() OR token_hash IN (
        SELECT token_hash FROM authentication_sessions WHERE user_id = %(user)s
        ORDER BY created_at DESC OFFSET %(others)s)
)
INSERT INTO authentication_sessions (token_hash, user_id, expires_at)
VALUES (decode(%(digest)s, 'hex'), %(user)s, now() + make_interval(secs => %(lifetime)s))
"""
_FIND = """
SELECT user_id, extract(epoch FROM expires_at)::float8 AS ends FROM authentication_sessions
WHERE token_hash = decode(%s, 'hex') AND expires_at > now()
"""
_END = "DELETE FROM authentication_sessions WHERE token_hash = decode(%s, 'hex')"


class InDatabase:
    """The sessions of all users. Times are seconds since the epoch."""

    def __init__(self, pool: Pool, lifetime: int, most: int) -> None:
        self._pool = pool
        self._lifetime = lifetime
        self._most = most

    def start(self, digest: str, user_id: int) -> None:
        """Keep a new session, and end the user's oldest ones beyond the allowed number."""
        given = {
            "digest": digest,
            "user": user_id,
            "others": self._most - 1,
            "lifetime": self._lifetime,
        }
        with self._pool.connection() as connection:
            connection.execute(_START, given)

    def find(self, digest: str) -> tuple[int, float] | None:
        """The user of a live session, and when it ends."""
        row = one(self._pool, _FIND, digest)
        return (row["user_id"], row["ends"]) if row else None

    def end(self, digest: str) -> None:
        """End a session; ending one that does not exist is no error."""
        with self._pool.connection() as connection:
            connection.execute(_END, [digest])
