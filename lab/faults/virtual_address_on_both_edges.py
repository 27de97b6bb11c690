"""Both edges hold the virtual address, over IPv6 only: nobody looked there."""

from lab.faults import Fault
from lab.faults._edge import HOLDER, OTHER, holder_first, portal_answers
from lab.inventory import VIP6
from lab.scene import Scene


def apply(scene: Scene) -> None:
    """Give edge2 the address by hand."""
    scene.run(
        OTHER, "ip", "address", "add", f"{VIP6}/128", "dev", "eth0", "nodad", "preferred_lft", "0"
    )


def took_effect(scene: Scene) -> str:
    """Both cards carry it."""
    both = all(str(VIP6) in scene.run(one, "ip", "-brief", "address") for one in (HOLDER, OTHER))
    return f"{HOLDER} and {OTHER} hold {VIP6}" if both else ""


def undo(scene: Scene) -> None:
    """Take it away; where it is gone already that is what we want."""
    scene.ask(OTHER, "ip", "address", "del", f"{VIP6}/128", "dev", "eth0")


FAULT = Fault(
    name="virtual-address-on-both-edges",
    title="Both edges hold the virtual IPv6 address",
    why="Put there by hand in an outage; which of the two a visitor reaches is a matter of luck.",
    kind="balancer",
    shape="false-green",
    reddens={"LB-003": {"lab": rf"holders of {VIP6} to be one of .*, found {HOLDER}, {OTHER}"}},
    survey=holder_first,
    apply=apply,
    took_effect=took_effect,
    undo=undo,
    naive=portal_answers,
)
