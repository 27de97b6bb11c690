"""Network namespaces, bridges and cards of one lab, made from outside before any machine boots.

The bridges live in a namespace of their own, so no firewall of the host (nor Docker's) sees them.
"""

import re
from collections.abc import Iterable
from pathlib import Path

from lab.home import Home
from lab.host import call
from lab.inventory import (
    GATEWAY_NUMBER,
    ZONES,
    Interface,
    Machine,
    Zone,
    layout,
)

NETNS_FOLDER = Path("/run/netns")
SWITCH = "net"

# Set in every machine before it boots. Forwarding begins off whatever the host has: the router
# turns it on itself, once its rules are loaded.
SYSCTLS = {
    "net.ipv4.ip_forward": "0",
    "net.ipv6.conf.all.forwarding": "0",
    "net.ipv6.conf.all.disable_ipv6": "0",
    "net.ipv6.conf.default.disable_ipv6": "0",
    "net.ipv6.conf.all.accept_ra": "0",
    "net.ipv6.conf.default.accept_ra": "0",
    "net.ipv6.conf.default.accept_dad": "0",
    "net.ipv4.conf.all.rp_filter": "1",
    "net.ipv4.conf.default.rp_filter": "1",
}


def path(home: Home, name: str) -> Path:
    """The file that stands for a machine's namespace (or the bridges', :data:`SWITCH`)."""
    return NETNS_FOLDER / home.namespace(name)


def port(machine: Machine, card: Interface) -> str:
    """The name of the bridge's end of a cable, at most 15 characters."""
    return machine.name if not machine.routes else f"{machine.name}-{card.zone.name}"


def bridge_commands(zones: Iterable[Zone] = ZONES) -> list[str]:
    """``ip -batch`` lines for the switch: a bridge per zone."""
    lines = ["link set lo up"]
    for zone in zones:
        bridge = f"br-{zone.name}"
        lines += [
            f"link add {bridge} type bridge stp_state 0 forward_delay 0 mcast_snooping 0",
            f"link set {bridge} addrgenmode none",
            f"link set {bridge} up",
        ]
    return lines


def cable_commands(home: Home, machines: Iterable[Machine]) -> list[str]:
    """``ip -batch`` lines for the switch: a cable into each machine's card."""
    return [
        line
        for machine in machines
        for card in machine.interfaces
        for line in (
            _cable(port(machine, card), card.name, home.namespace(machine.name)),
            f"link set {port(machine, card)} addrgenmode none",
            f"link set {port(machine, card)} master br-{card.zone.name} up",
        )
    ]


def _cable(end: str, card: str, namespace: str) -> str:
    return f"link add {end} type veth peer name {card} netns {namespace}"


def address_commands(machine: Machine) -> list[str]:
    """``ip -batch`` lines for a machine: its addresses, and the router as its way out.

    Where a site has no router the way leads nowhere: an address outside stays silent, as it does
    behind a router.
    """
    lines = ["link set lo up"]
    for card in machine.interfaces:
        v4, v6 = card.zone.v4.prefixlen, card.zone.v6.prefixlen
        lines += [
            f"link set {card.name} up",
            f"addr add {card.v4}/{v4} dev {card.name}",
            f"addr add {card.v6}/{v6} dev {card.name} nodad",
        ]
    if not machine.routes:
        home = machine.home
        lines += [
            f"route add default via {home.zone.host4(GATEWAY_NUMBER)} dev {home.name}",
            f"route add ::/0 via {home.zone.host6(GATEWAY_NUMBER)} dev {home.name}",
        ]
    return lines


def build(home: Home) -> None:
    """Make namespaces, bridges, cables, addresses and routes for the machines of its site."""
    members, zones = layout(home.site).machines, layout(home.site).zones
    _batch("", [f"netns add {home.namespace(name)}" for name in _names(members)])
    settings = [f"{key}={value}" for key, value in SYSCTLS.items()]
    for machine in members:
        call(["nsenter", f"--net={path(home, machine.name)}", "sysctl", "-q", "-w", *settings])
    _batch(home.namespace(SWITCH), [*bridge_commands(zones), *cable_commands(home, members)])
    for machine in members:
        _batch(home.namespace(machine.name), address_commands(machine))


def destroy(home: Home) -> None:
    """Remove every namespace of this lab; cables and bridges go with them."""
    for name in present(home):
        call(["ip", "netns", "delete", name])


def present(home: Home) -> list[str]:
    """The namespaces of this lab that exist."""
    if not NETNS_FOLDER.is_dir():
        return []
    known = re.compile(re.escape(home.prefix) + f"({'|'.join(_names(layout(home.site).machines))})")
    return sorted(each.name for each in NETNS_FOLDER.iterdir() if known.fullmatch(each.name))


def _names(machines: Iterable[Machine]) -> list[str]:
    return [SWITCH, *(machine.name for machine in machines)]


def _batch(namespace: str, lines: list[str]) -> None:
    where = ["-n", namespace] if namespace else []
    call(["ip", *where, "-batch", "-"], stdin="\n".join(lines) + "\n")
