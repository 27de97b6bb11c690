"""The portal on one app machine runs and would not come back after a reboot."""

from lab.faults import Fault
from lab.faults._edge import portal_answers
from lab.scene import Scene

NODE = "app2"
UNIT = "portal"


def enabled(scene: Scene) -> str:
    """What systemd would do with the unit at the next start."""
    return scene.ask(NODE, "systemctl", "is-enabled", UNIT).out.strip()


def apply(scene: Scene) -> None:
    """Disable it; it goes on running."""
    scene.service(NODE, "disable", UNIT)


def took_effect(scene: Scene) -> str:
    """It is disabled, and active."""
    active = scene.ask(NODE, "systemctl", "is-active", "--quiet", UNIT).code == 0
    said = enabled(scene)
    return f"{UNIT} on {NODE} is {said} and runs" if said == "disabled" and active else ""


def undo(scene: Scene) -> None:
    """Enable it again."""
    scene.service(NODE, "enable", UNIT)


FAULT = Fault(
    name="service-not-started-with-its-machine",
    title="The portal on one of two app machines runs, and would not come back after a reboot",
    why="Disabled for an upgrade and started by hand; with the next kernel update it is gone.",
    kind="hosts",
    shape="false-green",
    reddens={
        "HOST-001": {
            NODE: rf"start of {UNIT} with its machine \(unit file disabled\) to be yes, found no"
        }
    },
    apply=apply,
    took_effect=took_effect,
    undo=undo,
    naive=portal_answers,
)
