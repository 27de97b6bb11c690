"""One machine has no time source: its chronyd runs and follows nobody."""

import re

from lab.errors import LabError
from lab.faults import Fault
from lab.inventory import machine
from lab.scene import Scene

NODE = "app1"
CONFIG = "/etc/chrony/chrony.conf"
NOBODY = str(machine(NODE).zone.host4(99))
LARGEST = 1.0


def apply(scene: Scene) -> None:
    """Send chronyd to an address where nobody is."""
    scene.change(NODE, CONFIG, lambda text: re.sub(r"(?m)^server \S+", f"server {NOBODY}", text))
    scene.service(NODE, "restart", "chrony")


def took_effect(scene: Scene) -> str:
    """Chronyd says that it is not synchronised."""
    said = scene.run(NODE, "chronyc", "-n", "tracking")
    return f"{NODE}: leap status is Not synchronised" if "Not synchronised" in said else ""


def undo(scene: Scene) -> None:
    """Follow the router again."""
    scene.put_back(NODE, CONFIG)
    scene.service(NODE, "restart", "chrony")


def naive(scene: Scene) -> str:
    """The service is active, and the clock says the same as the next machine's."""
    scene.run(NODE, "systemctl", "is-active", "chrony")
    here, there = (float(scene.run(name, "date", "+%s.%N")) for name in (NODE, "app2"))
    if abs(there - here) > LARGEST:
        raise LabError(f"{NODE} is {there - here:.1f} s off")
    return f"chrony on {NODE} is active, its clock agrees with app2's within {LARGEST:.0f} s"


FAULT = Fault(
    name="clock-source-lost",
    title="One machine's chronyd runs without any time source",
    why="The source moved and one configuration was forgotten; the clock drifts from now on.",
    kind="hosts",
    reddens={"HOST-002": {NODE: r"leap status not to be Not synchronised, found Not synchronised"}},
    apply=apply,
    took_effect=took_effect,
    undo=undo,
    naive=naive,
)
