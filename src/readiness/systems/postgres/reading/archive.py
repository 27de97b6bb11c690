"""How a PostgreSQL server archives its WAL: what is set, what it says it did, what it still holds.

The text of `archive_command` is not read, it may hold secrets; its digest says whether members
agree. Needs pg_monitor.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Annotated, Any, Final

from readiness.model.errors import NotUnderstood
from readiness.systems.marks import VOLATILE
from readiness.systems.postgres.reading.state import Lsn

# Names of segments are 24 hexadecimal digits. The server's own last write to a segment is the time
# of its file; of a segment that is used again later, the name is that of the future one.
QUESTION: Final = """
SELECT json_build_object(
  'system_identifier', (SELECT system_identifier::text FROM pg_control_system()),
  'in_recovery', r.recovering,
  'clock', extract(epoch FROM clock_timestamp()),
  'mode', current_setting('archive_mode'),
  'digest', md5(current_setting('archive_command') || ' ' || current_setting('archive_library')),
  'configured', current_setting('archive_command') NOT IN ('', '(disabled)')
             OR current_setting('archive_library') <> '',
  'timeout', (SELECT setting::int FROM pg_settings WHERE name = 'archive_timeout'),
  'segment_size', (SELECT setting::bigint FROM pg_settings WHERE name = 'wal_segment_size'),
  'current', CASE WHEN NOT r.recovering THEN pg_current_wal_lsn()::text END,
  'data_checksums', current_setting('data_checksums')::bool,
  'last_archived', (SELECT last_archived_wal FROM pg_stat_archiver),
  'last_archived_time', (SELECT extract(epoch FROM last_archived_time) FROM pg_stat_archiver),
  'last_failed', (SELECT last_failed_wal FROM pg_stat_archiver),
  'last_failed_time', (SELECT extract(epoch FROM last_failed_time) FROM pg_stat_archiver),
  'size', (SELECT sum(pg_database_size(oid)) FROM pg_database WHERE datallowconn),
  'segments', (SELECT json_agg(json_build_object('name', name,
      'written', extract(epoch FROM modification)) ORDER BY name)
    FROM pg_ls_waldir() WHERE name ~ '^[0-9A-F]{24}$'))
FROM (SELECT pg_is_in_recovery() AS recovering) r
"""


@dataclass(frozen=True)
class HeldSegment:
    """A segment in the server's own folder; `written` last, in epoch seconds of its clock."""

    name: str
    written: float


@dataclass(frozen=True)
class Archiving:
    """One server's archiving. Times in epoch seconds of its clock."""

    system_identifier: str
    in_recovery: Annotated[bool, VOLATILE]
    clock: Annotated[float, VOLATILE]
    mode: str  # off, on, always
    configured: bool  # a command or a library is set
    digest: str  # of command and library
    timeout: int  # seconds; 0 is never
    segment_size: int  # bytes
    current: Annotated[Lsn | None, VOLATILE]  # None on a standby
    last_archived: Annotated[str, VOLATILE]
    last_archived_time: Annotated[float | None, VOLATILE]
    last_failed: Annotated[str, VOLATILE]
    last_failed_time: Annotated[float | None, VOLATILE]
    size: Annotated[int, VOLATILE]  # of all databases, in bytes
    segments: Annotated[tuple[HeldSegment, ...], VOLATILE]
    data_checksums: bool | None = None  # pages carry checksums; None: nobody asked


def read_archiving(answer: Mapping[str, Any], *, where: str) -> Archiving:
    """Read the answer to QUESTION."""
    try:
        current = answer["current"]
        return Archiving(
            system_identifier=str(answer["system_identifier"]),
            in_recovery=bool(answer["in_recovery"]),
            clock=float(answer["clock"]),
            mode=str(answer["mode"]),
            configured=bool(answer["configured"]),
            digest=str(answer["digest"]),
            timeout=int(answer["timeout"]),
            segment_size=int(answer["segment_size"]),
            current=Lsn.parse(current) if current else None,
            last_archived=answer["last_archived"] or "",
            last_archived_time=answer["last_archived_time"],
            last_failed=answer["last_failed"] or "",
            last_failed_time=answer["last_failed_time"],
            size=int(answer["size"]),
            data_checksums=answer.get("data_checksums"),
            segments=tuple(
                HeldSegment(one["name"], float(one["written"])) for one in answer["segments"] or ()
            ),
        )
    except (KeyError, TypeError, ValueError) as error:
        raise NotUnderstood(f"{where}: how it archives is unreadable: {error!r}") from error
