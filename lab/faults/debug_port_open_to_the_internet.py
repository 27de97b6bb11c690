"""A debug server on the router answers the internet."""

from lab.faults import Fault
from lab.faults._firewall import (
    DEBUG_PORT,
    ROUTER,
    as_they_were,
    closed,
    debug_server,
    gets_through,
    in_front,
    listens,
    no_debug_server,
    put_in_front,
)
from lab.inventory import OPS, ZONES, machine
from lab.scene import Scene

OUTSIDE = ("stranger",)
PAIRS = [f"internet>{zone.name}" for zone in ZONES]


def apply(scene: Scene) -> None:
    """Start it and let the internet's side in."""
    debug_server(scene, ROUTER)
    put_in_front(scene, ROUTER, f'iifname "internet" tcp dport {DEBUG_PORT} accept')


def took_effect(scene: Scene) -> str:
    """It listens and the rule runs."""
    return in_front(scene, ROUTER) if listens(scene, ROUTER) else ""


def undo(scene: Scene) -> None:
    """Stop it and load the rules anew."""
    no_debug_server(scene, ROUTER)
    as_they_were(scene, ROUTER)


def naive(scene: Scene) -> str:
    """From where the gate looks it is closed."""
    return closed(scene, "mon1", str(OPS.host4(1)), (DEBUG_PORT,))


FAULT = Fault(
    name="debug-port-open-to-the-internet",
    title="A debug server on the router answers the internet and nobody inside",
    why="It was for one evening; from inside, where everybody looks from, the port is closed.",
    kind="firewall",
    shape="false-green",
    reddens={
        "HOST-003": {ROUTER: rf"undeclared ports to be none, found {DEBUG_PORT}/tcp"},
        # It answers at each of the router's addresses, whichever zone that lies in.
        "FW-003": {pair: gets_through(OUTSIDE, ROUTER, DEBUG_PORT, "v4") for pair in PAIRS},
        "FW-004": {pair: gets_through(OUTSIDE, ROUTER, DEBUG_PORT, "v6") for pair in PAIRS},
    },
    scan=True,
    apply=apply,
    took_effect=took_effect,
    undo=undo,
    naive=naive,
)
assert len(machine(ROUTER).interfaces) == len(PAIRS)  # noqa: S101 - or the pairs are others
