"""The lab's machines, zones, addresses and declared flows: the one source of truth for all of it.

Zones, the router and what belongs to no role alone stand here; machines, flows, packages and
passwords are gathered from the roles, which say them (``[site]`` in their ``role.toml``).
Everything that names a machine or an address (names, firewalls, certificates, environment files,
faults) is derived from here. Importable without root and without a lab.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network

from lab.role_file import Flow, Place, Role, load_all
from readiness.site.written import one_of

DOMAIN = "lab.test"
GATEWAY_NUMBER = 1
VIP_NUMBER = 100


@dataclass(frozen=True)
class Zone:
    """One network segment: a bridge of its own, one IPv4 and one IPv6 network."""

    name: str
    v4: IPv4Network
    v6: IPv6Network

    def host4(self, number: int) -> IPv4Address:
        """The IPv4 address of the member with this number."""
        return self.v4[number]

    def host6(self, number: int) -> IPv6Address:
        """The IPv6 address whose last group reads like the number: 11 becomes ``::11``."""
        return self.v6[int(str(number), 16)]


@dataclass(frozen=True)
class Interface:
    """One network card of a machine."""

    name: str
    zone: Zone
    number: int

    @property
    def v4(self) -> IPv4Address:
        """Its IPv4 address."""
        return self.zone.host4(self.number)

    @property
    def v6(self) -> IPv6Address:
        """Its IPv6 address."""
        return self.zone.host6(self.number)


@dataclass(frozen=True)
class Machine:
    """One machine: its cards (the first is home) and the roles laid over the image, in order."""

    name: str
    interfaces: tuple[Interface, ...]
    roles: tuple[str, ...]

    @property
    def home(self) -> Interface:
        """The card whose address stands behind the machine's name."""
        return self.interfaces[0]

    @property
    def zone(self) -> Zone:
        """The zone it lives in."""
        return self.home.zone

    @property
    def v4(self) -> IPv4Address:
        """Its own IPv4 address."""
        return self.home.v4

    @property
    def v6(self) -> IPv6Address:
        """Its own IPv6 address."""
        return self.home.v6

    @property
    def fqdn(self) -> str:
        """Its full name."""
        return f"{self.name}.{DOMAIN}"

    @property
    def routes(self) -> bool:
        """Whether it stands in several zones and forwards between them."""
        return len(self.interfaces) > 1


def _zone(name: str, number: int) -> Zone:
    return Zone(name, IPv4Network(f"198.18.{number}.0/24"), IPv6Network(f"2001:2:0:{number}::/64"))


INTERNET = _zone("internet", 0)
EDGE = _zone("edge", 1)
APP = _zone("app", 2)
DATA = _zone("data", 3)
OPS = _zone("ops", 4)
ZONES = (INTERNET, EDGE, APP, DATA, OPS)

# The role that every machine has, below all others, and the router's, which no machine else has.
BASE = "base"
ROUTER = "gw"
# What all systems rely on comes after them, in this order: the issuer, the world's time, logins.
SHARED = ("ops", "stranger", BASE)

VIP4 = EDGE.host4(VIP_NUMBER)
VIP6 = EDGE.host6(VIP_NUMBER)

# Names that belong to a service and not to a machine, each with its IPv4 and IPv6 address.
SERVICES: dict[str, tuple[IPv4Address, IPv6Address]] = {
    f"portal.{DOMAIN}": (VIP4, VIP6),
    f"acme.{DOMAIN}": (OPS.host4(10), OPS.host6(10)),
}


def machines_of(roles: Mapping[str, Role]) -> tuple[Machine, ...]:
    """The router, then every machine that a role says it has, by zone and number.

    A machine's roles are, in order: :data:`BASE`, the one that has it, those that are also on its
    machines, those that are also on theirs, and so on; of several at once by name.

    Raises:
        WrongRole: a role says what can't be; says in which file, at which key.
    """
    cards = (OPS, *(zone for zone in ZONES if zone is not OPS))
    router = Machine(
        "gw1",
        tuple(Interface(zone.name, zone, GATEWAY_NUMBER) for zone in cards),
        _laid_over(ROUTER, roles),
    )
    taken = {(zone.name, GATEWAY_NUMBER): router.name for zone in ZONES}
    taken[EDGE.name, VIP_NUMBER] = "the virtual address"
    found = {router.name: router}
    for role in roles.values():
        for name, place in role.site.machines.items():
            if name in found:
                raise role.wrong(("site", "machines", name), "each machine once", f"'{name}' twice")
            zone = _zone_of(role, name, place)
            holder = taken.setdefault((zone.name, place.number), name)
            if holder != name:
                key = ("site", "machines", name, "number")
                raise role.wrong(
                    key, f"a free number in {zone.name}", f"{place.number} of {holder}"
                )
            card = Interface("eth0", zone, place.number)
            found[name] = Machine(name, (card,), _laid_over(role.name, roles))
    _refuse_idle(roles, found.values())
    return tuple(sorted(found.values(), key=_position))


def flows_of(roles: Mapping[str, Role], machines: Iterable[Machine]) -> tuple[Flow, ...]:
    """Every permitted connection, role by role; those by which operations look at a system last.

    Raises:
        WrongRole: a flow begins or ends at nobody; says in which file, at which key.
    """
    known = {"*", *(zone.name for zone in ZONES), *(one for each in machines for one in each.roles)}
    own: list[Flow] = []
    looks: list[Flow] = []
    for name, role in roles.items():
        for index, flow in enumerate(role.site.flows):
            for key, end in (("from", flow.source), ("to", flow.destination)):
                if end not in known:
                    expected = f"'*', a zone or a role that a machine has{one_of(end, known)}"
                    raise role.wrong(("site", "flows", index, key), expected, f"'{end}'")
            seen_from_ops = flow.source == OPS.name and name not in SHARED
            (looks if seen_from_ops else own).append(flow)
    return (*own, *looks)


def in_order(roles: Mapping[str, Role], machines: Iterable[Machine]) -> dict[str, Role]:
    """The roles as their machines come, then what is :data:`SHARED`."""
    laid = dict.fromkeys(name for each in machines for name in each.roles)
    systems = [name for name in laid if name not in SHARED]
    return {name: roles[name] for name in (*systems, *(one for one in SHARED if one in laid))}


def _laid_over(own: str, roles: Mapping[str, Role]) -> tuple[str, ...]:
    """The roles of a machine that one role has."""
    found = list(dict.fromkeys((BASE, own)))
    while more := [
        name
        for name, role in sorted(roles.items())
        if name not in found and set(role.site.also_on) & set(found)
    ]:
        found += more
    return tuple(found)


def _zone_of(role: Role, name: str, place: Place) -> Zone:
    zones = {zone.name: zone for zone in ZONES}
    if place.zone not in zones:
        key = ("site", "machines", name, "zone")
        raise role.wrong(key, f"a zone{one_of(place.zone, zones)}", f"'{place.zone}'")
    return zones[place.zone]


def _position(each: Machine) -> tuple[bool, int, int]:
    """The router first, then by zone and number."""
    return not each.routes, ZONES.index(each.zone), each.home.number


def _refuse_idle(roles: Mapping[str, Role], machines: Iterable[Machine]) -> None:
    """Refuse a role that no machine has, and the name of a role that there is not."""
    laid = {name for each in machines for name in each.roles}
    for name, role in roles.items():
        for index, other in enumerate(role.site.also_on):
            if other not in roles:
                raise role.wrong(
                    ("site", "also_on", index), f"a role{one_of(other, roles)}", f"'{other}'"
                )
        if name not in laid:
            raise role.wrong(("site",), "`machines`, or `also_on` a role that has some", "neither")


_ROLES = load_all()
MACHINES = machines_of(_ROLES)
ROLES = in_order(_ROLES, MACHINES)
FLOWS = flows_of(ROLES, MACHINES)
# What the shared image is made with: whatever any role needs is on every machine.
PACKAGES = tuple(sorted({name for role in ROLES.values() for name in role.site.packages}))
# The files below secrets that hold a password, each made once.
PASSWORDS = tuple(dict.fromkeys(name for role in ROLES.values() for name in role.site.passwords))


def machine(name: str) -> Machine:
    """The machine of this name.

    Raises:
        KeyError: no such machine.
    """
    for candidate in MACHINES:
        if candidate.name == name:
            return candidate
    raise KeyError(name)


def machines_with(role: str) -> tuple[Machine, ...]:
    """Every machine that has this role."""
    return tuple(candidate for candidate in MACHINES if role in candidate.roles)


def hosts_file() -> str:
    """The ``/etc/hosts`` of every machine and of whoever looks from mon1."""
    lines = ["127.0.0.1 localhost", "::1 localhost ip6-localhost ip6-loopback"]
    for each in MACHINES:
        lines += [f"{address} {each.fqdn} {each.name}" for address in (each.v4, each.v6)]
    for name, addresses in SERVICES.items():
        lines += [f"{address} {name} {name.partition('.')[0]}" for address in addresses]
    return "\n".join(lines) + "\n"


def template_values(each: Machine) -> dict[str, str]:
    """What ``{{ … }}`` may name in the templates laid over this machine."""
    values = {
        "machine.name": each.name,
        "machine.fqdn": each.fqdn,
        "machine.v4": str(each.v4),
        "machine.v6": str(each.v6),
        "machine.zone": each.zone.name,
        "gateway.v4": str(each.zone.host4(GATEWAY_NUMBER)),
        "gateway.v6": str(each.zone.host6(GATEWAY_NUMBER)),
        "vip.v4": str(VIP4),
        "vip.v6": str(VIP6),
        "domain": DOMAIN,
    }
    for other in MACHINES:
        values |= {f"{other.name}.v4": str(other.v4), f"{other.name}.v6": str(other.v6)}
    for zone in ZONES:
        values |= {f"zone.{zone.name}.v4": str(zone.v4), f"zone.{zone.name}.v6": str(zone.v6)}
    return values
