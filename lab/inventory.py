"""The lab's machines, zones, addresses and declared flows: the one source of truth for all of it.

The lab has several sites. Of the big one (:data:`LAB`) zones, the router and what belongs to no
role alone stand here; all else, and of other sites everything, is gathered from the roles, which
say it (``[site]`` in their ``role.toml``). The constants at the end are the big site's; another
one's are in its :func:`layout`. Everything that names a machine or an address (names, firewalls,
certificates, environment files, faults) is derived from here. Importable without root and without
a lab.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network

from lab.errors import LabError
from lab.home import LAB
from lab.role_file import Flow, Place, Role, load_all
from readiness.site.written import one_of

DOMAIN = "lab.test"
GATEWAY_NUMBER = 1
VIP_NUMBER = 100
# The machine that the gate looks from, at every site.
VANTAGE = "mon1"


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
    site: str = LAB

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


def machines_of(
    roles: Mapping[str, Role], zones: Sequence[Zone] = ZONES, site: str = LAB
) -> tuple[Machine, ...]:
    """The router, where there is one, then every machine that a role says it has, by zone, number.

    A machine's roles are, in order: those that every machine has, the one that has it, those that
    are also on its machines, those that are also on theirs, and so on; of several at once by name.

    Raises:
        WrongRole: a role says what can't be; says in which file, at which key.
    """
    found: dict[str, Machine] = {}
    taken: dict[tuple[str, int], str] = {}
    if ROUTER in roles:
        found, taken = _router(roles, zones, site)
    for role in roles.values():
        for name, place in role.site.machines.items():
            if name in found:
                raise role.wrong(("site", "machines", name), "each machine once", f"'{name}' twice")
            zone = _zone_of(role, name, place, zones)
            holder = taken.setdefault((zone.name, place.number), name)
            if holder != name:
                key = ("site", "machines", name, "number")
                raise role.wrong(
                    key, f"a free number in {zone.name}", f"{place.number} of {holder}"
                )
            card = Interface("eth0", zone, place.number)
            found[name] = Machine(name, (card,), _laid_over(role.name, roles), site)
    _refuse_idle(roles, found.values())

    def position(each: Machine) -> tuple[bool, int, int]:
        """The router first, then by zone and number."""
        return not each.routes, zones.index(each.zone), each.home.number

    return tuple(sorted(found.values(), key=position))


def _router(
    roles: Mapping[str, Role], zones: Sequence[Zone], site: str
) -> tuple[dict[str, Machine], dict[tuple[str, int], str]]:
    """The machine that stands in every zone, and the numbers that nobody else may have."""
    cards = (OPS, *(zone for zone in zones if zone is not OPS))
    router = Machine(
        "gw1",
        tuple(Interface(zone.name, zone, GATEWAY_NUMBER) for zone in cards),
        _laid_over(ROUTER, roles),
        site,
    )
    taken = {(zone.name, GATEWAY_NUMBER): router.name for zone in zones}
    taken[EDGE.name, VIP_NUMBER] = "the virtual address"
    return {router.name: router}, taken


def flows_of(
    roles: Mapping[str, Role], machines: Iterable[Machine], zones: Sequence[Zone] = ZONES
) -> tuple[Flow, ...]:
    """Every permitted connection, role by role; those by which operations look at a system last.

    Raises:
        WrongRole: a flow begins or ends at nobody; says in which file, at which key.
    """
    known = {"*", *(zone.name for zone in zones), *(one for each in machines for one in each.roles)}
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


def zones_of(roles: Mapping[str, Role]) -> tuple[Zone, ...]:
    """The zones that a site's roles say it has, by number.

    Raises:
        WrongRole: two zones have one number, or one name.
    """
    found: dict[str, int] = {}
    for role in roles.values():
        for name, number in role.site.zones.items():
            if name in found or number in found.values():
                key = ("site", "zones", name)
                raise role.wrong(key, "a name and a number of its own", f"{name} = {number}")
            found[name] = number
    return tuple(_zone(name, found[name]) for name in sorted(found, key=found.__getitem__))


def _laid_over(own: str, roles: Mapping[str, Role]) -> tuple[str, ...]:
    """The roles of a machine that one role has."""
    everywhere = [name for name, role in sorted(roles.items()) if role.site.everywhere]
    below = [BASE, *everywhere] if BASE in roles else everywhere
    found = list(dict.fromkeys((*below, own)))
    while more := [
        name
        for name, role in sorted(roles.items())
        if name not in found and set(role.site.also_on) & set(found)
    ]:
        found += more
    return tuple(found)


def _zone_of(role: Role, name: str, place: Place, known: Sequence[Zone]) -> Zone:
    zones = {zone.name: zone for zone in known}
    if place.zone not in zones:
        key = ("site", "machines", name, "zone")
        raise role.wrong(key, f"a zone{one_of(place.zone, zones)}", f"'{place.zone}'")
    return zones[place.zone]


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


@dataclass(frozen=True)
class Layout:
    """One site of the lab: all that is the same for every lab home of it."""

    site: str
    zones: tuple[Zone, ...]
    roles: Mapping[str, Role]
    machines: tuple[Machine, ...]
    flows: tuple[Flow, ...]
    # Names that belong to a service and not to a machine, with their IPv4 and IPv6 addresses.
    services: Mapping[str, tuple[IPv4Address, IPv6Address]]

    @property
    def packages(self) -> tuple[str, ...]:
        """The Debian packages that any of its roles needs."""
        return tuple(sorted({name for role in self.roles.values() for name in role.site.packages}))

    @property
    def passwords(self) -> tuple[str, ...]:
        """The files below secrets that hold a password, each made once."""
        return tuple(
            dict.fromkeys(name for role in self.roles.values() for name in role.site.passwords)
        )

    @property
    def ssh_keys(self) -> tuple[str, ...]:
        """The SSH key pairs that its roles need besides those of every site."""
        return tuple(
            dict.fromkeys(name for role in self.roles.values() for name in role.site.ssh_keys)
        )

    def machine(self, name: str) -> Machine:
        """The machine of this name.

        Raises:
            KeyError: no such machine.
        """
        for candidate in self.machines:
            if candidate.name == name:
                return candidate
        raise KeyError(name)

    def machines_with(self, role: str) -> tuple[Machine, ...]:
        """Every machine that has this role."""
        return tuple(candidate for candidate in self.machines if role in candidate.roles)

    def hosts_file(self) -> str:
        """The ``/etc/hosts`` of every machine and of whoever looks from mon1."""
        lines = ["127.0.0.1 localhost", "::1 localhost ip6-localhost ip6-loopback"]
        for each in self.machines:
            lines += [f"{address} {each.fqdn} {each.name}" for address in (each.v4, each.v6)]
        for name, addresses in self.services.items():
            lines += [f"{address} {name} {name.partition('.')[0]}" for address in addresses]
        return "\n".join(lines) + "\n"


def sites() -> tuple[str, ...]:
    """The names of all sites, the big one first."""
    others = {role.site.of for role in _all_roles().values()} - {LAB}
    return (LAB, *sorted(others))


@cache
def layout(site: str = LAB) -> Layout:
    """The site of this name.

    Raises:
        LabError: no role belongs to such a site.
        WrongRole: one of its roles says what can't be.
    """
    if site not in sites():
        raise LabError(f"no site is called {site!r}; there are: {', '.join(sites())}")
    roles = {name: role for name, role in _all_roles().items() if role.site.of == site}
    zones = ZONES if site == LAB else zones_of(roles)
    machines = machines_of(roles, zones, site)
    ordered = in_order(roles, machines)
    flows = flows_of(ordered, machines, zones)
    services = SERVICES if site == LAB else _services(roles, machines)
    return Layout(site, zones, ordered, machines, flows, services)


@cache
def _all_roles() -> dict[str, Role]:
    return load_all()


def _services(
    roles: Mapping[str, Role], machines: Iterable[Machine]
) -> dict[str, tuple[IPv4Address, IPv6Address]]:
    """The names that a site's machines have besides their own."""
    places = {name: place for role in roles.values() for name, place in role.site.machines.items()}
    return {
        f"{name}.{DOMAIN}": (each.v4, each.v6)
        for each in machines
        if each.name in places
        for name in places[each.name].names
    }


# The big site's.
MACHINES = layout().machines
ROLES = layout().roles
FLOWS = layout().flows
# What the shared image is made with: whatever any of its roles needs is on every machine.
PACKAGES = layout().packages
PASSWORDS = layout().passwords


def machine(name: str) -> Machine:
    """The machine of this name at the big site.

    Raises:
        KeyError: no such machine.
    """
    return layout().machine(name)


def machines_with(role: str) -> tuple[Machine, ...]:
    """Every machine of the big site that has this role."""
    return layout().machines_with(role)


def hosts_file() -> str:
    """The ``/etc/hosts`` of the big site."""
    return layout().hosts_file()


def template_values(each: Machine) -> dict[str, str]:
    """What ``{{ … }}`` may name in the templates laid over this machine."""
    site = layout(each.site)
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
    for other in site.machines:
        values |= {f"{other.name}.v4": str(other.v4), f"{other.name}.v6": str(other.v6)}
    for zone in site.zones:
        values |= {f"zone.{zone.name}.v4": str(zone.v4), f"zone.{zone.name}.v6": str(zone.v6)}
    return values
