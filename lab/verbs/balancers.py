"""Verbs for keepalived's health check."""

from typing import Literal

from lab.faults import _keepalived as keepalived
from lab.scene import Scene
from lab.verbs.base import Change
from readiness.site.written import Text


class HealthCheck(Change):
    """`keepalived.check`: the health check as a script of root's, which keepalived does not run.

    `says` is what the keepalived that runs has written about it.
    """

    laid: bool = True
    mode: Literal["0644", "0755"] = "0755"
    owner: Literal["root", "nobody"] = "root"
    says: Text

    def change(self, scene: Scene, machine: str) -> None:
        """Lay the script, unless it is to be missing, and have keepalived read of it."""
        if self.laid:
            keepalived.lay_script(scene, machine, self.mode)
            scene.run(machine, "chown", self.owner, keepalived.FOLDER)
        keepalived.call_script(scene, machine)
        scene.service(machine, "restart" if self.laid else "reload", "keepalived")

    def take_back(self, scene: Scene, machine: str) -> None:
        """As it was, from a start on."""
        keepalived.as_it_was(scene, machine)

    def shows(self, scene: Scene, machine: str) -> str:
        """It has written that."""
        return keepalived.says(scene, machine, self.says)
