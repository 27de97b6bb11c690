"""The declared matrix: which vantage point may reach which address on which TCP port.

A zone as a flow's source is every address of its networks, because a firewall sees nothing but
addresses. As a destination it is the machines that live in it and its shared addresses: a machine
that stands in several zones is a router, which only its own name, its role or `*` means.
"""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from itertools import product
from typing import Any, Final

from readiness.model.errors import NotRun
from readiness.site.declared.common import Address
from readiness.site.declared.firewall import EVERYWHERE, Firewall, Flow, Outsider
from readiness.site.declared.machine import Machine
from readiness.site.environment import Environment

FAMILIES: Final = ("v4", "v6")


@dataclass(frozen=True)
class Target:
    """One address that is scanned, whose it is, and the zone that it lies in.

    A flow means it by one of `zones` or, where that is no zone, by one of `names`.
    """

    name: str
    address: str
    zone: str
    zones: frozenset[str]
    names: frozenset[str]
    machines: frozenset[str]  # that hold it, or may
    listens: frozenset[int] | None = None

    @property
    def family(self) -> str:
        """`v4` or `v6`."""
        return Address(ip=self.address).family


@dataclass(frozen=True)
class Vantage:
    """One machine that is scanned from; `zones` are those of its addresses, home first."""

    name: str
    role: str
    addresses: tuple[str, ...]
    zones: tuple[str, ...]

    @property
    def id(self) -> str:
        """Its name."""
        return self.name

    def stands_in(self, zone: str, family: str, firewall: Firewall) -> bool:
        """Whether it has an address of that family there."""
        return any(
            Address(ip=one).family == family and firewall.zone_of(one) == zone
            for one in self.addresses
        )


@dataclass(frozen=True)
class ZonePair:
    """From one zone to another, or inside one."""

    environment: Environment
    source: str
    destination: str

    @property
    def id(self) -> str:
        """Both zones."""
        return f"{self.source}>{self.destination}"


class Segmentation:
    """What the environment declares about reachability.

    Raises:
        NotRun: it declares nothing.
    """

    def __init__(self, site: Environment) -> None:
        if site.firewall is None:
            raise NotRun(f"{site.name}: no firewall is declared")
        self.site = site
        self.firewall = site.firewall
        self.flows = tuple(one for one in self.firewall.flows if one.protocol == "tcp")
        self.vantages = tuple(self._vantages())
        self.targets = tuple(self._targets())
        self._groups = {EVERYWHERE, *site.zones}

    def _vantages(self) -> Iterator[Vantage]:
        machines = [self.site.machine(name) for name in self.firewall.vantage_points]
        places: list[Machine | Outsider] = [*machines, *self.firewall.outsiders]
        for one in places:
            yield Vantage(one.name, one.role, one.addresses, self._zones(one))

    def _zones(self, one: Machine | Outsider) -> tuple[str, ...]:
        zones = (self.firewall.zone_of(address) for address in one.addresses)
        return tuple(dict.fromkeys(zone for zone in zones if zone))

    def _targets(self) -> Iterator[Target]:
        places: list[Machine | Outsider] = [*self.site.machines, *self.firewall.outsiders]
        for one in places:
            stands = self._zones(one)
            zones = {EVERYWHERE, *(stands if len(stands) == 1 else ())}
            names = frozenset({one.name, one.role})
            listens = tcp_ports(one.listens) if isinstance(one, Machine) else None
            for address in one.addresses:
                zone = self.firewall.zone_of(address) or ""
                machines = frozenset({one.name})
                yield Target(one.name, address, zone, frozenset(zones), names, machines, listens)
        for address in sorted(self.site.shared_addresses):
            zone = self.firewall.zone_of(address) or ""
            names = frozenset({address, *self.site.roles_behind(address)})
            machines = self.site.machines_behind(address)
            yield Target("shared", address, zone, frozenset({EVERYWHERE, zone}), names, machines)

    def open(self, vantage: Vantage, source_zone: str, target: Target) -> frozenset[int]:
        """The TCP ports that this vantage point, coming from that zone, may reach there."""
        return frozenset(
            port
            for flow in self.flows
            if self._comes_from(flow, vantage, source_zone) and self._goes_to(flow, target)
            for port in flow.ports
        )

    def may_be_open(self, vantage: Vantage, target: Target) -> frozenset[int]:
        """The same, whichever of its addresses it will come from."""
        ports = (self.open(vantage, zone, target) for zone in vantage.zones)
        return frozenset().union(*ports)

    def _comes_from(self, flow: Flow, vantage: Vantage, zone: str) -> bool:
        if flow.source in self._groups:
            return flow.source in {EVERYWHERE, zone}
        return flow.source in {vantage.role, vantage.name}

    def _goes_to(self, flow: Flow, target: Target) -> bool:
        meant = target.zones if flow.destination in self._groups else target.names
        return flow.destination in meant

    def pairs(self) -> tuple[ZonePair, ...]:
        """Every zone towards every zone, its own included."""
        every = (ZonePair(self.site, *pair) for pair in product(self.site.zones, repeat=2))
        return tuple(pair for pair in every if not self._alone(pair))

    def _alone(self, pair: ZonePair) -> bool:
        """Whether it is inside a zone where one machine is and nobody else."""
        if pair.source != pair.destination:
            return False
        there = {one.name for one in self.targets if one.zone == pair.source}
        return len(there) == 1 and there == {one.name for one in self.sources(pair)}

    def open_pairs(self) -> tuple[ZonePair, ...]:
        """The pairs that something is declared open between, as far as vantage points show."""
        return tuple(pair for pair in self.pairs() if self._has_flows(pair))

    def _has_flows(self, pair: ZonePair) -> bool:
        return any(
            self._comes_from(flow, vantage, pair.source) and self._goes_to(flow, target)
            for flow, vantage, target in product(self.flows, self.sources(pair), self.targets)
            if target.zone == pair.destination and target.address not in vantage.addresses
        )

    def sources(self, pair: ZonePair) -> tuple[Vantage, ...]:
        """The vantage points that stand in the zone that the pair comes from."""
        return tuple(one for one in self.vantages if pair.source in one.zones)

    def unseen_roles(self, pair: ZonePair, family: str) -> list[str]:
        """Roles that live in the pair's source zone and that no vantage point there has."""
        roles = {one.role for one in self.site.machines if one.zone == pair.source}
        seen = {
            one.role
            for one in self.sources(pair)
            if one.stands_in(pair.source, family, self.firewall)
        }
        return sorted(roles - seen)

    def undeclared(self, held: Mapping[str, Iterable[str]], zone: str, family: str) -> list[str]:
        """The addresses in a zone's networks that machines hold and nobody declares."""
        return [
            f"{address} on {name}"
            for name, addresses in sorted(held.items())
            for address in addresses
            if Address(ip=address).family == family
            and self.firewall.zone_of(address) == zone
            and address not in {*self.site.machine(name).addresses, *self.site.shared_addresses}
        ]

    def declared_ports(self) -> frozenset[int]:
        """Every TCP port that is named anywhere in the environment."""
        listens = (tcp_ports(one.listens) or frozenset() for one in self.site.machines)
        named = _ports_in(self.site.model_dump(mode="python", exclude={"firewall"}))
        flows = (port for flow in self.flows for port in flow.ports)
        return frozenset({*named, *flows, *self.firewall.more_ports}.union(*listens))


def tcp_ports(names: Iterable[str] | None) -> frozenset[int] | None:
    """The TCP ports among names like 443/tcp; None when nothing is declared."""
    if names is None:
        return None
    parts = (name.partition("/") for name in names)
    return frozenset(int(port) for port, _, protocol in parts if protocol == "tcp")


def _ports_in(value: Any, key: str = "") -> Iterator[int]:
    """The numbers behind every key that is called a port, wherever it stands."""
    if isinstance(value, Mapping):
        for name, entry in value.items():
            yield from _ports_in(entry, str(name))
    elif isinstance(value, list | tuple):
        for entry in value:
            yield from _ports_in(entry, key)
    elif isinstance(value, int) and key.rpartition("_")[2] in {"port", "ports"}:
        yield value


def vantages(site: Environment) -> tuple[Vantage, ...]:
    """Every machine that is scanned from, when a firewall is declared."""
    return Segmentation(site).vantages if site.firewall else ()


def zone_pairs(site: Environment) -> Mapping[str, ZonePair]:
    """Every pair of zones, when a firewall is declared."""
    return {one.id: one for one in Segmentation(site).pairs()} if site.firewall else {}


def open_zone_pairs(site: Environment) -> Mapping[str, ZonePair]:
    """The pairs of zones between which something is declared open."""
    return {one.id: one for one in Segmentation(site).open_pairs()} if site.firewall else {}
