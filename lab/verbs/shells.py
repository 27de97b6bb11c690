"""The verb for what has no verb: scripts for a machine's shell that break, show and mend."""

from pydantic import Field

from lab.faults import filled
from lab.scene import Scene
from lab.verbs.base import Change, Look, Said
from readiness.site.written import Text

LIMIT = 120.0


class Shell(Change):
    """`sh`: scripts that break, show (by what they print) and mend; each ends on an error."""

    break_: Text = Field(alias="break")
    shown: Text | None = Field(None, alias="seen")
    mend: Text | None = None

    @property
    def reads_back(self) -> bool:
        """Only where a script shows it."""
        return self.shown is not None

    def change(self, scene: Scene, machine: str) -> None:
        """Run what breaks."""
        scene.run(machine, *_script(self.break_, scene), limit=LIMIT)

    def take_back(self, scene: Scene, machine: str) -> None:
        """Run what mends; twice does no harm."""
        if self.mend:
            scene.run(machine, *_script(self.mend, scene), limit=LIMIT)

    def shows(self, scene: Scene, machine: str) -> str:
        """What the script says that shows it; nothing where it fails."""
        done = scene.ask(machine, *_script(self.shown or "false", scene))
        return "" if done.code else f"{machine}: {done.out.strip()}" * bool(done.out.strip())


class Prints(Look, Said):
    """`sh.says`: what a script prints (both its outputs), whatever it ends with."""

    run: Text

    def shows(self, scene: Scene, machine: str) -> str:
        """It prints what is expected."""
        done = scene.ask(machine, *_script(self.run, scene), limit=LIMIT)
        said = (done.out + done.err).strip()
        return f"{machine}: {said[:80] or 'nothing'}" if self.fits(scene, said) else ""


def _script(text: str, scene: Scene) -> tuple[str, ...]:
    return ("bash", "-c", f"set -eu; {filled(text, scene.facts)}")
