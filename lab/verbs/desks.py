"""The verb for the small application of the balanced site."""

from collections.abc import Mapping
from typing import Final

from lab.scene import Scene
from lab.verbs.base import Change
from readiness.site.written import Text

FILE = "/etc/default/desk"
# Two results of the balancers' health check, twice a second, and the start.
READY_LIMIT = 30.0


class Defective(Change):
    """`desk.defect`: an application that has defects from its start on (``DESK_DEFECTS``)."""

    named: Text

    def change(self, scene: Scene, machine: str) -> None:
        """Start it with them, and wait until it can serve."""
        scene.write(machine, FILE, f"DESK_DEFECTS={self.named}\n")
        _restarted(scene, machine)

    def take_back(self, scene: Scene, machine: str) -> None:
        """Start it without them."""
        scene.run(machine, "rm", "-f", FILE)
        _restarted(scene, machine)

    def shows(self, scene: Scene, machine: str) -> str:
        """Its process has them in its environment."""
        said = scene.ask(
            machine,
            "sh",
            "-c",
            "tr '\\0' '\\n' < /proc/$(systemctl show -P MainPID desk)/environ",
        ).out
        return f"desk on {machine}: {self.named}" if f"DESK_DEFECTS={self.named}" in said else ""


def _restarted(scene: Scene, machine: str) -> None:
    scene.service(machine, "restart", "desk")

    def ready() -> bool:
        return scene.ask(machine, "curl", "-sf", "http://127.0.0.1:8000/health").code == 0

    scene.wait(f"desk on {machine} is ready", ready, READY_LIMIT)


CHANGES: Final[Mapping[str, type[Change]]] = {
    "desk.defect": Defective,
}
