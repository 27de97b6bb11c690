"""Faults: reversible defects planted in the lab, a row or a file each, named after what is broken.

A fault alone knows which checks it turns red and why (:attr:`Fault.reddens`), so that a detection
matrix can hold it to its word: every case it names must go red with that reason, and no other.
"""

import importlib
import pkgutil
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Literal

from lab.errors import LabError
from lab.home import LAB
from lab.scene import Facts, Scene
from readiness.site.written import one_of

Shape = Literal["plain", "false-green"]
# The tables of rows; each is named after the kind of what it breaks, and there are no other kinds.
ROWS = Path(__file__).parent / "rows"
KINDS = tuple(sorted(path.stem for path in ROWS.glob("*.yaml")))
Reasons = Mapping[str, Mapping[str, str]]
"""Check -> subject -> what its reason must match (a regular expression).

``<primary>`` and the like in subjects and expressions stand for the facts surveyed before.
"""


def nothing(_: Scene) -> None:
    """Change nothing on any machine: the defect is in the environment file."""


def in_the_file_only(fault: "Fault") -> bool:
    """Whether nothing of it is on any machine."""
    return fault.apply is nothing


def no_facts(_: Scene) -> Facts:
    """Need to know nothing beforehand."""
    return {}


@dataclass(frozen=True)
class Fault:
    """One defect: how it is planted, proven, undone, and what the product must say about it.

    Args:
        name: what ``scripts/lab break`` is told; the file's name with dashes.
        title: what is broken, one sentence.
        why: how it comes about in real life and what it costs.
        kind: the area it belongs to, one of :data:`KINDS`.
        reddens: exactly the cases that fail under it, with a pattern for each reason.
        took_effect: says what shows that it is in force, or nothing while it is not yet.
        apply: plants it; may only be called once its undo is on disk.
        undo: takes it away; must be idempotent and need nothing but the scene's facts.
        arrange: brings the healthy lab into the position that the declaration assumes.
        survey: what has to be known beforehand (who leads…); kept with the undo entry.
        shape: ``false-green`` when a plausible probe stays green under it.
        naive: that probe: says what it saw, raises when it notices something.
        blinds: cases that can't tell under it (inconclusive), with patterns like `reddens`.
        may_redden: cases that may fail, too, for such a reason: who happens to be asked decides.
        tier: how far the product must go to see it.
        only: checks beyond the observe tier that are run under it.
        scan: whether the network is scanned under it.
        environment: makes the altered environment file that the product is given.
        settle: seconds it may take to come into force.
        tempts: the checks that could take it for sick; those of a healthy variant, which turns
            nothing red (``lab.variants``).
        alone: whether no other may be in force beside it; `lab.batches` works out the rest.
        site: which site of the lab has it.
        past: whether `took_effect` tells what has happened, which no undo makes untrue.
    """

    name: str
    title: str
    why: str
    kind: str
    reddens: Reasons
    took_effect: Callable[[Scene], str]
    apply: Callable[[Scene], None] = nothing
    undo: Callable[[Scene], None] = nothing
    arrange: Callable[[Scene], None] = nothing
    survey: Callable[[Scene], Facts] = no_facts
    shape: Shape = "plain"
    naive: Callable[[Scene], str] | None = None
    blinds: Reasons = field(default_factory=dict)
    may_redden: Reasons = field(default_factory=dict)
    tier: Literal["observe", "touch", "load", "disrupt"] = "observe"
    only: tuple[str, ...] = ()
    scan: bool = False
    environment: Callable[[str], str] | None = None
    settle: float = 60.0
    tempts: tuple[str, ...] = ()
    alone: bool = False
    past: bool = False
    site: str = LAB

    def __post_init__(self) -> None:
        """Refuse a kind that has no table.

        Raises:
            LabError: names the fault, what was expected and what was found.
        """
        if self.kind not in KINDS:
            expected = f"the name of a table in lab/faults/rows{one_of(self.kind, KINDS)}"
            raise LabError(f"{self.name}: kind: expected {expected}, found '{self.kind}'")

    @property
    def checks(self) -> tuple[str, ...]:
        """The ids of the checks that it turns red."""
        return tuple(sorted(self.reddens))

    @property
    def about(self) -> tuple[str, ...]:
        """The ids of the checks that it is there for: which a narrow look asks."""
        return tuple(sorted({*self.reddens, *self.blinds, *self.tempts}))


def resolved(reasons: Reasons, facts: Facts) -> dict[tuple[str, str], str]:
    """(check, subject) -> pattern, with the surveyed facts put in.

    Raises:
        LabError: a placeholder has no fact.
    """
    return {
        (check, filled(subject, facts)): filled(pattern, facts)
        for check, cases in reasons.items()
        for subject, pattern in cases.items()
    }


def filled(text: str, facts: Facts) -> str:
    """A text with the surveyed facts in place of their names.

    Raises:
        LabError: a placeholder has no fact.
    """
    for key, value in facts.items():
        text = text.replace(f"<{key}>", value)
    if left := re.search(r"(?<!\?P)<[a-z]+>", text):
        raise LabError(f"{left[0]} in {text!r} is none of the surveyed facts: {', '.join(facts)}")
    return text


@cache
def all_faults() -> Mapping[str, Fault]:
    """Every fault by name: the rows of the tables, and the files of this folder.

    Raises:
        LabError: a file has no fault of its name, or a name is there twice.
        UsageError: a table is wrong.
    """
    rows = importlib.import_module("lab.rows").all_rows()
    found = {name: one.fault for name, one in rows.items()}
    for module in pkgutil.iter_modules(__path__):
        if module.name.startswith("_"):
            continue
        fault = importlib.import_module(f"{__name__}.{module.name}").FAULT
        if not isinstance(fault, Fault) or fault.name != module.name.replace("_", "-"):
            raise LabError(f"lab/faults/{module.name}.py: FAULT is not a Fault of that name")
        if fault.name in found:
            raise LabError(f"lab/faults/{module.name}.py: a row has that name already")
        found[fault.name] = fault
    return dict(sorted(found.items()))


def fault_called(name: str) -> Fault:
    """The fault of this name.

    Raises:
        LabError: there is none.
    """
    known = all_faults()
    if name not in known:
        raise LabError(f"no fault is called {name!r}; there are: {', '.join(known)}")
    return known[name]
