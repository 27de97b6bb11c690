"""Writes lines on machines that ship their logs, and looks for them at every node of the store.

A line can't be taken back: it is one word that nobody else writes, and goes when retention takes
it. No line has anything of a person in it.
"""

import secrets
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

from readiness.drills.log_values import Searched, ValueSearch
from readiness.drills.permit import Permit
from readiness.measure.measurement import Measurement, digest_of
from readiness.model.errors import NotRun, NotUnderstood, ProbeError, ReadinessError
from readiness.model.printable import one_line
from readiness.model.words import Tier
from readiness.probes.ssh import DrillSession, Machines
from readiness.probes.ssh_target import target
from readiness.site.environment import Environment
from readiness.systems.asker import Connections
from readiness.systems.logs import queries
from readiness.systems.logs.asking import reader
from readiness.systems.logs.asking.client import Target, require
from readiness.systems.logs.declared import Logs, LogStore
from readiness.systems.logs.encoded import written
from readiness.systems.logs.reading import complete, number, of

TAG: Final = "readiness"
# One that no configuration gives by default, so that a level which is made up differs.
PRIORITY: Final = "user.warning"
LEVELS: Final = frozenset({"warning", "warn", "4"})
POLL: Final = 0.25  # seconds
MOST_SHOWN: Final = 3


@dataclass(frozen=True)
class Seen:
    """What one node found of one line, in the last look."""

    copies: int
    hosts: tuple[str, ...]
    levels: tuple[str, ...]
    off: float | None
    """Seconds that its time is before or after the time it was written; None: it has no time."""
    after: Measurement
    """Seconds from writing it until it was found."""


@dataclass(frozen=True)
class CanaryLine:
    """The line of one machine, as each node has it."""

    machine: str
    nodes: Mapping[str, Seen]


@dataclass
class Line:
    """A line that is looked for: when it was written, and when it was not and was found."""

    machine: str
    mark: str
    begun: float
    ended: float
    unseen: dict[str, float] = field(default_factory=dict)
    seen: dict[str, float] = field(default_factory=dict)
    last: dict[str, Any] = field(default_factory=dict)


def new_mark() -> str:
    """A word that nobody else writes, which no store cuts in two."""
    return f"readiness{secrets.token_hex(12)}"


class Writers:
    """The declared user that writes lines, on each machine that ships."""

    def __init__(self, site: Environment, store: LogStore, machines: Machines) -> None:
        if store.lines is None:
            raise NotRun(f"{store.name}: nobody is declared who writes lines", declare="`lines`")
        self._site, self._login, self._machines = site, store.lines, machines

    def session(self, machine: str) -> DrillSession:
        """A connection to one machine, as the declared user.

        Raises:
            ProbeError: it is not reached.
        """
        address = self._site.machine(machine).addresses[0]
        return self._machines.drill(target(self._site, machine, address, self._login))

    def write(self, machine: str, lines: Sequence[str]) -> tuple[float, float]:
        """Write lines there; between which times that was, by our clock.

        Raises:
            ProbeError: it is not reached, or `logger` does not take them.
        """
        session = self.session(machine)
        begun = time.time()
        text = "".join(f"{one}\n" for one in lines).encode()
        said = session.run(["logger", "--priority", PRIORITY, "--tag", TAG], stdin=text)
        if said.exit_code:
            raise NotUnderstood(f"{machine}: logger: {one_line(said.complaint, 200)}")
        return begun, time.time()


class LogTrial:
    """The trial of one central log: a line of each machine, and one value in every encoding."""

    def __init__(
        self, connections: Connections, permit: Permit, logs: Logs, machines: Machines
    ) -> None:
        permit.require(Tier.TOUCH)
        self._logs = logs
        self._writers = Writers(connections.site, logs.store, machines)
        self._readers = {node.id: reader(connections, node) for node in logs.nodes}

    def run(
        self,
    ) -> tuple[dict[str, CanaryLine | ReadinessError], dict[str, Searched | ReadinessError]]:
        """Write, look until it is too late, and give each machine its line, or why there is none.

        What a node can't be searched for says nothing of the lines, and is given beside them.

        Raises:
            ProbeError: a node can't be asked, or no machine can be written on.
        """
        store = self._logs.store
        control = f"control-{new_mark()}@example.test"
        lines: list[Line] = []
        problems: dict[str, ReadinessError] = {}
        for name in store.ships:
            mark = new_mark()
            try:
                lines.append(Line(name, mark, *self._writers.write(name, [mark])))
            except ProbeError as error:
                problems[name] = error
        if not lines:
            raise next(iter(problems.values()))
        self._writers.write(lines[0].machine, written(control))
        self._look(lines)
        found = {one.machine: CanaryLine(one.machine, self._seen(one)) for one in lines}
        return {**problems, **found}, {
            node: self._searched(where, control) for node, where in self._readers.items()
        }

    def _searched(self, where: Target, control: str) -> Searched | ReadinessError:
        try:
            return ValueSearch(self._logs.store, where).run(control)
        except ProbeError as error:
            return error

    def _look(self, lines: Sequence[Line]) -> None:
        """Look at every node, until a look that began when each line must be there.

        A second copy may come after the first, so the last look counts.
        """
        store = self._logs.store
        end = max(one.ended for one in lines) + store.searchable
        while True:
            last = time.time() >= end
            for node, where in self._readers.items():
                for one in lines:
                    if last or node not in one.seen:
                        look(store, where, node, one)
            if last:
                return
            time.sleep(POLL)

    def _seen(self, line: Line) -> dict[str, Seen]:
        return {
            node: read_seen(self._logs.store, line, node, where=str(where))
            for node, where in self._readers.items()
        }


def look(store: LogStore, where: Target, node: str, line: Line) -> None:
    """Look once for a line, and note when."""
    begun = time.time()
    asked = queries.marked(store, line.mark, since=line.begun, size=2 * store.copies + 10)
    line.last[node] = complete(
        require(where, "POST", queries.whole(store.indices), asked), where=str(where)
    )
    if number(line.last[node], "hits", "total", "value", where=str(where)):
        line.seen.setdefault(node, time.time())
    elif node not in line.seen:
        line.unseen[node] = begun


def read_seen(store: LogStore, line: Line, node: str, *, where: str) -> Seen:
    """What the last look found of a line."""
    hits = of(line.last[node], "hits", "hits", where=where)
    if not isinstance(hits, list):
        raise NotUnderstood(f"{where}: the lines found are no list")
    sources = [of(one, "_source", where=where) for one in hits]
    times = [_time(one, store.fields.time, where=where) for one in hits]
    off = [None if at is None else _outside(at, line.begun, line.ended) for at in times]
    return Seen(
        copies=number(line.last[node], "hits", "total", "value", where=where),
        hosts=_texts(sources, store.fields.host),
        levels=_texts(sources, store.fields.level),
        off=None if None in off or not off else max((one or 0.0 for one in off), key=abs),
        after=_after(line, node),
    )


def _after(line: Line, node: str) -> Measurement:
    """Seconds from writing a line until it was found; unknown where it never was."""
    span = None
    if node in line.seen:
        least = max(line.unseen.get(node, line.begun) - line.ended, 0.0)
        span = (least, max(line.seen[node] - line.begun, least))
    return Measurement(
        name="seconds until the line was found",
        value=span and span[1],
        lower=span and span[0],
        upper=span and span[1],
        unit="s",
        resolution=POLL,
        n=0 if span is None else 1,
        digest=digest_of([str(span)]),
    )


def _time(hit: Any, name: str, *, where: str) -> float | None:
    """A line's time in epoch seconds, as the store reads it; None where it has none."""
    values = hit.get("fields", {}).get(name) if isinstance(hit, Mapping) else None
    if not values:
        return None
    try:
        return float(values[0]) / 1000
    except (TypeError, ValueError, KeyError) as error:
        raise NotUnderstood(f"{where}: a line's time is none") from error


def _outside(at: float, begun: float, ended: float) -> float:
    """Seconds that a time is before (negative) or after a span."""
    return min(at - begun, 0.0) or max(at - ended, 0.0)


def _texts(sources: Sequence[Any], name: str) -> tuple[str, ...]:
    """What lines have in a field, each once; a field in a field is told by dots."""
    return tuple(sorted({_text(one, name) for one in sources})[:MOST_SHOWN])


def _text(source: Any, name: str) -> str:
    value = source.get(name) if isinstance(source, Mapping) else None
    if value is None:
        for part in name.split("."):
            source = source.get(part) if isinstance(source, Mapping) else None
        value = source
    if isinstance(value, list) and len(value) == 1:
        value = value[0]
    return one_line("none" if value is None else str(value), 80)
