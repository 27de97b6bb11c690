"""Verbs for systemd's units and for what listens."""

import re

from lab.faults._firewall import DEBUG_UNIT
from lab.scene import Scene
from lab.verbs.base import Change, Look
from readiness.site.written import UnitName

FOLDER = "/run/systemd/system"


class Stopped(Change):
    """`service.stop`: a unit that does not run."""

    unit: UnitName

    def change(self, scene: Scene, machine: str) -> None:
        """Stop it."""
        scene.service(machine, "stop", self.unit)

    def take_back(self, scene: Scene, machine: str) -> None:
        """Start it."""
        scene.service(machine, "start", self.unit)

    def shows(self, scene: Scene, machine: str) -> str:
        """It is inactive."""
        state = scene.ask(machine, "systemctl", "is-active", self.unit).out.strip()
        return f"{self.unit} on {machine} is {state}" if state == "inactive" else ""


class Disabled(Change):
    """`service.disable`: a unit that runs, and would not come back with its machine."""

    unit: UnitName

    def change(self, scene: Scene, machine: str) -> None:
        """Disable it; it goes on running."""
        scene.service(machine, "disable", self.unit)

    def take_back(self, scene: Scene, machine: str) -> None:
        """Enable it."""
        scene.service(machine, "enable", self.unit)

    def shows(self, scene: Scene, machine: str) -> str:
        """It is disabled, and active."""
        active = scene.ask(machine, "systemctl", "is-active", "--quiet", self.unit).code == 0
        said = scene.ask(machine, "systemctl", "is-enabled", self.unit).out.strip()
        there = said == "disabled" and active
        return f"{self.unit} on {machine} is {said} and runs" if there else ""


class Frozen(Change):
    """`service.freeze`: a unit whose main process is stopped by a signal."""

    unit: UnitName

    def change(self, scene: Scene, machine: str) -> None:
        """Stop it, as a debugger or a hand on the wrong terminal does."""
        self._signal(scene, machine, "SIGSTOP")

    def take_back(self, scene: Scene, machine: str) -> None:
        """Let it go on."""
        self._signal(scene, machine, "SIGCONT")

    def _signal(self, scene: Scene, machine: str, name: str) -> None:
        scene.run(machine, "systemctl", "kill", "--kill-whom=main", f"--signal={name}", self.unit)

    def shows(self, scene: Scene, machine: str) -> str:
        """Its main process is in state T (proc(5))."""
        show = ("systemctl", "show", "--property=MainPID", "--value", self.unit)
        main = scene.run(machine, *show).strip()
        state = scene.run(machine, "ps", "-o", "stat=", "-p", main).strip()
        stopped = state.startswith("T")
        return f"{self.unit} on {machine}: process {main} is {state}" if stopped else ""


class DroppedIn(Change):
    """`service.drop_in`: a unit that is started by a file of somebody else's besides its own."""

    unit: UnitName
    text: str

    def change(self, scene: Scene, machine: str) -> None:
        """Write it where the next start of the machine forgets it; start the unit, unwaited."""
        scene.run(machine, "mkdir", "-p", self._folder)
        scene.write(machine, f"{self._folder}/fault.conf", self.text)
        scene.run(machine, "systemctl", "daemon-reload")
        scene.run(machine, "systemctl", "--no-block", "restart", self.unit)

    def take_back(self, scene: Scene, machine: str) -> None:
        """Start the unit as it was, its count of restarts at 0."""
        scene.run(machine, "rm", "-f", f"{self._folder}/fault.conf")
        scene.run(machine, "systemctl", "daemon-reload")
        scene.service(machine, "stop", self.unit)
        scene.service(machine, "reset-failed", self.unit)
        scene.service(machine, "start", self.unit)

    def shows(self, scene: Scene, machine: str) -> str:
        """Systemd reads it."""
        show = ("systemctl", "show", "--property=DropInPaths", "--value", self.unit)
        read = f"{self._folder}/fault.conf" in scene.run(machine, *show)
        return f"{self.unit} on {machine} has a drop-in" if read else ""

    @property
    def _folder(self) -> str:
        return f"{FOLDER}/{self.unit}.service.d"


class Shown(Look):
    """`service.shows`: properties of a unit, as systemd has them, each a pattern."""

    unit: UnitName
    fields: dict[str, str]

    def shows(self, scene: Scene, machine: str) -> str:
        """All of them are as expected."""
        show = ("systemctl", "show", f"--property={','.join(self.fields)}", self.unit)
        said = dict(line.split("=", 1) for line in scene.run(machine, *show).splitlines())
        right = all(re.fullmatch(self.fields[key], value) for key, value in said.items())
        return f"{self.unit} on {machine}: {said}" if said and right else ""


class Listener(Change):
    """`listener`: a server on all addresses of a machine, as a unit that nobody declared."""

    port: int

    def change(self, scene: Scene, machine: str) -> None:
        """Start it."""
        argv = ("python3", "-m", "http.server", "--bind", "::", str(self.port))
        run = ("systemd-run", f"--unit={DEBUG_UNIT}", "--working-directory=/srv")
        scene.run(machine, *run, *argv)

    def take_back(self, scene: Scene, machine: str) -> None:
        """Stop it; one that is gone is fine."""
        scene.ask(machine, "systemctl", "stop", DEBUG_UNIT)

    def shows(self, scene: Scene, machine: str) -> str:
        """The kernel says that it listens."""
        said = scene.run(machine, "ss", "-Hnlt", f"sport = :{self.port}").strip()
        return f"{machine} listens: {' '.join(said.split())}" if said else ""
