"""keepalived on one edge has disabled its health check: its script is not there."""

from lab.faults import Fault
from lab.faults import _keepalived as keepalived
from lab.faults._edge import OTHER, holder_first
from lab.scene import Scene

SAYS = "Disabling track script haproxy_alive since not found/accessible"


def apply(scene: Scene) -> None:
    """Name a script that is not there, and have keepalived read its configuration anew."""
    keepalived.call_script(scene, OTHER)
    scene.service(OTHER, "reload", "keepalived")


def took_effect(scene: Scene) -> str:
    """The keepalived that runs has written it."""
    return keepalived.says(scene, OTHER, SAYS)


def undo(scene: Scene) -> None:
    """As it was, from a start on."""
    keepalived.as_it_was(scene, OTHER)


FAULT = Fault(
    name="health-check-that-is-missing",
    title="The standby edge runs no health check: its script was never installed there",
    why="The configuration is the same on both edges, the script came with a package of "
    "one of them.",
    kind="balancer",
    shape="false-green",
    reddens={
        "LB-005": {
            "lab": rf"portal/{OTHER}: expected health checks of .* not in force to be none, "
            rf"found {keepalived.NAME} is disabled"
        }
    },
    survey=holder_first,
    apply=apply,
    took_effect=took_effect,
    undo=undo,
    naive=keepalived.address_is_held,
)
