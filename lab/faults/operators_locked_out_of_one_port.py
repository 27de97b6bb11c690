"""One application server does not let the operations zone in to its pooler, over IPv4."""

from lab.faults import Fault
from lab.faults._firewall import as_they_were, gets_through, in_front, put_in_front
from lab.inventory import OPS
from lab.scene import Scene

NODE, PORT = "app1", 6432


def apply(scene: Scene) -> None:
    """Drop what the operations zone sends there."""
    put_in_front(scene, NODE, f"ip saddr {OPS.v4} tcp dport {PORT} drop")


def took_effect(scene: Scene) -> str:
    """The running rules say so."""
    return in_front(scene, NODE)


def undo(scene: Scene) -> None:
    """Load the rules anew."""
    as_they_were(scene, NODE)


FAULT = Fault(
    name="operators-locked-out-of-one-port",
    title="The operations zone does not reach one of two poolers over IPv4",
    why="Found out in the night in which somebody has to drain it.",
    kind="firewall",
    reddens={"FW-001": {"ops>app": gets_through(("mon1", "backup1", "spare"), NODE, PORT, "v4")}},
    scan=True,
    apply=apply,
    took_effect=took_effect,
    undo=undo,
)
