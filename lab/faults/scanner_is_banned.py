"""The router bans whoever opens many connections from the internet: our scanner, too."""

from lab.faults import Fault
from lab.faults._firewall import ROUTER
from lab.inventory import ZONES
from lab.scene import Scene

TABLE = "lab_guard"
BAN = "15s"
# More than a browser opens, fewer than a scan does. What was banned gets no new connection.
RULES = f"""
table inet {TABLE} {{
    set banned4 {{ type ipv4_addr; flags dynamic, timeout; timeout {BAN}; }}
    set banned6 {{ type ipv6_addr; flags dynamic, timeout; timeout {BAN}; }}
    set rate4 {{ type ipv4_addr; flags dynamic; timeout 10s; }}
    set rate6 {{ type ipv6_addr; flags dynamic; timeout 10s; }}
    chain forward {{
        type filter hook forward priority -10; policy accept;
        iifname "internet" ct state new jump guard
    }}
    chain input {{
        type filter hook input priority -10; policy accept;
        iifname "internet" ct state new jump guard
    }}
    chain guard {{
        ip saddr @banned4 update @banned4 {{ ip saddr }} drop
        ip6 saddr @banned6 update @banned6 {{ ip6 saddr }} drop
        update @rate4 {{ ip saddr limit rate over 20/second burst 40 packets }} \
add @banned4 {{ ip saddr }} drop
        update @rate6 {{ ip6 saddr limit rate over 20/second burst 40 packets }} \
add @banned6 {{ ip6 saddr }} drop
    }}
}}
"""
BANNED = r"stranger \(\S+\) to \w+ \(\S+\) port \d+ over IPv%s: open/filtered.* banned or cut off"
PAIRS = [f"internet>{zone.name}" for zone in ZONES]


def apply(scene: Scene) -> None:
    """Load the guard."""
    scene.run(ROUTER, "nft", "-f", "-", stdin=RULES)


def took_effect(scene: Scene) -> str:
    """It runs."""
    said = scene.run(ROUTER, "nft", "list", "tables")
    return f"table {TABLE} on {ROUTER}" if TABLE in said else ""


def undo(scene: Scene) -> None:
    """Take it away, and the bans with it; twice does no harm."""
    scene.ask(ROUTER, "nft", "delete", "table", "inet", TABLE)


FAULT = Fault(
    name="scanner-is-banned",
    title="The scanner is banned while it scans from the internet",
    why="Everything it asks after that is silent, and silence is what a tight firewall looks like.",
    kind="firewall",
    reddens={},
    blinds={
        "FW-001": {"internet>edge": BANNED % 4},
        "FW-002": {"internet>edge": BANNED % 6},
        "FW-003": dict.fromkeys(PAIRS, BANNED % 4),
        "FW-004": dict.fromkeys(PAIRS, BANNED % 6),
    },
    scan=True,
    apply=apply,
    took_effect=took_effect,
    undo=undo,
)
