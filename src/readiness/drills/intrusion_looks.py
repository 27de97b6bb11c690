"""What repeated looks show: when something was first there, and how long a door was closed."""

from dataclasses import dataclass, field

from readiness.drills.intrusion_block import PAUSE
from readiness.measure.measurement import Measurement, digest_of
from readiness.systems.intrusion.reading import DoorAt


def bracket(name: str, low: float, high: float, looks: int) -> Measurement:
    """Seconds, at least and at most, which rest on so many looks."""
    return Measurement(
        name=name,
        value=(low + high) / 2,
        lower=low,
        upper=high,
        unit="s",
        resolution=PAUSE,
        n=looks,
        digest=digest_of([f"{name} {low} {high} {looks}"]),
    )


@dataclass
class Seen:
    """When something was seen for the first time: not before the one, and by the other."""

    low: float = 0.0
    high: float | None = None
    looks: int = 0

    def look(self, *, there: bool, before: float, now: float) -> None:
        """Take what one look showed, which began and ended so long after the attack began."""
        self.looks += 1
        if self.high is None:
            if there:
                self.high = now
            else:
                self.low = before

    def measured(self, name: str) -> Measurement | None:
        """The bracket; nothing where it was never seen."""
        if self.high is None:
            return None
        return bracket(name, min(self.low, self.high), self.high, self.looks)


@dataclass
class Closed:
    """One time that a door was closed, by the looks that bound it."""

    low: float  # the begin of the last look that found it open
    high: float  # the end of the first look that found it closed
    shut_at: float  # the begin of the newest look that found it closed
    opened: float | None = None  # the end of the first look that found it open again


@dataclass
class Watched:
    """One door while it is watched from the source, and from those who have to be served."""

    at: DoorAt
    times: list[Closed] = field(default_factory=list)
    looks: int = 0
    open_at: float = 0.0  # the begin of the last look that found it open
    seen: float = 0.0  # the end of the newest look
    open_now: bool = True
    missed: int = 0  # looks in a row at which it did not serve the others
    shut: bool = False
    closing: tuple[float, float] | None = None  # of a time that one look has found so far

    def look(self, *, open_: bool, before: float, now: float) -> None:
        """Take what one look from the source showed.

        One that is missed once may have been lost on its way: closed is what two looks in a row
        find closed, from the first of them on.
        """
        self.open_now, self.seen, self.looks = open_, now, self.looks + 1
        latest = self.times[-1] if self.times and self.times[-1].opened is None else None
        if open_:
            self.closing, self.open_at = None, before
            if latest:
                latest.opened = now
        elif latest:
            latest.shut_at = before
        elif self.closing is None:
            self.closing = (self.open_at, now)
        else:
            self.times.append(Closed(*self.closing, before))
            self.closing = None

    def others(self, *, served: bool) -> None:
        """Take whether it served everybody else at that look."""
        self.missed = 0 if served else self.missed + 1
        self.shut = self.shut or self.missed > 1

    @property
    def closed_at(self) -> float | None:
        """When it was closed for the first time, at the latest."""
        return self.times[0].high if self.times else None

    def closed(self) -> Measurement | None:
        """When it was closed for the first time; nothing where it never was."""
        if not self.times:
            return None
        first = self.times[0]
        return bracket(f"begin of the block at {self.at.id}", first.low, first.high, self.looks)

    def held(self) -> Measurement | None:
        """The longest time that it stayed closed, up to the newest look; nothing without one.

        A server may refuse by itself for a moment, before the block comes.
        """
        if not self.times:
            return None
        longest = max(self.times, key=lambda one: one.shut_at - one.high)
        low = max(longest.shut_at - longest.high, 0.0)
        high = max((longest.opened or self.seen) - longest.low, low)
        return bracket(f"block at {self.at.id}", low, high, self.looks)
