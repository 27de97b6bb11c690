"""The health check of one edge was removed while keepalived runs, which it does not notice."""

from lab.faults import Fault
from lab.faults import _keepalived as keepalived
from lab.faults._edge import OTHER, holder_first
from lab.scene import Scene

SAYS = "VRRP_Script(haproxy_alive) succeeded"


def apply(scene: Scene) -> None:
    """Have keepalived run the script, then remove it."""
    keepalived.lay_script(scene, OTHER)
    keepalived.call_script(scene, OTHER)
    scene.service(OTHER, "restart", "keepalived")
    scene.wait("it has run", lambda: keepalived.says(scene, OTHER, SAYS), 15)
    scene.run(OTHER, "rm", keepalived.SCRIPT)


def took_effect(scene: Scene) -> str:
    """The script that it runs is gone, and the log ends with its success."""
    named = keepalived.SCRIPT in scene.read(OTHER, keepalived.CONFIG)
    gone = named and scene.ask(OTHER, "test", "-e", keepalived.SCRIPT).code != 0
    last = keepalived.says(scene, OTHER, "haproxy_alive")
    return f"{keepalived.SCRIPT} is gone; {last}" if gone and last == SAYS else ""


def undo(scene: Scene) -> None:
    """As it was, from a start on."""
    keepalived.as_it_was(scene, OTHER)


FAULT = Fault(
    name="health-check-removed-while-it-runs",
    title="The health check of the standby edge was removed; keepalived takes it for well for ever",
    why="A package was removed or renamed. keepalived writes nothing of it, its last word is that "
    "the script succeeded, and the address will stay there when the balancer dies.",
    kind="balancer",
    shape="false-green",
    reddens={
        "LB-005": {
            "lab": rf"portal/{OTHER}: expected health checks of .* not in force to be none, "
            rf"found {keepalived.NAME} has lost its program"
        }
    },
    survey=holder_first,
    apply=apply,
    took_effect=took_effect,
    undo=undo,
    naive=keepalived.address_is_held,
)
