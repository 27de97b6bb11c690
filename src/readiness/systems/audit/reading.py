"""What an audit trail holds about requests of ours, and who could change it, as the database says.

Events are found by the ids of our own requests, so nobody else's are read. The whole row is looked
through for values of the record; what is kept are names of columns, never a value.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from readiness.model.errors import NotUnderstood
from readiness.site.declared.audit import Audit
from readiness.site.subjects import DATABASE_MEMBER, Member
from readiness.systems.audit.guard_function import refused
from readiness.systems.token import Sources

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


# PostgreSQL's bits of pg_trigger.tgtype.
_BEFORE: Final = 2
_CHANGES: Final = {8: "DELETE", 16: "UPDATE", 32: "TRUNCATE"}


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


def table_of(audit: Audit) -> Table:
    """The audit trail's table with the columns that are declared."""
    columns = audit.trail.columns.model_dump(exclude_none=True)
    return Table(audit.trail.db_schema, audit.trail.table, columns)


# Who could change a trail, as one member of its database has it.
TRAIL: Final[Sources[Audit, Member, TrailRights]] = Sources(
    "trail", DATABASE_MEMBER, TrailRights, label=lambda _: ""
)
SOURCES: Final = (TRAIL,)
