"""What an audit trail holds about requests of ours, and who could change it, as the database says.

Events are found by the ids of our own requests, so nobody else's are read. The whole row is looked
through for values of the record; what is kept are names of columns, never a value.
"""

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from readiness.errors import NotUnderstood
from readiness.probes.guard_function import refused
from readiness.probes.postgres import Session

_STATES: Final = {"O": "origin", "A": "always", "R": "replica only", "D": "disabled"}
_KINDS: Final = {
    "r": "table",
    "p": "partitioned table",
    "v": "view",
    "m": "materialized view",
    "unlogged": "unlogged table",
}


@dataclass(frozen=True)
class Table:
    """The trail's table and the columns that are read, by their part."""

    schema: str
    name: str
    columns: Mapping[str, str]

    @property
    def quoted(self) -> str:
        """Schema and table for a statement; both were checked to be plain names."""
        return f'"{self.schema}"."{self.name}"'


@dataclass(frozen=True)
class Event:
    """One event: part to text (None: empty), its time, and the row as one text."""

    parts: Mapping[str, str | None]
    time: float | None  # seconds since the epoch
    row: str


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


def read_events(found: Any) -> tuple[Event, ...]:
    """The events of an answer."""
    try:
        return tuple(
            Event(
                dict(one["parts"]),
                None if one["time"] is None else float(one["time"]),
                str(one["row"]),
            )
            for one in found
        )
    except (KeyError, TypeError, ValueError) as error:
        raise NotUnderstood(f"the trail answered what is no list of events: {error}") from error


@dataclass(frozen=True)
class Guard:
    """A trigger of the trail: when it fires, and which changes of whatever row it refuses.

    One that comes before changes and may let some of them through says so in its state.
    """

    state: str
    changes: tuple[str, ...]


@dataclass(frozen=True)
class TrailRights:
    """Who could change the trail or a part of it (partition, child table), as one member has it."""

    kind: str
    owner: str
    owner_logs_in: bool
    application: tuple[str, ...]  # what the application's role may do with any column
    others: tuple[str, ...]  # logins that may change or remove, by SET ROLE too
    members: tuple[str, ...]  # logins that may become an owner: of table, schema or guard
    guards: dict[str, Guard]
    parts: dict[str, tuple[str, ...]] = field(default_factory=dict)
    """Each part and the changes of it that triggers which always fire refuse."""


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
# PostgreSQL's bits of pg_trigger.tgtype.
_BEFORE: Final = 2
_CHANGES: Final = {8: "DELETE", 16: "UPDATE", 32: "TRUNCATE"}


def rights(session: Session, table: Table, application: str) -> TrailRights:
    """Who could change the trail. Raises ProbeError; a trail that is missing is one too."""
    values = {"table": table.quoted, "application": application}
    return read_rights(session.document(_RIGHTS, values))


def read_rights(found: Mapping[str, Any]) -> TrailRights:
    """The rights of an answer."""
    try:
        return TrailRights(
            kind=_KINDS.get(found["kind"], str(found["kind"])),
            owner=found["owner"],
            owner_logs_in=found["owner_logs_in"],
            application=tuple(found["application"]),
            others=tuple(found["others"]),
            members=tuple(found["members"]),
            guards={
                name: Guard(_state(one), _changes(one)) for name, one in found["guards"].items()
            },
            parts={name: _always(several) for name, several in found["parts"].items()},
        )
    except (KeyError, TypeError) as error:
        raise NotUnderstood(f"rights of the trail without {error}") from error


def _state(guard: Mapping[str, Any]) -> str:
    """When it fires; of one that comes before changes also whether it may let some through."""
    state = _STATES[guard["state"]]
    if {*_before(guard)} <= {*refused(guard["language"], guard["body"])}:
        return state
    return f"{state}, and its function may let a change through"


def _before(guard: Mapping[str, Any]) -> tuple[str, ...]:
    """The changes that it comes before."""
    bits = guard["type"]
    return tuple(name for bit, name in _CHANGES.items() if bits & bit) if bits & _BEFORE else ()


def _changes(guard: Mapping[str, Any]) -> tuple[str, ...]:
    """The changes that it refuses; one of some rows or columns lets the others through."""
    if guard["limited"]:
        return ()
    stopped = refused(guard["language"], guard["body"])
    return tuple(one for one in _before(guard) if one in stopped)


def _always(guards: Iterable[Mapping[str, Any]]) -> tuple[str, ...]:
    """The changes that those of them which always fire refuse."""
    firing = [one for one in guards if _STATES[one["state"]] == "always"]
    return tuple(sorted({change for one in firing for change in _changes(one)}))
