"""Stops collectors, and then the store, while every machine writes numbered lines; counts them.

What is stopped is started again by an undo that is on disk before, and by a timer on the machine.
The lines stay until retention takes them.
"""

import re
import time
from collections import Counter
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from dataclasses import dataclass, replace
from typing import Any, Final

from readiness.drills.actions import disturbing, drill_target
from readiness.drills.disturbance import Stopped
from readiness.drills.log_lines import PRIORITY, TAG, Writers, new_mark
from readiness.drills.permit import Permit
from readiness.model.errors import NotRun, NotUnderstood, ProbeError
from readiness.model.printable import one_line
from readiness.model.words import Tier
from readiness.probes.ssh import Machines
from readiness.session.run import Run
from readiness.systems.asker import Connections
from readiness.systems.logs import queries
from readiness.systems.logs.asking import reader
from readiness.systems.logs.asking.client import Target, require
from readiness.systems.logs.declared import MOST_LINES, LogDrill, Logs
from readiness.systems.logs.reading import complete, of

BEFORE: Final = 1.0  # seconds of writing before the first stop, between the two, and after
EXPIRY: Final = 60.0  # seconds beyond the outage, after which a stopped unit starts by itself
POLL: Final = 1.0  # seconds
LATE: Final = 240.0  # seconds beyond its time in which a line that comes is late, and not lost
SHOWN: Final = 5
# One `logger` takes all lines; each is written when its time has come.
_WRITE: Final = (
    'for i in $(seq 1 "$1"); do echo "$2n$i"; sleep "$3"; done '
    f"| logger --priority {PRIORITY} --tag {TAG}"
)


@dataclass(frozen=True)
class Numbered:
    """What one node found of the numbered lines of one machine, in the last look."""

    machine: str
    node: str
    written: int
    found: int  # different ones
    most_copies: int
    missing: tuple[str, ...]  # the first of those that are missing, by number
    after: float | None = None  # seconds from the end of it all until no line was missing


@dataclass(frozen=True)
class LogLoss:
    """What the drill showed."""

    collectors: int  # how many were stopped, each of which is a trial
    stopped: tuple[str, ...]  # what was stopped, in words
    numbered: tuple[Numbered, ...]


class LossDrill:
    """The drill of one central log."""

    def __init__(self, run: Run, permit: Permit, connections: Connections, logs: Logs) -> None:
        permit.require(Tier.DISRUPT)
        if logs.store.drill is None:
            raise NotRun(f"{logs.id}: no drill is declared", declare="`drill`")
        self._run, self._permit, self._logs = run, permit, logs
        self._drill: LogDrill = logs.store.drill
        self._site = connections.site
        self._readers = {node.id: reader(connections, node) for node in logs.nodes}
        self._marks: dict[str, str] = {}

    def result(self) -> LogLoss:
        """Write, stop, start, and count what is found, as often as declared.

        Raises:
            ActionFailed: something could not be stopped or started again.
            ProbeError: a machine could not write, or a node can't be asked in the end.
        """
        trials = [self._trial() for _ in range(self._drill.trials)]
        return LogLoss(
            collectors=sum(one.collectors for one in trials),
            stopped=tuple(told for one in trials for told in one.stopped),
            numbered=tuple(found for one in trials for found in one.numbered),
        )

    def _trial(self) -> LogLoss:
        self._marks = {name: new_mark() for name in self._logs.store.ships}
        with disturbing(self._run) as machines:
            writers = Writers(self._site, self._logs.store, machines)
            with ThreadPoolExecutor(len(self._marks)) as pool:
                written = [
                    pool.submit(self._write, writers, name, mark)
                    for name, mark in self._marks.items()
                ]
                stopped = self._stop_both(machines)
                for one in written:
                    one.result()
        return LogLoss(len(self._marks), stopped, self._counted())

    @property
    def _pause(self) -> float:
        """Seconds between two lines, so that writing outlasts everything that is stopped."""
        lasts = self._drill.outage * 2 + BEFORE * 5
        return round(lasts / self._drill.lines, 4)

    def _write(self, writers: Writers, machine: str, mark: str) -> None:
        many, pause = self._drill.lines, self._pause
        words = ["bash", "-o", "pipefail", "-c", _WRITE, "write", str(many), mark, f"{pause}"]
        limit = 60.0 + many * (pause + 0.02)
        said = writers.session(machine).run(words, timeout=limit)
        if said.exit_code:
            raise NotUnderstood(f"{machine}: logger: {one_line(said.complaint, 200)}")

    def _stop_both(self, machines: Machines) -> tuple[str, ...]:
        """The collectors at once, and then the store; what was stopped, in words."""
        store = self._logs.store
        time.sleep(BEFORE)
        stopped = self._stop(machines, store.ships, self._drill.collector)
        time.sleep(BEFORE)
        if self._drill.store is not None:
            stopped += self._stop(machines, store.members, self._drill.store)
        return tuple(stopped)

    def _stop(self, machines: Machines, names: Sequence[str], unit: str) -> list[str]:
        stops = [
            Stopped(
                self._run,
                self._permit,
                machines.drill(drill_target(self._site, name)),
                machine=name,
                expiry=self._drill.outage + EXPIRY,
                unit=unit,
            )
            for name in names
        ]
        with ExitStack() as stack:
            for number, one in enumerate(stops):
                # Its name is made of what is owed, which is the same for all of them.
                one.name = f"{one.name}_{number}"
                stack.enter_context(one.held())
            time.sleep(self._drill.outage)
        return [one.told() for one in stops]

    def _counted(self) -> tuple[Numbered, ...]:
        """What each node finds, once it finds all of it.

        Lines that come when the time is up are late and not lost, so they are waited for.
        """
        begun = time.monotonic()
        end = begun + self._drill.catch_up
        whole: dict[tuple[str, str], float] = {}
        while True:
            now = time.monotonic()
            found = self._all_found(last=now >= end)
            for one in found:
                if one.found == one.written:
                    whole.setdefault((one.node, one.machine), round(time.monotonic() - begun, 1))
            # A second copy may come after the first one.
            over = len(whole) == len(found) and (now >= end or self._settled(found))
            if found and (over or now >= end + LATE):
                return tuple(
                    replace(one, after=whole.get((one.node, one.machine))) for one in found
                )
            time.sleep(POLL)

    def _all_found(self, *, last: bool) -> list[Numbered]:
        """What each node finds; nothing where one can't be asked yet, and there is still time."""
        try:
            return [
                self._at(node, where, machine, mark)
                for node, where in self._readers.items()
                for machine, mark in self._marks.items()
            ]
        except ProbeError:
            if last:
                raise
            return []

    def _settled(self, found: Sequence[Numbered]) -> bool:
        """Whether a look that is later by the time a line may take finds nothing new."""
        if not found:
            return False
        time.sleep(self._logs.store.searchable)
        again = [
            self._at(one.node, self._readers[one.node], one.machine, self._marks[one.machine])
            for one in found
        ]
        return again == list(found)

    def _at(self, node: str, where: Target, machine: str, mark: str) -> Numbered:
        store, many = self._logs.store, self._drill.lines
        asked = queries.marked(store, mark, since=time.time(), size=MOST_LINES)
        asked |= {"_source": [store.fields.message], "docvalue_fields": []}
        path = f"{queries.whole(store.indices)}&filter_path=_shards,timed_out,hits.hits._source"
        said = complete(require(where, "POST", path, asked), where=str(where))
        seen = _numbers(said, mark, where=str(where))
        missing = [str(one) for one in range(1, many + 1) if one not in seen]
        return Numbered(
            machine=machine,
            node=node,
            written=many,
            found=many - len(missing),
            most_copies=max(seen.values(), default=0),
            missing=tuple(missing[:SHOWN]),
        )


def _numbers(said: Any, mark: str, *, where: str) -> Counter[int]:
    """How often each number was found."""
    hits = said.get("hits", {}).get("hits", [])
    texts = [str(of(one, "_source", where=where)) for one in hits]
    wanted = re.compile(rf"{mark}n(\d{{1,6}})\b")
    return Counter(int(one) for text in texts for one in wanted.findall(text)[:1])
