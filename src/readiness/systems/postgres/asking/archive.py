"""How a PostgreSQL server archives its WAL: what is set, what it says it did, what it still holds.

The text of `archive_command` is not read, it may hold secrets; its digest says whether members
agree. Needs pg_monitor.
"""

from readiness.systems.postgres.asking.session import Session
from readiness.systems.postgres.reading.archive import QUESTION, Archiving, read_archiving


def archiving(session: Session) -> Archiving:
    """Ask a server; raises ProbeError."""
    return read_archiving(session.document(QUESTION, {}), where=str(session.target))
