"""The lab's machines, zones, addresses and declared flows: the one source of truth for all of it.

Everything that names a machine or an address (names, firewalls, certificates, environment files,
faults) is derived from here. Importable without root and without a lab.
"""

from dataclasses import dataclass
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network

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


@dataclass(frozen=True)
class Flow:
    """A permitted kind of connection: who may open which ports where, and what for.

    Source and destination are a zone, a role, or ``"*"`` for every zone.
    """

    source: str
    destination: str
    ports: tuple[int, ...]
    why: str
    protocol: str = "tcp"


def _zone(name: str, number: int) -> Zone:
    return Zone(name, IPv4Network(f"198.18.{number}.0/24"), IPv6Network(f"2001:2:0:{number}::/64"))


INTERNET = _zone("internet", 0)
EDGE = _zone("edge", 1)
APP = _zone("app", 2)
DATA = _zone("data", 3)
OPS = _zone("ops", 4)
ZONES = (INTERNET, EDGE, APP, DATA, OPS)


def _machine(name: str, zone: Zone, number: int, *roles: str) -> Machine:
    return Machine(name, (Interface("eth0", zone, number),), ("base", *roles))


def _gateway(name: str, *zones: Zone) -> Machine:
    cards = tuple(Interface(zone.name, zone, GATEWAY_NUMBER) for zone in zones)
    return Machine(name, cards, ("base", "gw"))


MACHINES = (
    _gateway("gw1", OPS, INTERNET, EDGE, APP, DATA),
    _machine("stranger", INTERNET, 10, "stranger"),
    _machine("edge1", EDGE, 11, "edge"),
    _machine("edge2", EDGE, 12, "edge"),
    _machine("app1", APP, 11, "app"),
    _machine("app2", APP, 12, "app"),
    _machine("db1", DATA, 11, "db", "drilled"),
    _machine("db2", DATA, 12, "db", "drilled"),
    _machine("db3", DATA, 13, "db", "drilled"),
    _machine("cache1", DATA, 21, "cache"),
    _machine("cache2", DATA, 22, "cache"),
    _machine("cache3", DATA, 23, "cache"),
    _machine("mon1", OPS, 10, "ops"),
    _machine("backup1", OPS, 20, "backup"),
    _machine("spare", OPS, 21, "spare"),
)

VIP4 = EDGE.host4(VIP_NUMBER)
VIP6 = EDGE.host6(VIP_NUMBER)

# Names that belong to a service and not to a machine, each with its IPv4 and IPv6 address.
SERVICES: dict[str, tuple[IPv4Address, IPv6Address]] = {
    f"portal.{DOMAIN}": (VIP4, VIP6),
    f"acme.{DOMAIN}": (OPS.host4(10), OPS.host6(10)),
}

FLOWS = (
    Flow("internet", "edge", (80, 443), "students reach the portal"),
    Flow("edge", "app", (8000,), "the edge passes requests to the portal"),
    Flow("app", "db", (5432, 8008), "the pooler's HAProxy asks Patroni who leads"),
    Flow("app", "cache", (6379, 26379), "the portal's sessions, found through Sentinel"),
    Flow("db", "db", (5432, 8008, 2379, 2380), "replication, Patroni and etcd peers"),
    Flow("cache", "cache", (6379, 26379), "replication, and Sentinels among themselves"),
    Flow("db", "backup", (8432,), "WAL is archived"),
    Flow("backup", "db", (8432,), "backups are taken"),
    Flow("spare", "backup", (8432,), "backups are restored"),
    Flow("edge", "ops", (5002,), "the edge passes HTTP-01 challenges to the one issuer"),
    Flow("internet", "internet", (123,), "the world's time server, which gw1 follows", "udp"),
    Flow("ops", "*", (22,), "operators and the gate log in"),
    Flow("ops", "edge", (80, 443), "HTTP-01 validation; the gate looks at the listeners"),
    Flow("ops", "edge", (7000,), "the gate asks HAProxy about its servers"),
    Flow("ops", "app", (8000, 6432, 7000), "the gate looks at portal, pooler and HAProxy"),
    Flow("ops", "db", (5432, 8008, 2379, 2380), "the gate looks at the cluster"),
    Flow("ops", "cache", (6379, 26379), "the gate looks at the cache"),
    Flow("ops", "spare", (5432,), "the gate looks at what was restored"),
)


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
