"""What a node of a central log says of itself, of the lines that it keeps, and to strangers.

Cluster health, blocks and searches as OpenSearch 2 and Elasticsearch 7 and 8 document them. Of
lines no text is kept, only whose they are, when they were written, and how many there are.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Annotated, Any, Final

from readiness.model.errors import NotUnderstood
from readiness.model.printable import one_line
from readiness.systems.logs.declared import NODE, PORT, LogNode, LogPort, LogStore
from readiness.systems.marks import BOUNDED, VOLATILE
from readiness.systems.token import Pin, Source

# Set where a disk is full, and lifted when it no longer is (cluster.routing.allocation.disk.*).
FLOODED: Final = "12"
MOST_NAMES: Final = 5  # of indices that a reading names


@dataclass(frozen=True)
class LogState:
    """One node, and what it says of the declared indices."""

    version: str
    cluster: str  # its uuid
    health: Annotated[str, BOUNDED]  # green, yellow or red: of the declared indices
    nodes: Annotated[int, BOUNDED]
    indices: Annotated[int, VOLATILE]
    # Whole cluster and flooded indices that take no lines
    closed_to_writes: Annotated[tuple[str, ...], BOUNDED]
    # Shards that the cluster may still open, of those that it may have; None: without a limit
    room: Annotated[int | None, VOLATILE]
    # Shards of the largest index of the pattern, copies included: what the next one takes
    largest: Annotated[int, BOUNDED]
    # Which shards are given a node: all, primaries, new_primaries, or none of these
    allocates: str


@dataclass(frozen=True)
class LogsShipped:
    """The newest line of each machine that a node finds; times in epoch seconds."""

    asked: Annotated[float, VOLATILE]
    # By machine; None: it has no line
    newest: Annotated[Mapping[str, float | None], VOLATILE]


@dataclass(frozen=True)
class LogsKept:
    """How old the lines are that a node finds; times in epoch seconds."""

    asked: Annotated[float, VOLATILE]
    lines: Annotated[int, VOLATILE]
    oldest: Annotated[float | None, VOLATILE]
    too_old: Annotated[int, BOUNDED]
    too_old_in: Annotated[tuple[str, ...], BOUNDED]
    untimed: Annotated[int, BOUNDED]
    # Days back from now, of those that must have lines, which have none
    days_without: Annotated[tuple[int, ...], BOUNDED]
    days: int
    # The same of each machine, and how many seconds each of its parts lasts
    gaps: Annotated[Mapping[str, tuple[int, ...]], VOLATILE]
    part: float
    # Lines that are there and that our login is not shown
    hidden: Annotated[int, BOUNDED]
    # Closed indices that were made before the oldest line may be
    closed_and_old: Annotated[tuple[str, ...], BOUNDED]


@dataclass(frozen=True)
class LogDoor:
    """What one address answers to whom; HTTP statuses, by what was asked."""

    is_open: bool
    in_the_clear: int | None = None
    """To a stranger without TLS; None: no HTTP is spoken there."""
    stranger: Mapping[str, int] = field(default_factory=dict)
    """Empty where it is not spoken over TLS."""
    guess: int | None = None
    known: Mapping[str, int] = field(default_factory=dict)
    """To logins that come with such a store, whose passwords everybody knows, by user."""
    reader: int | None = None
    """To our own login, which shows that there is something to be refused."""


def of(body: Any, *path: str, where: str) -> Any:
    """A part of an answer.

    Raises:
        NotUnderstood: it has no such part.
    """
    for name in path:
        if not isinstance(body, Mapping) or name not in body:
            raise NotUnderstood(f"{where}: the answer has no {'.'.join(path)}")
        body = body[name]
    return body


def number(body: Any, *path: str, where: str) -> int:
    """A part of an answer that is a whole number."""
    found = of(body, *path, where=where)
    if not isinstance(found, int) or isinstance(found, bool):
        raise NotUnderstood(f"{where}: {'.'.join(path)} is no whole number")
    return found


def complete(body: Any, *, where: str) -> Any:
    """A search's answer that every shard had a part in.

    Raises:
        NotUnderstood: it is none, or a part of the lines was not searched.
    """
    failed = number(body, "_shards", "failed", where=where)
    if failed or of(body, "timed_out", where=where):
        raise NotUnderstood(f"{where}: a part of the lines was not searched")
    return body


def seconds(body: Any, *path: str, where: str) -> float | None:
    """A time that an aggregation gives as milliseconds; None where there was nothing."""
    found = of(body, *path, where=where)
    if found is None:
        return None
    if not isinstance(found, int | float) or isinstance(found, bool):
        raise NotUnderstood(f"{where}: {'.'.join(path)} is no time")
    return float(found) / 1000


def read_newest(body: Any, *, where: str) -> dict[str, float | None]:
    """The time of each machine's newest line."""
    hosts = of(complete(body, where=where), "aggregations", "hosts", "buckets", where=where)
    if not isinstance(hosts, Mapping):
        raise NotUnderstood(f"{where}: the machines are no object")
    return {name: seconds(one, "last", "value", where=where) for name, one in hosts.items()}


def read_blocks(body: Any, indices: set[str], *, where: str) -> tuple[str, ...]:
    """What takes no lines: the whole cluster, or indices whose disk was full."""
    blocks = of(body, "blocks", where=where)
    found = ["the whole cluster"] if blocks.get("global") else []
    of_indices = blocks.get("indices", {})
    if not isinstance(of_indices, Mapping):
        raise NotUnderstood(f"{where}: the blocks of indices are no object")
    flooded = [name for name, one in of_indices.items() if name in indices and FLOODED in one]
    return tuple(found + [one_line(name, 80) for name in sorted(flooded)[:MOST_NAMES]])


def _empty(spans: Any, *, where: str) -> tuple[int, ...]:
    """Which parts of a time have no line, by how many parts back they are."""
    if not isinstance(spans, list) or not spans:
        raise NotUnderstood(f"{where}: no days were counted")
    # They come the oldest first.
    counts = [number(one, "doc_count", where=where) for one in reversed(spans)]
    return tuple(place for place, many in enumerate(counts) if not many)


def read_kept(
    body: Any, listed: Any, store: LogStore, asked: float, hidden: int, *, where: str
) -> LogsKept:
    """How old lines are, of all machines and of each."""
    found = complete(body, where=where)
    parts = of(found, "aggregations", where=where)
    spans = of(parts, "days", "buckets", where=where)
    hosts = of(parts, "hosts", "buckets", where=where)
    if not isinstance(hosts, Mapping):
        raise NotUnderstood(f"{where}: the machines are no object")
    each = {name: of(one, "days", "buckets", where=where) for name, one in hosts.items()}
    places = of(parts, "old", "where", "buckets", where=where)
    return LogsKept(
        asked=asked,
        lines=number(found, "hits", "total", "value", where=where),
        oldest=seconds(parts, "first", "value", where=where),
        too_old=number(parts, "old", "doc_count", where=where),
        too_old_in=tuple(sorted(one_line(str(one.get("key")), 80) for one in places)),
        untimed=number(parts, "untimed", "doc_count", where=where),
        days_without=_empty(spans, where=where),
        days=len(spans),
        gaps={name: _empty(one, where=where) for name, one in each.items()},
        part=store.retention.least / len(next(iter(each.values()), spans)),
        hidden=hidden,
        closed_and_old=_closed(listed, asked - store.retention.most, where=where),
    )


def _closed(listed: Any, oldest: float, *, where: str) -> tuple[str, ...]:
    """Closed indices that were made before that: nobody finds their lines, and they are there."""
    found = [
        one_line(str(one.get("index")), 80)
        for one in _rows(listed, where=where)
        if of(one, "status", where=where) == "close"
        and _told(one, "creation.date", where=where) / 1000 < oldest
    ]
    return tuple(sorted(found)[:MOST_NAMES])


def names(listed: Any, *, where: str) -> set[str]:
    """The names of a list of indices."""
    return {str(of(one, "index", where=where)) for one in _rows(listed, where=where)}


def _rows(listed: Any, *, where: str) -> list[Any]:
    if not isinstance(listed, list):
        raise NotUnderstood(f"{where}: the list of indices is none")
    return listed


def _told(row: Any, name: str, *, where: str) -> int:
    """A number of a list, where all is text; none at all is 0."""
    try:
        return int(of(row, name, where=where) or 0)
    except (TypeError, ValueError) as error:
        raise NotUnderstood(f"{where}: {name} is no whole number") from error


def read_hidden(listed: Any, searched: Any, *, where: str) -> int:
    """How many lines of open indices no search shows; the list is from before the search."""
    buckets = of(complete(searched, where=where), "aggregations", "indices", "buckets", where=where)
    shown = {
        str(of(one, "key", where=where)): number(one, "doc_count", where=where) for one in buckets
    }
    lacking = [
        _told(one, "docs.count", where=where) - shown.get(str(of(one, "index", where=where)), 0)
        for one in _rows(listed, where=where)
        if of(one, "status", where=where) == "open"
    ]
    return sum(one for one in lacking if one > 0)


def read_room(settings: Any, health: Any, *, where: str) -> int | None:
    """How many shards the cluster may still open; None where it has no limit."""
    most = _told(
        {"most": _setting(settings, "max_shards_per_node", where=where)}, "most", where=where
    )
    if most <= 0:
        return None
    kinds = ("active_shards", "initializing_shards", "unassigned_shards")
    there = sum(number(health, one, where=where) for one in kinds)
    return most * number(health, "number_of_data_nodes", where=where) - there


def read_allocates(settings: Any, *, where: str) -> str:
    """Which shards are given a node."""
    found = _setting(settings, "routing", "allocation", "enable", where=where)
    return one_line(str(found), 20).lower()


def _setting(settings: Any, *path: str, where: str) -> Any:
    """A setting of the cluster: what was set for now, else for ever, else what it comes with."""
    for kind in ("transient", "persistent", "defaults"):
        found = settings.get(kind, {}) if isinstance(settings, Mapping) else {}
        for name in ("cluster", *path):
            found = found.get(name) if isinstance(found, Mapping) else None
        if found is not None:
            return found
    raise NotUnderstood(f"{where}: the settings have no cluster.{'.'.join(path)}")


def read_largest(listed: Any, *, where: str) -> int:
    """Shards of the largest index, with their copies."""
    return max(
        (
            _told(one, "pri", where=where) * (1 + _told(one, "rep", where=where))
            for one in _rows(listed, where=where)
        ),
        default=0,
    )


STATE: Final[Source[LogNode, LogState]] = Source(
    "central log",
    NODE,
    LogState,
    says=lambda one: f"version {one.version}, {one.health}, {one.indices} indices",
    pin=Pin(lambda node: node.store.name, lambda one: one.cluster),
)
SHIPPED: Final[Source[LogNode, LogsShipped]] = Source("central log's machines", NODE, LogsShipped)
KEPT: Final[Source[LogNode, LogsKept]] = Source("central log's lines", NODE, LogsKept)
DOOR: Final[Source[LogPort, LogDoor]] = Source("central log's door", PORT, LogDoor)
SOURCES: Final = (STATE, SHIPPED, KEPT, DOOR)
