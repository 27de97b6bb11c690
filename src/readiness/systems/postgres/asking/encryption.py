"""Whether what is said to a PostgreSQL server crosses a network that others can read.

Needs pg_monitor to see the sessions of others (28.2.4, pg_stat_ssl; 28.2.5, pg_stat_gssapi).
"""

from typing import Final

from readiness.systems.postgres.asking.session import Session
from readiness.systems.postgres.reading.encryption import Encryption, read

_QUESTION: Final = """
SELECT json_build_object(
  'ssl', current_setting('ssl'),
  'listen_addresses', current_setting('listen_addresses'),
  'clear', (SELECT json_agg(DISTINCT jsonb_build_object(
      'user', coalesce(usename, backend_type), 'address', host(client_addr)))
    FROM pg_stat_activity
    LEFT JOIN pg_stat_ssl USING (pid) LEFT JOIN pg_stat_gssapi USING (pid)
    WHERE client_addr IS NOT NULL AND NOT coalesce(ssl, false)
      AND NOT coalesce(encrypted, false)))
"""


def encryption(session: Session) -> Encryption:
    """What decides on this server about who can read along.

    Raises:
        ProbeError: it does not answer.
    """
    return read(session.document(_QUESTION, {}), where=str(session.target))
