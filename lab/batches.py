"""Which faults may be in force together: those that reach different machines and other cases.

A fault reaches the machines on which it was seen to run something that may change them, when it was
planted and undone the last time, and those that the cases are about which it declares. A subject
that names no machine is about all machines of what it does name: who breaks one member of a
cluster for the cluster as a whole has no other fault beside it there.

Nothing rests on this: what was found under several faults is compared with what they declare, and
who was not as declared is tried alone.
"""

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any

from ruamel.yaml import YAML

from lab import product
from lab.errors import LabError
from lab.faults import Fault, filled, nothing
from lab.inventory import MACHINES
from lab.scene import Facts

# With more in force a single one that is not as declared costs more than the others save.
MOST = 8
NAMES = frozenset(machine.name for machine in MACHINES)


@dataclass(frozen=True)
class Reach:
    """What a fault makes a difference to."""

    cases: frozenset[tuple[str, str]]
    machines: frozenset[str]

    def meets(self, other: "Reach") -> bool:
        """Whether there is anything that both make a difference to."""
        return bool(self.cases & other.cases or self.machines & other.machines)


def why_alone(fault: Fault) -> str:
    """Why a fault can't have another beside it, whatever it touches; empty where it may."""
    reasons = {
        "it says so": fault.alone,
        "it is no fault": bool(fault.tempts),
        f"its tier is {fault.tier}": fault.tier != "observe",
        "the network is scanned under it": fault.scan,
        "it alters the environment file": fault.environment is not None,
        "it brings the lab into another position first": fault.arrange is not nothing,
    }
    return next((reason for reason, so in reasons.items() if so), "")


def noted(machines: Collection[str], facts: Facts) -> list[str]:
    """Touched machines by the parts that they had then, ``<primary>`` and the like."""
    parts = {value: key for key, value in facts.items() if value in NAMES}
    return sorted(f"<{parts[one]}>" if one in parts else one for one in machines)


def reach(fault: Fault, facts: Facts, touches: Collection[str]) -> Reach:
    """What it reaches while these have the parts.

    Raises:
        LabError: it depends on something else than who has which part.
    """
    cases = {
        (check, filled(subject, facts))
        for reasons in (fault.reddens, fault.blinds, fault.may_redden)
        for check, subjects in reasons.items()
        for subject in subjects
    }
    machines = {filled(one, facts) for one in touches}
    for _, subject in cases:
        machines |= machines_of(subject)
    return Reach(frozenset(cases), frozenset(machines))


def machines_of(subject: str) -> frozenset[str]:
    """The machines that a subject is about, as far as the environment file tells."""
    words = subject.split("/")
    return frozenset(words) & NAMES or _groups().get(words[0], frozenset())


@cache
def _groups() -> Mapping[str, frozenset[str]]:
    """The name of each thing that the environment declares -> its members, or whom it names."""
    found: dict[str, frozenset[str]] = {}
    document = YAML(typ="safe").load(product.ENVIRONMENT)
    for section in document.values():
        for one in section if isinstance(section, list) else ():
            if isinstance(one, dict) and one.get("name") not in {None, *NAMES}:
                words = frozenset(_words(one.get("members", one))) & NAMES
                found[one["name"]] = found.get(one["name"], frozenset()) | words
    return found


def _words(value: Any) -> Iterator[str]:
    """Every text in a part of the file, however deep."""
    if isinstance(value, str):
        yield value
    parts = value.values() if isinstance(value, dict) else value
    for one in parts if isinstance(value, dict | list) else ():
        yield from _words(one)


def next_batch(
    waiting: Sequence[Fault], facts: Facts, touches: Mapping[str, Collection[str]]
) -> list[Fault]:
    """Those of the waiting to be tried next, as many at once as may be.

    It begins with the one that the most others have to wait for. One whose touched machines are
    unknown, or that can't have another beside it, comes by itself, after those that can.
    """
    reaches: dict[str, Reach] = {}
    for one in waiting:
        if one.name in touches and not why_alone(one):
            try:
                reaches[one.name] = reach(one, facts, touches[one.name])
            except LabError:
                continue
    if not reaches:
        return list(waiting[:1])

    def kept_waiting(name: str) -> int:
        return sum(reaches[name].meets(other) for other in reaches.values())

    chosen: list[str] = []
    for name in sorted(reaches, key=kept_waiting, reverse=True):
        if len(chosen) < MOST and not any(reaches[name].meets(reaches[one]) for one in chosen):
            chosen.append(name)
    return [one for one in waiting if one.name in chosen]


def all_batches(
    waiting: Sequence[Fault], facts: Facts, touches: Mapping[str, Collection[str]]
) -> list[list[Fault]]:
    """How all of the waiting would be tried if nobody's part changed meanwhile."""
    left, found = list(waiting), []
    while left:
        found.append(next_batch(left, facts, touches))
        left = [one for one in left if one not in found[-1]]
    return found
