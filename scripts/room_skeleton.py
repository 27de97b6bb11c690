"""What the modules of a new system's room begin with, and the test of its reading."""

from typing import Final

from rooms import PACKAGE

# scripts/lint is red while these words stand in a suite or a room, so that no skeleton is left so.
UNWRITTEN: Final = "not written yet"


def modules(name: str, instead_of: str) -> dict[str, str]:
    """Each module of the room by its name; `instead_of` is a section that it may stand for."""
    title = "".join(part.capitalize() for part in name.split("_"))
    return {
        "__init__": f'"""{name}: {UNWRITTEN} what it is."""\n',
        "declared": _declared(name, title, instead_of),
        "reading": _reading(name, title),
        "asking": _asking(name, title),
    }


def _declared(name: str, title: str, instead_of: str) -> str:
    stands = f', instead_of="{instead_of}"' if instead_of else ""
    return f'''"""{name} as its owner describes it: {UNWRITTEN} what a site uses it for."""

from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated, ClassVar, Final

from pydantic import Field

from readiness.site.declared.machine import Machine
from readiness.site.declared.section import Section
from {PACKAGE}.token import Kind, by_id
from readiness.site.written import At, Name, Written

if TYPE_CHECKING:
    from readiness.site.environment import Environment


class {title}(Section):
    """One {name}, on one machine or on several."""

    CALLED: ClassVar[str] = "{name}"

    name: Name
    members: Annotated[tuple[Name, ...], Field(min_length=1)]

    def fits(self, site: "Environment", at: At) -> None:
        """Its machines are declared."""
        site.require_machines(self.members, (*at, "members"))


class Sections(Written):
    """What the room declares in an environment."""

    {name}: tuple[{title}, ...] = ()


@dataclass(frozen=True)
class {title}Node:
    """One machine of a {name}."""

    {name}: {title}
    machine: Machine

    @property
    def id(self) -> str:
        """Its name, and the machine."""
        return f"{{self.{name}.name}}/{{self.machine.name}}"


def nodes(environment: "Environment") -> tuple[{title}Node, ...]:
    """Every declared machine of every {name}."""
    return tuple(
        {title}Node(one, environment.machine(name))
        for one in environment.{name}
        for name in one.members
    )


NODE: Final[Kind[{title}Node]] = Kind("{name}_node", "{name}", by_id(nodes){stands})
KINDS: Final = (NODE,)
'''


def _reading(name: str, title: str) -> str:
    return f'''"""What a {name} says about itself: {UNWRITTEN} by which documentation."""

from dataclasses import dataclass
from typing import Final

from {PACKAGE}.{name}.declared import NODE, {title}Node
from {PACKAGE}.token import Source


@dataclass(frozen=True)
class {title}State:
    """One {name}; what moves by itself gets a mark of `readiness.systems.marks`."""

    version: str


def read(text: str, *, where: str) -> {title}State:
    """Read what a {name} answered.

    Raises:
        NotUnderstood: it is something else.
    """
    raise NotImplementedError(f"{{where}}: how {{text!r:.80}} is read is {UNWRITTEN}")


STATE: Final[Source[{title}Node, {title}State]] = Source("{name}", NODE, {title}State)
SOURCES: Final = (STATE,)
'''


def _asking(name: str, title: str) -> str:
    return f'''"""Asks {name}: {UNWRITTEN} over which protocol."""

from typing import Final

from {PACKAGE}.asker import Asker, Askers, Connections
from {PACKAGE}.{name}.declared import {title}Node
from {PACKAGE}.{name}.reading import STATE, {title}State, read


def _state(connections: Connections, node: {title}Node) -> {title}State:
    return read(_answer(connections, node), where=node.id)


def _answer(connections: Connections, node: {title}Node) -> str:
    """What it answers.

    Raises:
        ProbeError: it does not answer, or refuses us.
    """
    where = f"{{connections.site.name}}, {{node.id}}"
    raise NotImplementedError(f"{{where}}: how {name} is asked is {UNWRITTEN}")


ASKERS: Final[Askers] = (Asker(STATE, _state),)
'''


def test(name: str) -> str:
    """The module that tests the reading."""
    return f'''"""What a {name} answered is read as it was meant."""

from pathlib import Path

from {PACKAGE}.{name}.reading import read

# An answer of a real {name}; the test is red until one is recorded.
ANSWER = Path(__file__).parents[1] / "recorded/{name}/answer.txt"


def test_an_answer_is_read() -> None:
    """What was recorded has a version."""
    assert read(ANSWER.read_text(), where="{name}").version
'''
