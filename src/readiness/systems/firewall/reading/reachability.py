"""What was found reachable against what is declared, for each pair of zones in one family.

Pure: scans go in, findings come out. A finding is definite; a doubt is why a pair can't be called
closed, or open, although nothing was found against it:

- a vantage point whose known-open ports stopped answering during the scan was banned or cut off;
- one that got no answer from any known-open port shows nothing by the silence of others;
- an address that answered nobody at all may be dead instead of protected;
- a connection that never left (no route, a local filter) was not stopped by the other side.

A refusal has passed the firewall when the target's own system sent it. Where a server was seen to
listen, that system would have let us in: somebody on the way refused, and the flow is blocked.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from operator import is_
from typing import Final

from readiness.systems.firewall.reading.scan import Scan, Towards
from readiness.systems.firewall.segmentation import Segmentation, Target, Vantage, ZonePair
from readiness.systems.hosts.reading.network import Socket

IN_WORDS: Final = {"v4": "IPv4", "v6": "IPv6"}


@dataclass(frozen=True)
class Cell:
    """One port of one address, as one vantage point found it in each round."""

    vantage: Vantage
    source: str
    zone: str
    target: Target
    port: int
    states: tuple[str, ...]
    declared: bool
    passed: tuple[bool, ...]

    @property
    def steady(self) -> bool:
        """Whether every round found the same."""
        return len(set(self.passed)) == 1

    def __str__(self) -> str:
        """Source, target, port, family and what became of it."""
        states = "/".join(dict.fromkeys(self.states))
        family = IN_WORDS[self.target.family]
        return (
            f"{self.vantage.name} ({self.source}) to {self.target.name} ({self.target.address}) "
            f"port {self.port} over {family}: {states}"
        )


@dataclass
class Compared:
    """One pair of zones in one family."""

    open_asked: int = 0
    closed_asked: int = 0
    blocked: list[str] = field(default_factory=list)
    opened: list[str] = field(default_factory=list)
    open_doubts: list[str] = field(default_factory=list)
    closed_doubts: list[str] = field(default_factory=list)

    def doubt(self, why: str) -> None:
        """Something that speaks against both directions."""
        self.open_doubts.append(why)
        self.closed_doubts.append(why)


class Reachability:
    """Scans of all vantage points, made at the same time."""

    def __init__(
        self,
        segmentation: Segmentation,
        scans: Mapping[str, Scan],
        missing: Mapping[str, str] | None = None,
        listening: Mapping[str, tuple[Socket, ...]] | None = None,
    ) -> None:
        """Take the scans by vantage point, why others are missing, and what listens by machine."""
        self.declared, self.scans, self.missing = segmentation, scans, missing or {}
        self.listening = listening or {}
        self._targets = {one.address: one for one in segmentation.targets}
        self._cells: dict[str, list[Cell]] = {}
        for vantage in segmentation.vantages:
            if vantage.name in scans:
                self._cells[vantage.name] = list(self._cells_of(vantage))
        self.alive = {
            cell.target.address
            for cells in self._cells.values()
            for cell in cells
            if cell.declared and all(cell.passed)
        }

    def _cells_of(self, vantage: Vantage) -> Iterator[Cell]:
        for towards in self.scans[vantage.name].towards:
            target = self._targets.get(towards.address)
            if target is None or self._problem(vantage, towards) or self._own(towards):
                continue
            zone = self.declared.firewall.zone_of(towards.source) or ""
            open_ports = self.declared.open(vantage, zone, target)
            for port, states in _ports(towards):
                declared = port in open_ports
                served = declared and self._served(target, port)
                passed = tuple(one == "open" if served else self._passes(one) for one in states)
                yield Cell(vantage, towards.source, zone, target, port, states, declared, passed)

    def _passes(self, state: str) -> bool:
        """Whether the firewall let it through: a refusal comes from the other side of it."""
        return state == "open" or (
            state == "refused" and self.declared.firewall.closed == "dropped"
        )

    def _served(self, target: Target, port: int) -> bool:
        """Whether everyone who may hold the address was seen to listen there."""
        return bool(target.machines) and all(
            any(
                one.protocol == "tcp" and one.port == port and one.takes(target.address)
                for one in self.listening.get(name, ())
            )
            for name in target.machines
        )

    def _own(self, towards: Towards) -> bool:
        """Whether it is the vantage point's own address, which no firewall stands before."""
        return towards.source == towards.address

    def _problem(self, vantage: Vantage, towards: Towards) -> str:
        """Why nothing that was found there counts."""
        mine = {*vantage.addresses, *self.declared.site.shared_addresses}
        where = f"{vantage.name} to {towards.address}"
        if not towards.source:
            return f"{where}: no route, nothing was sent"
        if towards.source not in mine:
            return f"{where}: comes from {towards.source}, which is not declared as its address"
        unsent = [port for port, states in _ports(towards) if "unsent" in states]
        if unsent:
            return f"{where}: port {unsent[0]} and {len(unsent) - 1} more were not sent"
        return ""

    def lost(self, vantage: Vantage, family: str) -> str:
        """Which known-open port of the vantage point did not answer all the time, if one did."""
        for cell in self._cells[vantage.name]:
            if cell.declared and cell.target.family == family and not cell.steady:
                return f"{cell}, so {vantage.name} may have been banned or cut off meanwhile"
        return ""

    def witnesses(self, vantage: Vantage, family: str) -> int:
        """How many known-open ports answered the vantage point before, during and after."""
        return sum(
            cell.declared and cell.target.family == family and all(cell.passed)
            for cell in self._cells[vantage.name]
        )

    def compare(self, pair: ZonePair, family: str) -> Compared:
        """What speaks for and against a pair of zones."""
        found = Compared()
        for vantage in self.declared.sources(pair):
            if not vantage.stands_in(pair.source, family, self.declared.firewall):
                continue
            if vantage.name not in self.scans:
                why = self.missing.get(vantage.name, "no answer")
                found.doubt(f"{vantage.name}: nothing was scanned from there: {why}")
                continue
            lost = self.lost(vantage, family)
            if lost:
                found.doubt(lost)
            elif not self.witnesses(vantage, family):
                found.closed_doubts.append(
                    f"{vantage.name}: none of its known-open ports answers over "
                    f"{IN_WORDS[family]}, so silence says nothing"
                )
            self._problems(found, vantage, pair, family)
            for cell in self._cells[vantage.name]:
                if cell.zone == pair.source and _of(cell.target, pair, family):
                    self._count(found, cell, trusted=not lost)
        return found

    def _problems(self, found: Compared, vantage: Vantage, pair: ZonePair, family: str) -> None:
        for towards in self.scans[vantage.name].towards:
            target = self._targets.get(towards.address)
            if target is not None and _of(target, pair, family):
                problem = self._problem(vantage, towards)
                if problem:
                    found.doubt(problem)

    def _count(self, found: Compared, cell: Cell, *, trusted: bool) -> None:
        if cell.declared:
            if not self._told_apart(cell):
                return
            found.open_asked += 1
            if trusted and not any(cell.passed):
                found.blocked.append(str(cell))
            return
        found.closed_asked += 1
        if any(cell.passed):
            found.opened.append(str(cell))
        elif cell.target.address not in self.alive:
            doubt = f"{cell.target.name} ({cell.target.address}) answered nobody on any known port"
            if doubt not in found.closed_doubts:
                found.closed_doubts.append(doubt)

    def _told_apart(self, cell: Cell) -> bool:
        """Whether an open port can be told from a closed one there."""
        if self.declared.firewall.closed == "dropped":
            return True
        return cell.target.listens is None or cell.port in cell.target.listens


_LAST: Final[list[tuple[tuple[object, ...], Mapping[str, str], Reachability]]] = []


def worked_out(
    declared: Segmentation,
    scans: Mapping[str, Scan],
    missing: Mapping[str, str],
    listening: Mapping[str, tuple[Socket, ...]],
) -> Reachability:
    """The same for every pair of zones: working it out takes as long as comparing sixty of them.

    What was worked out last is kept while it rests on the very same readings.
    """
    rests_on = (declared.site, *scans.values(), *listening.values())
    for known, why, found in _LAST:
        if why == missing and len(known) == len(rests_on) and all(map(is_, known, rests_on)):
            return found
    found = Reachability(declared, scans, missing, listening)
    _LAST[:] = [(rests_on, missing, found)]
    return found


def _of(target: Target, pair: ZonePair, family: str) -> bool:
    return target.zone == pair.destination and target.family == family


def _ports(towards: Towards) -> Iterator[tuple[int, tuple[str, ...]]]:
    """Every port with what it was found as, in each round."""
    for known in towards.known:
        yield known.port, known.states
    for state, ports in towards.others.items():
        for port in ports:
            yield port, (state,)
