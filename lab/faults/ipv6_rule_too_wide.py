"""One database server and the router let everybody in to PostgreSQL, over IPv6 only."""

from lab.faults import Fault
from lab.faults._firewall import (
    ROUTER,
    as_they_were,
    closed,
    gets_through,
    in_front,
    put_in_front,
    v4,
)
from lab.scene import Scene

NODE, PORT = "db3", 5432
RULE = f"meta nfproto ipv6 tcp dport {PORT} accept"
# From app and ops it is declared for everybody who is there.
SOURCES = {
    "internet>data": ("stranger",),
    "edge>data": ("edge1", "edge2"),
    "data>data": ("gw1", "cache1", "cache2", "cache3"),
}


def apply(scene: Scene) -> None:
    """Accept it on the machine, and on the router that stands before it."""
    put_in_front(scene, NODE, RULE)
    put_in_front(scene, ROUTER, RULE, table="router")


def took_effect(scene: Scene) -> str:
    """The running rules of both say so."""
    there, between = in_front(scene, NODE), in_front(scene, ROUTER, "router")
    return f"{there} at {NODE} and {ROUTER}" if there and between else ""


def undo(scene: Scene) -> None:
    """Load the rules anew."""
    as_they_were(scene, NODE, ROUTER)


def naive(scene: Scene) -> str:
    """A scan of the IPv4 address from outside."""
    return closed(scene, "stranger", v4(NODE), (PORT, 8008, 2379))


FAULT = Fault(
    name="ipv6-rule-too-wide",
    title="A database server can be reached from the internet over IPv6, not over IPv4",
    why="Someone tried something with a rule that names no source, in the family nobody scans.",
    kind="firewall",
    shape="false-green",
    reddens={
        "FW-004": {
            pair: gets_through(sources, NODE, PORT, "v6") for pair, sources in SOURCES.items()
        }
    },
    scan=True,
    apply=apply,
    took_effect=took_effect,
    undo=undo,
    naive=naive,
)
