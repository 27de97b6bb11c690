"""What a trial of a balancer or of a server behind it showed, and how it is worked out."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from readiness.drills.users import CADENCE, Group
from readiness.measure.measurement import Measurement, digest_of
from readiness.measure.operation import Op, Outcome, encode

UNKNOWN: Final = "unknown: "
"""Begins a status that nobody knows."""


class Kind(StrEnum):
    """What is done in a trial."""

    CONTROL = "control"
    BROKEN = "broken"
    DRAINED = "drained"
    SERVER_LOST = "server lost"
    BALANCER_LOST = "balancer lost"


@dataclass(frozen=True)
class Way:
    """One thing that is done: to which machine, and what people call it."""

    kind: Kind
    victim: str = ""
    name: str = "control"

    @property
    def control(self) -> bool:
        """Whether nothing is disturbed in it."""
        return self.kind is Kind.CONTROL

    @property
    def of_server(self) -> bool:
        """Whether it is about a server, which has to serve again afterwards."""
        return self.kind in (Kind.BROKEN, Kind.DRAINED, Kind.SERVER_LOST)


CONTROL: Final = Way(Kind.CONTROL)


def is_up(status: str) -> bool | None:
    """Whether a balancer sends users to a server of that status; None where nobody knows."""
    return None if status.startswith(UNKNOWN) else status.startswith("UP")


@dataclass(frozen=True)
class Slow:
    """Slow requests that the drained server answered while it was drained, at one machine."""

    machine: str
    asked: int
    """Of all slow requests there, those that the server answered over the moment of draining."""
    broken: int
    """Of these, those that did not end whole; and of all others, those that nobody answered."""


@dataclass(frozen=True)
class ServedTrial:
    """What one trial showed. Times in seconds; `problem` says why it shows nothing."""

    number: int
    way: str
    control: bool
    victim: str
    told: str
    """What was disturbed, in words, and for how long."""
    outages: Mapping[str, Measurement]
    """The longest of each group of users."""
    right_after: Measurement
    """From the disturbance until no request that began was answered wrong."""
    failed: int | None
    """Pages that users did not get, over the whole trial."""
    failed_after: int | None
    """Of these, those asked for after it was taken back."""
    answers_after: int | None
    """Answers of the server to requests that began when it had to be out of rotation."""
    status: Mapping[str, str]
    """Of the server, as each machine of the balancer said in the end of the disturbance."""
    returned: float | None
    """Seconds until the server answered at every address again; None where it did not."""
    slow: tuple[Slow, ...]
    owners: Mapping[str, tuple[str, ...]]
    """Who held each shared address in the end."""
    lost: Measurement
    lost_sample: tuple[str, ...]
    wrong: Mapping[str, int | None]
    """Counts of what must never be stored."""
    problem: str


def nothing(name: str, unit: str) -> Measurement:
    """A figure of which nothing is known."""
    return Measurement(name, None, None, None, unit, None, 0, digest_of(()))


def shows_nothing(number: int, way: Way, problem: str, told: str = "") -> ServedTrial:
    """A trial of which nothing is known but why."""
    return ServedTrial(
        number=number,
        way=way.name,
        control=way.control,
        victim=way.victim,
        told=told,
        outages={},
        right_after=nothing("until users were right", "s"),
        failed=None,
        failed_after=None,
        answers_after=None,
        status={},
        returned=None,
        slow=(),
        owners={},
        lost=nothing("writes lost", "writes"),
        lost_sample=(),
        wrong={},
        problem=problem,
    )


def failed(ops: Iterable[Op]) -> list[Op]:
    """Those that a user did not get, of those that have ended."""
    return [op for op in ops if op.end is not None and op.outcome is not Outcome.OK]


def pages_of(ops: Iterable[Op], groups: Iterable[Group]) -> list[Op]:
    """Those of groups that ask for pages."""
    names = {one.name for one in groups if not one.writes}
    return [op for op in ops if op.group in names]


def until_right(ops: Iterable[Op], sent: float, seen: float, taken_back: float) -> Measurement:
    """From the disturbance until the last request began that was answered wrong while it lasted."""
    during = [op for op in ops if sent <= op.start < taken_back]
    bad = [op.start for op in failed(during)]
    lower = max(max(bad) - seen, 0.0) if bad else 0.0
    upper = max(bad) - sent + CADENCE if bad else CADENCE
    return Measurement(
        name="until users were right",
        value=upper if bad else 0.0,
        lower=lower,
        upper=upper,
        unit="s",
        resolution=CADENCE,
        n=len(during),
        digest=digest_of(encode(op) for op in during),
    )
