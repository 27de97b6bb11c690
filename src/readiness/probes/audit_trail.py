"""What an audit trail holds about requests of ours, and who could change it, as the database says.

Events are found by the ids of our own requests, so nobody else's are read. The whole row is looked
through for values of the record; what is kept are names of columns, never a value.
"""

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Any, Final

from readiness.errors import NotUnderstood
from readiness.probes.postgres import Session

_STATES: Final = {"O": "origin", "A": "always", "R": "replica only", "D": "disabled"}
_KINDS: Final = {"r": "table", "p": "partitioned table", "v": "view", "m": "materialized view"}


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
    """A trigger of the trail: when it fires, and before which changes."""

    state: str
    changes: tuple[str, ...]


@dataclass(frozen=True)
class TrailRights:
    """Who could change the trail, as one member has it."""

    kind: str
    owner: str
    owner_logs_in: bool
    application: tuple[str, ...]  # what the application's role may do with any column
    others: tuple[str, ...]  # logins besides that may change or remove, without SET ROLE
    members: tuple[str, ...]  # logins that may become the owner
    guards: dict[str, Guard]


# Superusers can do anything and are another clause's; they are not listed.
_RIGHTS: Final = """
SELECT json_build_object(
  'kind', c.relkind, 'owner', o.rolname, 'owner_logs_in', o.rolcanlogin,
  'application', (SELECT coalesce(json_agg(p ORDER BY p), '[]')
    FROM unnest(ARRAY['DELETE', 'TRUNCATE', 'TRIGGER', 'REFERENCES', 'INSERT', 'SELECT', 'UPDATE'])
      AS p
    WHERE has_table_privilege(%(application)s, c.oid, p) OR (p IN
      ('INSERT', 'SELECT', 'UPDATE', 'REFERENCES')
      AND has_any_column_privilege(%(application)s, c.oid, p))),
  'others', (SELECT coalesce(json_agg(r.rolname ORDER BY r.rolname), '[]') FROM pg_roles r
    WHERE r.rolcanlogin AND NOT r.rolsuper AND (
      has_table_privilege(r.oid, c.oid, 'UPDATE, DELETE, TRUNCATE, TRIGGER')
      OR has_any_column_privilege(r.oid, c.oid, 'UPDATE'))),
  'members', (SELECT coalesce(json_agg(r.rolname ORDER BY r.rolname), '[]') FROM pg_roles r
    WHERE r.rolcanlogin AND NOT r.rolsuper AND r.oid <> o.oid
      AND pg_has_role(r.oid, o.oid, 'MEMBER')),
  'guards', (SELECT coalesce(json_object_agg(t.tgname,
      json_build_object('state', t.tgenabled, 'type', t.tgtype)), '{}') FROM pg_trigger t
    WHERE t.tgrelid = c.oid AND NOT t.tgisinternal))
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
                name: Guard(_STATES[one["state"]], _changes(one["type"]))
                for name, one in found["guards"].items()
            },
        )
    except (KeyError, TypeError) as error:
        raise NotUnderstood(f"rights of the trail without {error}") from error


def _changes(bits: int) -> tuple[str, ...]:
    return tuple(name for bit, name in _CHANGES.items() if bits & bit) if bits & _BEFORE else ()
