"""What machines of one role have in common: packages, units, accounts, settings and kernel."""

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from readiness.model.errors import NotUnderstood
from readiness.site.declared.machine import Machine
from readiness.site.subjects import REACHED_MACHINE
from readiness.systems.token import Source

# A unit that somebody made for a moment, or that a generator makes of what is mounted.
_PASSING: Final = {"transient", "generated"}
ABSENT: Final = "absent"


@dataclass(frozen=True)
class Likeness:
    """Of a machine, by aspect: each name, and what it is there."""

    aspects: Mapping[str, Mapping[str, str]]


@dataclass(frozen=True)
class Odd:
    """What differs on one machine from what most of its role have, or from each other."""

    aspect: str
    name: str
    values: Mapping[str, str]
    """By machine."""

    def __str__(self) -> str:
        counted = Counter(self.values.values()).most_common()
        usual = counted[0][0] if len(counted) == 1 or counted[0][1] > counted[1][1] else ""
        odd = {name: one for name, one in self.values.items() if not usual or one != usual}
        told = ", ".join(f"{one} on {name}" for name, one in sorted(odd.items()))
        rest = f" ({usual} on the others)" if usual else ""
        return f"{self.aspect}: {self.name} is {told}{rest}"


LIKENESS: Final[Source[Machine, Likeness]] = Source("likeness", REACHED_MACHINE, Likeness)


def read_unit_files(said: str, where: str) -> dict[str, str]:
    """Whether each unit is enabled (systemctl(1), list-unit-files).

    Raises:
        NotUnderstood: it lists none.
    """
    rows = [line.split() for line in said.splitlines()]
    found = {row[0]: row[1] for row in rows if len(row) >= 2 and row[1] not in _PASSING}  # noqa: PLR2004
    if not found:
        raise NotUnderstood(f"{where}: systemctl lists no unit")
    return found


def read_accounts(said: str) -> dict[str, str]:
    """Number, home and shell of each account (passwd(5))."""
    rows = [line.split(":") for line in said.splitlines()]
    return {row[0]: f"{row[2]} {row[5]} {row[6]}" for row in rows if len(row) == 7}  # noqa: PLR2004


def odd_ones(machines: Mapping[str, Likeness]) -> tuple[Odd, ...]:
    """What is not the same on all of these machines."""
    found = []
    for aspect in sorted({one for each in machines.values() for one in each.aspects}):
        of = {name: each.aspects.get(aspect, {}) for name, each in machines.items()}
        for name in sorted({one for each in of.values() for one in each}):
            values = {machine: each.get(name, ABSENT) for machine, each in of.items()}
            if len(set(values.values())) > 1:
                found.append(Odd(aspect, name, values))
    return tuple(found)
