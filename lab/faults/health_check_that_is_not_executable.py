"""keepalived on one edge has disabled its health check: its script may not be executed."""

from lab.faults import Fault
from lab.faults import _keepalived as keepalived
from lab.faults._edge import OTHER, holder_first
from lab.scene import Scene

SAYS = "is not executable for uid:gid 0:0 - disabling"


def apply(scene: Scene) -> None:
    """Take the script's right to be executed, and start keepalived anew."""
    keepalived.lay_script(scene, OTHER, mode="0644")
    keepalived.call_script(scene, OTHER)
    scene.service(OTHER, "restart", "keepalived")


def took_effect(scene: Scene) -> str:
    """The keepalived that runs has written it."""
    return keepalived.says(scene, OTHER, SAYS)


def undo(scene: Scene) -> None:
    """As it was, from a start on."""
    keepalived.as_it_was(scene, OTHER)


FAULT = Fault(
    name="health-check-that-is-not-executable",
    title="The standby edge runs no health check: its script is not executable",
    why="Copied without its mode; keepalived's log names the path, not the check that it disables.",
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
