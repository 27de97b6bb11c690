"""A simulated service with one outage of known length, and the clients that write to it.

Time is simulated, so what it yields is exact and the same on every machine. The generator of load
jitters and stands still now and then; a standstill delays whatever the generator would do in it:
reading its clock, sending, noticing an answer or that a time-out ran out.
"""

import random
from bisect import bisect_right
from collections.abc import Sequence
from dataclasses import dataclass
from enum import Enum, auto

from readiness.measure.operation import Op, Outcome

CADENCE = 0.05
TIMEOUT = 2.0


class Behaviour(Enum):
    """What an attempt meets while the service is down."""

    REFUSED = auto()
    HUNG = auto()
    QUEUED = auto()


@dataclass(frozen=True)
class Truth:
    """The outage as it was."""

    begins: float
    ends: float

    @property
    def length(self) -> float:
        """Seconds without service."""
        return self.ends - self.begins


class Generator:
    """The generator's time: what it wants to do during a standstill happens at its end."""

    def __init__(self, standstills: Sequence[tuple[float, float]]) -> None:
        self._standstills = sorted(standstills)
        self._starts = [start for start, _ in self._standstills]

    def acts_at(self, moment: float) -> float:
        """When something due at this moment really happens."""
        i = bisect_right(self._starts, moment) - 1
        while i >= 0 and self._standstills[i][0] <= moment < self._standstills[i][1]:
            moment = self._standstills[i][1]
            i = bisect_right(self._starts, moment) - 1
        return moment


def random_standstills(rng: random.Random, until: float, count: int) -> list[tuple[float, float]]:
    """Standstills of 0.02 to 1.5 s anywhere in the run."""
    starts = sorted(rng.uniform(0, until) for _ in range(count))
    return [(start, start + rng.choice([0.02, 0.08, 0.2, 0.5, 1.5])) for start in starts]


def simulate(
    rng: random.Random,
    truth: Truth | None,
    behaviours: Sequence[Behaviour],
    standstills: Sequence[tuple[float, float]],
    until: float,
) -> list[Op]:
    """Write on a fixed schedule from 0 to `until`, each attempt by one of the behaviours."""
    generator = Generator(standstills)
    ops = []
    for seq in range(int(until / CADENCE)):
        intended = seq * CADENCE
        start = generator.acts_at(intended + rng.uniform(0, 0.01))
        # The standstill may fall between reading the clock and sending.
        sent = generator.acts_at(start + rng.uniform(0, 0.0005))
        answered, outcome = _serve(rng, truth, rng.choice(behaviours), sent)
        noticed, gives_up = generator.acts_at(answered), generator.acts_at(sent + TIMEOUT)
        if noticed > gives_up or (noticed == gives_up and rng.random() < 0.5):
            noticed, outcome = gives_up, Outcome.INFO
        ops.append(
            Op(
                group="clients",
                seq=seq,
                intended=intended,
                start=start,
                end=noticed,
                outcome=outcome,
                payload="",
            )
        )
    return ops


def _serve(
    rng: random.Random, truth: Truth | None, behaviour: Behaviour, sent: float
) -> tuple[float, Outcome]:
    """When the answer arrives (perhaps never), and what it says."""
    latency = rng.uniform(0.001, 0.02)
    served = sent + latency * rng.random()
    if truth is None or not truth.begins <= served < truth.ends:
        return sent + latency, Outcome.OK
    if behaviour is Behaviour.REFUSED:
        return sent + latency, Outcome.FAIL
    if behaviour is Behaviour.HUNG:
        return float("inf"), Outcome.INFO
    return truth.ends + rng.uniform(0, 0.02), Outcome.OK
