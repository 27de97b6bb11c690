"""Healthy variants: legitimate shapes of the site that a checker could take for sick.

A false alarm is as bad as a miss, so each is tried as a fault is: planted, proven in force, looked
at and taken back; but nothing may be red or undecided under it. A variant is a row of this folder's
tables: reversible steps (:mod:`lab.steps`), what shows that they are in force, and the checks that
it tempts.
"""

import importlib
import pkgutil
from collections.abc import Callable, Mapping
from functools import cache
from pathlib import Path
from typing import Literal

from lab.errors import LabError
from lab.faults import Fault, all_faults, no_facts, nothing
from lab.home import LAB, REPOSITORY
from lab.scene import Facts, Scene
from lab.steps import Step, applied, taken_back


def variant(
    name: str,
    title: str,
    why: str,
    *,
    kind: str,
    tempts: tuple[str, ...],
    shows: Callable[[Scene], str],
    steps: tuple[Step, ...] = (),
    survey: Callable[[Scene], Facts] = no_facts,
    environment: Callable[[str], str] | None = None,
    tier: Literal["observe", "touch", "load", "disrupt"] = "observe",
    only: tuple[str, ...] = (),
    scan: bool = False,
    settle: float = 60.0,
    alone: bool = False,
    past: bool = False,
    site: str = LAB,
) -> Fault:
    """A row: a fault that breaks nothing and declares no case.

    Args:
        name: what ``scripts/lab try`` is told.
        title: what is unusual, one sentence.
        why: how it comes about, and why it is fine.
        kind: the area it belongs to, one of `lab.faults.KINDS`.
        tempts: the checks that could take it for sick; a narrow look asks only these.
        shows: says what shows that it is in force, or nothing while it is not yet.
        steps: what is changed, and how it is taken back.
        survey: what has to be known beforehand.
        environment: makes the environment file that declares the site as it then is.
        tier: how far the product must go to see it.
        only: checks beyond the observe tier that are run under it.
        scan: whether the network is scanned under it.
        settle: seconds it may take to come into force.
        alone: whether it changes what others start from, as who leads, or hides what they do.
        past: whether it is something that has happened, which no step takes back.
        site: which site of the lab has it.
    """
    return Fault(
        name=name,
        title=title,
        why=why,
        kind=kind,
        reddens={},
        tempts=tuple(sorted({*tempts})),
        took_effect=shows,
        apply=applied(steps) if steps else nothing,
        undo=taken_back(steps),
        survey=survey,
        environment=environment,
        tier=tier,
        only=only,
        scan=scan,
        settle=settle,
        alone=alone or scan or tier != "observe",
        past=past,
        site=site,
    )


@cache
def all_variants() -> Mapping[str, Fault]:
    """Every variant by name, from the tables of this folder."""
    found: dict[str, Fault] = {}
    for module in pkgutil.iter_modules(__path__):
        for one in importlib.import_module(f"{__name__}.{module.name}").VARIANTS:
            if one.name in found or one.name in all_faults():
                raise LabError(f"lab/variants/{module.name}.py: {one.name!r} is there already")
            found[one.name] = one
    return found


def called(name: str) -> Fault:
    """The fault or the variant of this name.

    Raises:
        LabError: there is none.
    """
    known = {**all_faults(), **all_variants()}
    if name not in known:
        raise LabError(f"no fault or variant is called {name!r}; there are: {', '.join(known)}")
    return known[name]


def table_of(one: Fault) -> str:
    """The file that has a variant's row.

    Raises:
        LabError: none has.
    """
    for table in sorted(Path(__file__).parent.glob("[!_]*.py")):
        if f'"{one.name}"' in table.read_text():
            return str(table.relative_to(REPOSITORY))
    raise LabError(f"no table of lab/variants/ has {one.name!r}")
