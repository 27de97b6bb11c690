"""keepalived on one edge has disabled its health check: somebody else may write its folder."""

from lab.faults import Fault
from lab.faults import _keepalived as keepalived
from lab.faults._edge import OTHER, holder_first
from lab.scene import Scene

SAYS = "Disabling track script haproxy_alive due to insecure"


def apply(scene: Scene) -> None:
    """Give the script's folder to another user, and start keepalived anew."""
    keepalived.lay_script(scene, OTHER)
    scene.run(OTHER, "chown", "nobody", keepalived.FOLDER)
    keepalived.call_script(scene, OTHER)
    scene.service(OTHER, "restart", "keepalived")


def took_effect(scene: Scene) -> str:
    """The keepalived that runs has written it."""
    return keepalived.says(scene, OTHER, SAYS)


def undo(scene: Scene) -> None:
    """As it was, from a start on."""
    keepalived.as_it_was(scene, OTHER)


FAULT = Fault(
    name="health-check-that-others-may-change",
    title="The standby edge runs no health check: another user may write the folder of its script",
    why="Deployed by a tool's user; keepalived says so in its log only, and the address "
    "will stay on that edge when its balancer dies.",
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
