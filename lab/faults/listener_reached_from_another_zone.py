"""A debug server on one application server was opened for the edge, over IPv4."""

from lab.faults import Fault
from lab.faults._firewall import (
    DEBUG_PORT,
    ROUTER,
    as_they_were,
    debug_server,
    gets_through,
    in_front,
    listens,
    no_debug_server,
    put_in_front,
)
from lab.inventory import EDGE
from lab.scene import Scene

NODE = "app2"
RULE = f"ip saddr {EDGE.v4} tcp dport {DEBUG_PORT} accept"


def apply(scene: Scene) -> None:
    """Start it, and let the edge in on the machine and on the router."""
    debug_server(scene, NODE)
    put_in_front(scene, NODE, RULE)
    put_in_front(scene, ROUTER, RULE, table="router")


def took_effect(scene: Scene) -> str:
    """It listens and both rules run."""
    rules = in_front(scene, NODE) and in_front(scene, ROUTER, "router")
    return rules if listens(scene, NODE) else ""


def undo(scene: Scene) -> None:
    """Stop it and load the rules anew."""
    no_debug_server(scene, NODE)
    as_they_were(scene, NODE, ROUTER)


FAULT = Fault(
    name="listener-reached-from-another-zone",
    title="A server that nobody declared can be reached from the edge",
    why="Who breaks into an edge machine finds it first; no declared port would have shown it.",
    kind="firewall",
    reddens={
        "HOST-003": {NODE: rf"undeclared ports to be none, found {DEBUG_PORT}/tcp"},
        "FW-003": {"edge>app": gets_through(("edge1", "edge2"), NODE, DEBUG_PORT, "v4")},
    },
    scan=True,
    apply=apply,
    took_effect=took_effect,
    undo=undo,
)
