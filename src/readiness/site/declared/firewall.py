"""What may connect to what, and from where that is measured."""

import ipaddress
from collections.abc import Collection, Iterator
from functools import cache
from typing import TYPE_CHECKING, Annotated, ClassVar, Literal, Self

from pydantic import Field, StringConstraints, model_validator

from readiness.model.words import Permission
from readiness.site.declared.common import Ip, Port
from readiness.site.declared.machine import Machine
from readiness.site.declared.section import Section
from readiness.site.written import (
    At,
    KeyReference,
    Name,
    SystemUser,
    Text,
    UsedBy,
    Written,
    distinct,
    known,
    wrong,
)

if TYPE_CHECKING:
    from readiness.site.environment import Environment

Network = Annotated[str, StringConstraints(pattern=r"^[0-9a-f.:]+/[0-9]{1,3}$")]
Party = Annotated[str, StringConstraints(pattern=r"^(?:\*|[0-9a-z][0-9a-z.:_-]*)$")]
EVERYWHERE = "*"
MOST_CONNECTIONS = 20_000


class ScanLogin(Written):
    """The system user that scans; without a key the agent is asked."""

    user: SystemUser
    key: KeyReference | None = None


class Outsider(Written):
    """A machine that is none of the site's, from where the site is looked at from outside."""

    name: Name
    role: Name = "outsider"
    addresses: Annotated[tuple[Ip, ...], Field(min_length=1)]


class Flow(Written):
    """Connections that are allowed: who may open which ports where, and what for.

    A name is a zone, else a role, else a machine or a shared address; `*` is every zone.
    """

    source: Party = Field(alias="from")
    destination: Party = Field(alias="to")
    ports: Annotated[tuple[Port, ...], Field(min_length=1)]
    protocol: Literal["tcp", "udp"] = Field(
        default="tcp", description="Flows over UDP are declared for people; they are not measured."
    )
    why: Text


class Firewall(Section):
    """The matrix of what may connect to what; whatever is not declared must be closed."""

    CALLED: ClassVar[str] = "firewall"

    networks: dict[Name, Annotated[tuple[Network, ...], Field(min_length=1)]] = Field(
        description="The networks of each zone, in both families."
    )
    closed: Literal["dropped", "refused"] = Field(
        default="dropped",
        description="What a closed port looks like. Where it is refused, a refusal counts as closed"
        " and a port where nothing listens can't be told from it.",
    )
    login: Annotated[ScanLogin, UsedBy(Permission.SCAN)]
    vantage_points: tuple[Name, ...] = Field(description="Machines that are scanned from.")
    outsiders: tuple[Outsider, ...] = Field(
        default=(), description="Machines of nobody's, scanned from and scanned."
    )
    more_ports: tuple[Port, ...] = Field(
        default=(), description="Ports that are tried besides those declared or found listening."
    )
    most_connections: Annotated[int, Field(ge=1, le=MOST_CONNECTIONS)] = Field(
        default=5_000, description="A vantage point opens no more than this."
    )
    rate: Annotated[int, Field(ge=1, le=2_000)] = Field(
        default=250, description="New connections a second, of each vantage point."
    )
    flows: Annotated[tuple[Flow, ...], Field(min_length=1)]

    @model_validator(mode="after")
    def _consistent(self) -> Self:
        distinct("vantage point", self.vantage_points, ("vantage_points",))
        distinct("outsider", [one.name for one in self.outsiders], ("outsiders",), "name")
        distinct("port", list(map(str, self.more_ports)), ("more_ports",))
        if not (self.vantage_points or self.outsiders):
            raise wrong("at least one entry in vantage_points or outsiders")
        seen: list[tuple[str, ipaddress.IPv4Network | ipaddress.IPv6Network]] = []
        for zone, networks in self.networks.items():
            for index, text in enumerate(networks):
                at = ("networks", zone, index)
                network = _network(text, at)
                for other, taken in seen:
                    if taken.version == network.version and taken.overlaps(network):
                        raise wrong(f"networks that do not meet those of {other}", at, f"'{text}'")
                seen.append((zone, network))
        return self

    def fits(self, site: "Environment", at: At) -> None:
        """Its names are declared, and every address lies in the network of its zone."""
        for zone in self.networks:
            known("zone", zone, site.zones, (*at, "networks", zone))
        site.require_machines(self.vantage_points, (*at, "vantage_points"))
        names = [one.name for one in site.machines]
        for index, outsider in enumerate(self.outsiders):
            if outsider.name in names:
                place = (*at, "outsiders", index, "name")
                raise wrong("the name of no declared machine", place, f"'{outsider.name}'")
        shared = site.shared_addresses
        _addresses_in_zones(self, site.machines, shared)
        roles = {one.role for one in site.machines} | {one.role for one in self.outsiders}
        outside = {one.name for one in self.outsiders}
        parties = {EVERYWHERE, *site.zones, *roles, *names, *outside, *shared}
        for index, flow in enumerate(self.flows):
            for key, party in (("from", flow.source), ("to", flow.destination)):
                what = "zone, role, machine or shared address"
                known(what, party, parties, (*at, "flows", index, key))
            if flow.source in shared:
                expected = "a zone, role or machine: a shared address opens nothing"
                raise wrong(expected, (*at, "flows", index, "from"), flow.source)

    def zone_of(self, address: str) -> str | None:
        """The zone whose network holds the address."""
        return _zone_of(address, tuple(self.networks.items()))


@cache
def _zone_of(address: str, networks: tuple[tuple[str, tuple[str, ...]], ...]) -> str | None:
    """Asked many thousand times about the same few addresses."""
    ip = ipaddress.ip_address(address)
    for zone, texts in networks:
        if any(ip in ipaddress.ip_network(text) for text in texts):
            return zone
    return None


def _network(text: str, at: tuple[str | int, ...]) -> ipaddress.IPv4Network | ipaddress.IPv6Network:
    try:
        return ipaddress.ip_network(text)
    except ValueError:
        raise wrong("a network such as 10.0.0.0/24 or 2001:db8::/64", at, f"'{text}'") from None


def _addresses_in_zones(
    firewall: Firewall, machines: tuple[Machine, ...], shared: Collection[str]
) -> None:
    for at, address, zone in _places(firewall, machines, shared):
        found = firewall.zone_of(address)
        if found is None:
            raise wrong("an address of a declared network (firewall.networks)", at, f"'{address}'")
        if zone is not None and found != zone:
            raise wrong(f"an address of the zone {zone}", at, f"'{address}' of the zone {found}")


def _places(
    firewall: Firewall, machines: tuple[Machine, ...], shared: Collection[str]
) -> Iterator[tuple[tuple[str | int, ...], str, str | None]]:
    """Every address, where it is written, and the zone that it must be of if that is certain."""
    for index, machine in enumerate(machines):
        for place, address in enumerate(machine.addresses):
            home = machine.zone if place == 0 else None
            yield ("machines", index, "addresses", place), address, home
    for index, outsider in enumerate(firewall.outsiders):
        for place, address in enumerate(outsider.addresses):
            yield ("firewall", "outsiders", index, "addresses", place), address, None
    for address in sorted(shared):
        yield ("listeners",), address, None
