"""What every verb of a fault's row is: typed arguments, machines, and something to be seen."""

import re
from collections.abc import Iterable
from typing import Annotated, Any

from pydantic import BeforeValidator, model_validator

from lab.faults import filled
from lab.scene import Scene
from readiness.site.written import Text, Written, wrong


def _listed(value: Any) -> Any:
    if isinstance(value, str):
        return (value,)
    return tuple(value) if isinstance(value, list) else value


Texts = Annotated[tuple[Text, ...], BeforeValidator(_listed)]
"""One text, or a list of them."""


class Look(Written):
    """Something that can be seen at machines, which changes nothing.

    `at` are the machines' names, or parts that were surveyed, as ``<primary>``; a verb that names
    none has its row's.
    """

    at: Texts = ()

    @property
    def needs_place(self) -> bool:
        """Whether it is about machines that somebody has to name."""
        return type(self).seen is Look.seen

    def places(self, scene: Scene) -> list[str]:
        """The machines by name."""
        return [filled(one, scene.facts) for one in self.at]

    def seen(self, scene: Scene) -> str:
        """What shows that it is so at every one of its machines; nothing where it is not."""
        told = [self.shows(scene, one) for one in self.places(scene)]
        return "; ".join(told) if all(told) else ""

    def shows(self, scene: Scene, machine: str) -> str:
        """What shows that it is so at one machine; nothing where it is not."""
        raise NotImplementedError


class Change(Look):
    """Something that can be done to machines, read back, and taken back.

    Both ways are idempotent, and the way back needs nothing but the row and the scene's facts.
    """

    @property
    def needs_place(self) -> bool:
        """Whether it is about machines that somebody has to name."""
        return type(self).do is Change.do

    @property
    def reads_back(self) -> bool:
        """Whether it can tell by itself that it is in force."""
        return type(self).seen is not Look.seen or type(self).shows is not Look.shows

    def do(self, scene: Scene) -> None:
        """Do it at each of its machines, in order."""
        for one in self.places(scene):
            self.change(scene, one)

    def undo(self, scene: Scene) -> None:
        """Take it back at each of its machines, in order."""
        for one in self.places(scene):
            self.take_back(scene, one)

    def change(self, scene: Scene, machine: str) -> None:
        """Do it at one machine."""
        raise NotImplementedError

    def take_back(self, scene: Scene, machine: str) -> None:
        """Take it back at one machine."""
        raise NotImplementedError


class Said(Written):
    """What a look expects of a text: one of these."""

    equals: str | None = None
    has: Text | None = None
    lacks: Text | None = None

    @model_validator(mode="after")
    def _one(self) -> "Said":
        """An expectation that is none, or two, is nobody's."""
        if sum(one is not None for one in (self.equals, self.has, self.lacks)) != 1:
            raise wrong("one of equals, has (a pattern) and lacks (a pattern)")
        for pattern in (self.has, self.lacks):
            try:
                re.compile(pattern or "")
            except re.error as error:
                raise wrong(f"a regular expression ({error})") from None
        return self

    def fits(self, scene: Scene, text: str) -> bool:
        """Whether a text is as expected."""
        if self.equals is not None:
            return text == filled(self.equals, scene.facts)
        pattern = filled(self.has or self.lacks or "", scene.facts)
        return (re.search(pattern, text) is not None) is (self.has is not None)


def all_seen(looks: Iterable[Look], scene: Scene) -> str:
    """What shows that all of these are so; nothing where one of them is not."""
    told = [look.seen(scene) for look in looks]
    return "; ".join(told) if all(told) else ""
