"""Declared flows as nftables rules: machines' input chains and the router's forward chain."""

from lab.inventory import FLOWS, ZONES, Flow, Machine, Zone

NTP_PORT = 123


def _sources(flow: Flow, zone: Zone) -> list[Zone]:
    """The zones a flow into this zone may come from."""
    return [source for source in ZONES if flow.starts_in(source.name) and flow.reaches(zone.name)]


def _ports(flow: Flow) -> str:
    return "{ " + ", ".join(str(port) for port in flow.ports) + " }"


def _accept(flow: Flow, source: Zone, extra4: str = "", extra6: str = "") -> list[str]:
    what = f'{flow.protocol} dport {_ports(flow)} accept comment "{flow.why}"'
    return [f"ip saddr {source.v4} {extra4}{what}", f"ip6 saddr {source.v6} {extra6}{what}"]


def input_rules(machine: Machine) -> list[str]:
    """What a machine accepts besides ICMP and answers: the declared flows that end in its zone.

    The router ends no flow but logins, and gives the time to every zone.
    """
    rules: list[str] = []
    for flow in FLOWS:
        if machine.routes and flow.destination != "*":
            continue
        for source in _sources(flow, machine.zone):
            rules += _accept(flow, source)
    if machine.routes:
        rules += [
            f'iifname "{card.name}" udp dport {NTP_PORT} accept comment "the site\'s time"'
            for card in machine.interfaces
        ]
    return rules


def forward_rules() -> list[str]:
    """What the router lets pass between two zones; a source must arrive on its own card."""
    rules: list[str] = []
    for flow in FLOWS:
        for destination in ZONES:
            for source in _sources(flow, destination):
                if source is destination:
                    continue
                cards = f'iifname "{source.name}" oifname "{destination.name}" '
                rules += [
                    cards + rule
                    for rule in _accept(
                        flow, source, f"ip daddr {destination.v4} ", f"ip6 daddr {destination.v6} "
                    )
                ]
    return rules


def block(rules: list[str]) -> str:
    """The rules as indented lines of a chain."""
    return "\n".join(f"        {rule}" for rule in rules)
