"""Declared flows as nftables rules: machines' input chains and the router's forward chain."""

from dataclasses import dataclass

from lab.inventory import Layout, Machine, Zone, layout
from lab.role_file import Flow

NTP_PORT = 123


@dataclass(frozen=True)
class End:
    """The part of a flow's source or destination that lies in one zone, as nftables writes it."""

    zone: Zone
    v4: str
    v6: str


def ends(name: str, site: Layout | None = None) -> list[End]:
    """What a flow's source or destination stands for: a zone, a role or ``"*"``, zone by zone.

    Raises:
        KeyError: neither a zone nor a role that a machine has.
    """
    site = site or layout()
    zones = [zone for zone in site.zones if name in ("*", zone.name)]
    if zones:
        return [End(zone, str(zone.v4), str(zone.v6)) for zone in zones]
    members = site.machines_with(name)
    if not members:
        raise KeyError(name)
    return [
        End(zone, _one_of([m.v4 for m in here]), _one_of([m.v6 for m in here]))
        for zone in site.zones
        if (here := [each for each in members if each.zone == zone])
    ]


def _one_of(values: list[object]) -> str:
    return "{ " + ", ".join(map(str, values)) + " }"


def _accept(flow: Flow, source: End, extra4: str = "", extra6: str = "") -> list[str]:
    ports = _one_of(list(flow.ports))
    what = f'{flow.protocol} dport {ports} accept comment "{flow.why}"'
    return [f"ip saddr {source.v4} {extra4}{what}", f"ip6 saddr {source.v6} {extra6}{what}"]


def input_rules(machine: Machine) -> list[str]:
    """What a machine accepts besides ICMP and answers: the declared flows that end at it.

    The router ends no flow but logins, and gives the time to every zone.
    """
    rules: list[str] = []
    site = layout(machine.site)
    mine = {"*"} if machine.routes else {"*", machine.zone.name, *machine.roles}
    for flow in site.flows:
        if flow.destination in mine:
            for source in ends(flow.source, site):
                rules += _accept(flow, source)
    if machine.routes:
        rules += [
            f'iifname "{card.name}" udp dport {NTP_PORT} accept comment "the site\'s time"'
            for card in machine.interfaces
        ]
    return rules


def forward_rules(site: Layout | None = None) -> list[str]:
    """What the router lets pass between two zones; a source must arrive on its own card."""
    rules: list[str] = []
    site = site or layout()
    for flow in site.flows:
        for destination in ends(flow.destination, site):
            for source in ends(flow.source, site):
                if source.zone is destination.zone:
                    continue
                cards = f'iifname "{source.zone.name}" oifname "{destination.zone.name}" '
                accepted = _accept(
                    flow, source, f"ip daddr {destination.v4} ", f"ip6 daddr {destination.v6} "
                )
                rules += [cards + rule for rule in accepted]
    return rules


def block(rules: list[str]) -> str:
    """The rules as indented lines of a chain."""
    return "\n".join(f"        {rule}" for rule in rules)
