"""Verbs that change files of a machine, whose originals are kept inside it."""

import re
from typing import Literal

from pydantic import field_validator

from lab.faults import filled
from lab.faults._audit import edit, put_back
from lab.scene import Scene
from lab.verbs.base import Change, Look, Said
from readiness.site.written import Text, wrong

PORTAL = "/opt/portal/app/portal"


class Edited(Change):
    """A file that is another one than before, and a service that has taken it."""

    path: Text
    reload: Text | None = None
    restart: Text | None = None

    def edit(self, scene: Scene, text: str) -> str:
        """What the text becomes."""
        raise NotImplementedError

    def is_edited(self, scene: Scene, text: str) -> bool:
        """Whether a text is what it should have become."""
        raise NotImplementedError

    def change(self, scene: Scene, machine: str) -> None:
        """Edit it, the original kept beside, and have its service take it."""
        path = filled(self.path, scene.facts)
        scene.change(machine, path, lambda text: self.edit(scene, text))
        self._taken(scene, machine, "reload")

    def take_back(self, scene: Scene, machine: str) -> None:
        """Put the original back, and have its service take it, which may have stopped meanwhile."""
        scene.put_back(machine, filled(self.path, scene.facts))
        self._taken(scene, machine, "reload-or-restart")

    def _taken(self, scene: Scene, machine: str, gently: str) -> None:
        if self.reload:
            scene.service(machine, gently, self.reload)
        if self.restart:
            scene.service(machine, "restart", self.restart)

    def shows(self, scene: Scene, machine: str) -> str:
        """The file is as it was made."""
        path = filled(self.path, scene.facts)
        right = self.is_edited(scene, scene.read(machine, path))
        return f"{path} on {machine} is changed" if right else ""


class Replaced(Edited):
    """`file.replace`: one text in place of another, wherever the file has it."""

    old: Text
    new: str

    def edit(self, scene: Scene, text: str) -> str:
        """The text with the new one in the old one's place."""
        return text.replace(filled(self.old, scene.facts), filled(self.new, scene.facts))

    def is_edited(self, scene: Scene, text: str) -> bool:
        """Editing it again would change nothing that the new text does not bring with it."""
        old, new = (filled(one, scene.facts) for one in (self.old, self.new))
        return old not in text.replace(new, "") and (not new or new in text)


class Substituted(Edited):
    """`file.sub`: what a pattern matches (multi-line, the dot matches all) becomes another text."""

    pattern: Text
    new: str

    @field_validator("pattern")
    @classmethod
    def _compiles(cls, pattern: str) -> str:
        """What is no regular expression is refused when the row is read."""
        try:
            re.compile(pattern)
        except re.error as error:
            raise wrong(f"a regular expression ({error})", found=pattern) from None
        return pattern

    def edit(self, scene: Scene, text: str) -> str:
        """The text with what matches replaced, everywhere."""
        return re.sub(f"(?ms){filled(self.pattern, scene.facts)}", self.new, text)

    def is_edited(self, scene: Scene, text: str) -> bool:
        """Editing it again would change nothing."""
        return self.edit(scene, text) == text


class Appended(Edited):
    """`file.append`: a file with a text behind its end."""

    text: Text

    def edit(self, scene: Scene, text: str) -> str:
        """The text, and what comes behind it."""
        return text + filled(self.text, scene.facts)

    def is_edited(self, scene: Scene, text: str) -> bool:
        """It ends like that."""
        return text.endswith(filled(self.text, scene.facts))


class Added(Change):
    """`file.new`: a file that was not there."""

    path: Text
    text: Text
    mode: Literal["0644", "0755", "0600"] = "0644"

    def change(self, scene: Scene, machine: str) -> None:
        """Write it, in a folder that is made where it is missing."""
        scene.shell(machine, 'mkdir -p "${1%/*}"', self.path)
        scene.write(machine, self.path, filled(self.text, scene.facts))
        scene.run(machine, "chmod", self.mode, self.path)

    def take_back(self, scene: Scene, machine: str) -> None:
        """Remove it; one that is gone is fine."""
        scene.run(machine, "rm", "-f", self.path)

    def shows(self, scene: Scene, machine: str) -> str:
        """It is there."""
        there = scene.ask(machine, "test", "-e", self.path).code == 0
        return f"{self.path} is on {machine}" if there else ""


class Content(Look, Said):
    """`file.says`: what a file holds."""

    path: Text

    def shows(self, scene: Scene, machine: str) -> str:
        """It is as expected."""
        path = filled(self.path, scene.facts)
        return f"{path} on {machine}" if self.fits(scene, scene.read(machine, path)) else ""


class Deployed(Change):
    """`portal.code`: another release of a file of the portal, which runs and is in rotation."""

    file: Text
    old: Text
    new: str

    def change(self, scene: Scene, machine: str) -> None:
        """Deploy it, and wait until both edges send users to it."""
        edit(scene, machine, self._path, self.old, self.new)

    def take_back(self, scene: Scene, machine: str) -> None:
        """Deploy the release that was there, and wait for it."""
        put_back(scene, machine, self._path)

    def shows(self, scene: Scene, machine: str) -> str:
        """The machine has that release."""
        said = scene.read(machine, self._path)
        return f"{self._path} on {machine} is another release" if self.new in said else ""

    @property
    def _path(self) -> str:
        return f"{PORTAL}/{self.file}"
