"""What an audit trail holds about requests of ours, and who could change it, as the database says.

Events are found by the ids of our own requests, so nobody else's are read. The whole row is looked
through for values of the record; what is kept are names of columns, never a value.
"""

from collections.abc import Collection, Sequence
from typing import Final

from readiness.site.declared.audit import Audit
from readiness.site.environment import Environment
from readiness.site.subjects import Member, members
from readiness.systems.asker import AskerOf, Askers, Connections
from readiness.systems.audit.reading import (
    TRAIL,
    Event,
    Table,
    TrailRights,
    read_events,
    read_rights,
    table_of,
)
from readiness.systems.postgres.asking import primary, reading_session
from readiness.systems.postgres.asking.session import Session


def events(session: Session, table: Table, requests: Collection[str]) -> tuple[Event, ...]:
    """The events of these requests. Raises ProbeError."""
    parts = ", ".join(f"'{part}', t.\"{column}\"::text" for part, column in table.columns.items())
    time, request = table.columns["time"], table.columns["request"]
    (found,) = session.row(
        f"SELECT coalesce(json_agg(json_build_object('parts', json_build_object({parts}), "  # noqa: S608 - plain names, checked when the file was read
        f"'time', extract(epoch FROM t.\"{time}\"), 'row', to_jsonb(t)::text)), '[]') "
        f'FROM {table.quoted} t WHERE t."{request}"::text = ANY(%(requests)s)',
        {"requests": list(requests)},
    )
    return read_events(found)


# Superusers can do anything and are another clause's; they are not listed. Whoever owns the schema
# may drop the table, whoever owns a guard's function may empty it, and before PostgreSQL 16
# CREATEROLE is enough to become anybody who is no superuser. Nobody inherits a trigger of the
# statement, and a partition or child table can be changed by its own name.
_RIGHTS: Final = """
WITH RECURSIVE parts (oid) AS (
  SELECT to_regclass(%(table)s)::oid
  UNION SELECT i.inhrelid FROM pg_inherits i JOIN parts p ON i.inhparent = p.oid),
guards AS (
  SELECT t.tgrelid, t.tgname, t.tgfoid, json_build_object('state', t.tgenabled, 'type', t.tgtype,
    'limited', t.tgqual IS NOT NULL OR t.tgattr::text <> '',
    'language', l.lanname, 'body', f.prosrc) AS told
  FROM pg_trigger t JOIN parts p ON t.tgrelid = p.oid
    JOIN pg_proc f ON f.oid = t.tgfoid JOIN pg_language l ON l.oid = f.prolang
  WHERE NOT t.tgisinternal),
owners AS (
  SELECT r.oid FROM pg_roles r WHERE NOT r.rolsuper AND r.oid IN (
    SELECT unnest(ARRAY[c.relowner, n.nspowner]) FROM parts p
      JOIN pg_class c ON c.oid = p.oid JOIN pg_namespace n ON n.oid = c.relnamespace
    UNION SELECT unnest(ARRAY[f.proowner, n.nspowner]) FROM guards g
      JOIN pg_proc f ON f.oid = g.tgfoid JOIN pg_namespace n ON n.oid = f.pronamespace)),
changers AS MATERIALIZED (
  SELECT r.oid FROM pg_roles r WHERE NOT r.rolsuper AND EXISTS (SELECT FROM parts p
    WHERE has_table_privilege(r.oid, p.oid, 'UPDATE, DELETE, TRUNCATE, TRIGGER')
       OR has_any_column_privilege(r.oid, p.oid, 'UPDATE'))),
logins AS (
  SELECT r.oid, r.rolname, r.rolcreaterole AND current_setting('server_version_num')::int < 160000
    AS becomes_anybody
  FROM pg_roles r WHERE r.rolcanlogin AND NOT r.rolsuper)
SELECT json_build_object(
  'kind', CASE WHEN EXISTS (SELECT FROM parts p JOIN pg_class x ON x.oid = p.oid
    WHERE x.relpersistence <> 'p') THEN 'unlogged' ELSE c.relkind::text END,
  'owner', o.rolname, 'owner_logs_in', o.rolcanlogin,
  'application', (SELECT coalesce(json_agg(p ORDER BY p), '[]')
    FROM unnest(ARRAY['DELETE', 'TRUNCATE', 'TRIGGER', 'REFERENCES', 'INSERT', 'SELECT', 'UPDATE'])
      AS p
    WHERE EXISTS (SELECT FROM parts WHERE has_table_privilege(%(application)s, parts.oid, p)
      OR (p IN ('INSERT', 'SELECT', 'UPDATE', 'REFERENCES')
        AND has_any_column_privilege(%(application)s, parts.oid, p)))),
  'others', (SELECT coalesce(json_agg(r.rolname ORDER BY r.rolname), '[]') FROM logins r
    WHERE EXISTS (SELECT FROM changers g WHERE g.oid = r.oid OR (
      pg_has_role(r.oid, g.oid, 'MEMBER') AND g.oid NOT IN (SELECT oid FROM owners)))),
  'members', (SELECT coalesce(json_agg(r.rolname ORDER BY r.rolname), '[]') FROM logins r
    WHERE r.oid <> o.oid AND EXISTS (SELECT FROM owners g
      WHERE r.becomes_anybody OR pg_has_role(r.oid, g.oid, 'MEMBER'))),
  'guards', (SELECT coalesce(json_object_agg(g.tgname, g.told), '{}') FROM guards g
    WHERE g.tgrelid = c.oid),
  'parts', (SELECT coalesce(json_object_agg(p.oid::regclass::text,
      (SELECT coalesce(json_agg(g.told), '[]') FROM guards g WHERE g.tgrelid = p.oid)), '{}')
    FROM parts p WHERE p.oid <> c.oid))
FROM pg_class c JOIN pg_roles o ON o.oid = c.relowner
WHERE c.oid = to_regclass(%(table)s)
"""


def rights(session: Session, table: Table, application: str) -> TrailRights:
    """Who could change the trail. Raises ProbeError; a trail that is missing is one too."""
    values = {"table": table.quoted, "application": application}
    return read_rights(session.document(_RIGHTS, values))


def trail_members(site: Environment, audit: Audit) -> tuple[Member, ...]:
    """Every member of the database that the trail is in."""
    return tuple(one for one in members(site) if one.database.name == audit.trail.database)


def read_on_the_primary(
    connections: Connections, audit: Audit, requests: Sequence[str]
) -> tuple[Event, ...]:
    """The audit events of some requests, read on the primary; they are not remembered."""
    where = primary(connections, audit.trail.database)
    return events(
        reading_session(connections, where, audit.trail.reader), table_of(audit), requests
    )


def _rights(connections: Connections, audit: Audit, member: Member) -> TrailRights:
    session = reading_session(connections, member, audit.trail.reader)
    return rights(session, table_of(audit), audit.append_only.application)


ASKERS: Final[Askers] = (AskerOf(TRAIL, _rights, together=trail_members),)
