"""What becomes of faults that are tried in batches, narrowly: worked out once, told for each."""

import time
from collections.abc import Collection, Iterable, Mapping

from lab import at_once, batches, matrix, mending
from lab.errors import LabError
from lab.faults import Fault
from lab.progress import say
from lab.site import Site


class Batches:
    """Faults of which those that don't meet are tried at once, when the first of them is asked for.

    Those of different groups are not: who is in a later one takes no time from an earlier. Which
    may be in force together is as the committed matrix tells; nothing rests on it.
    """

    def __init__(
        self, groups: Iterable[Iterable[Fault]], touches: Mapping[str, Collection[str]]
    ) -> None:
        self.touches = touches
        self.groups = [
            [one for one in group if one.name in touches and not batches.why_alone(one)]
            for group in groups
        ]
        self.found: dict[str, tuple[str, ...]] = {}

    def knows(self, name: str) -> bool:
        """Whether it has been tried."""
        return name in self.found

    def problems(self, site: Site, name: str, end: float) -> tuple[str, ...]:
        """What was not as a fault declares while others were in force, to be tried alone then.

        One that can't have another beside it, or was not tried when it was `end`, has that for its
        problem.
        """
        while not self.knows(name) and (group := self._waiting(name)) and time.monotonic() < end:
            several = batches.next_batch(group, matrix.parts(site), self.touches)
            group[:] = [one for one in group if one not in several]
            self.found |= _tried(site, several)
        return self.found.get(name, ("it was not tried beside others",))

    def _waiting(self, name: str) -> list[Fault]:
        """The group in which a fault waits; empty where it waits in none."""
        return next((one for one in self.groups if any(each.name == name for each in one)), [])


def _tried(site: Site, several: list[Fault]) -> dict[str, tuple[str, ...]]:
    """What was not as declared, by name; where a batch can't be tried, that is everybody's."""
    if len(several) == 1:
        return {}
    try:
        return {one.fault: one.problems for one in at_once.faults(site, several, narrow=True)}
    except LabError as error:
        say(f"at once: {error}")
        if mending.in_force(site):
            mending.start_anew(site)
        return dict.fromkeys((one.name for one in several), (str(error),))
