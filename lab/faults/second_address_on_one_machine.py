"""One application server has a second address, which no scan would try."""

from lab.faults import Fault
from lab.faults import _firewall as firewall
from lab.scene import Scene

NODE = "app2"
ADDRESS = "198.18.2.99"
# The card that has the declared address of the same network.
CARD = "$(ip -o -4 address show to {own} | awk 'NR == 1 {{ print $2 }}')"


def apply(scene: Scene) -> None:
    """Add it beside the declared one."""
    card = CARD.format(own=firewall.v4(NODE))
    scene.shell(NODE, f'ip address add {ADDRESS}/24 dev "{card}"')


def holds(scene: Scene) -> bool:
    """Whether the machine holds it."""
    return ADDRESS in scene.run(NODE, "ip", "-o", "-4", "address", "show", "to", ADDRESS)


def took_effect(scene: Scene) -> str:
    """The machine holds it."""
    return f"{NODE} holds {ADDRESS}" if holds(scene) else ""


def undo(scene: Scene) -> None:
    """Take it away; one that is gone is fine."""
    if holds(scene):
        card = CARD.format(own=ADDRESS)
        scene.shell(NODE, f'ip address del {ADDRESS}/24 dev "{card}"')


def naive(scene: Scene) -> str:
    """The probe of somebody in a hurry: the database can't reach the declared address."""
    return firewall.closed(scene, "db1", firewall.v4(NODE), (6432, 8000))


FAULT = Fault(
    name="second-address-on-one-machine",
    title="An application server has a second address that nobody declared",
    why="Given for a move and kept; rules by address and every scan leave it out.",
    kind="firewall",
    shape="false-green",
    reddens={
        "FW-003": {
            f"{source}>app": rf"addresses over IPv4 in the zone app to be none, found {ADDRESS}"
            for source in ("internet", "edge", "app", "data", "ops")
        }
    },
    scan=True,
    apply=apply,
    took_effect=took_effect,
    undo=undo,
    naive=naive,
)
