"""What the balancers ask: is the process alive, and can it really serve."""

from .database import Pool

READY = """
SELECT NOT pg_is_in_recovery() AS primary,
       current_setting('transaction_read_only') = 'off' AS writable,
       EXISTS (SELECT FROM courses) AS data
"""


def readiness(pool: Pool) -> dict[str, bool]:
    """Read through the whole database path; ready is only who reached a writable primary with data.

    Nothing is written: both balancers ask every second, and each write would wait for a standby.
    """
    with pool.connection(timeout=1.0) as connection:
        connection.execute("SET LOCAL statement_timeout = '1500ms'")
        row = connection.execute(READY).fetchone()
    return dict(row) if row else {"primary": False}
