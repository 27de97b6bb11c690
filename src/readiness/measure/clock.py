"""How far two clocks are apart, and how sure that is.

One exchange of four readings gives the offset and its largest error: our clock at sending (t0), the
other clock at receiving and answering (t1, t2), ours at return (t3). The message may have spent the
whole round trip on one leg, so the error is half of it, whatever the network does.
"""

import math
from collections.abc import Iterable
from dataclasses import dataclass

MAXIMUM_DRIFT = 0.050
"""Seconds by which an offset may change during a run before its timestamps are worth nothing."""


@dataclass(frozen=True, slots=True)
class Offset:
    """`theta` = other clock - our clock, in seconds, true within `error`."""

    theta: float
    error: float

    def __post_init__(self) -> None:
        """Refuse what can't bound anything.

        Raises:
            ValueError: not finite, or a negative error.
        """
        if not (math.isfinite(self.theta) and math.isfinite(self.error) and self.error >= 0):
            raise ValueError(f"expected a finite offset and an error >= 0, found {self}")


@dataclass(frozen=True, slots=True)
class OffsetBound:
    """Between which offsets (other - our clock, seconds) a whole run lay."""

    lower: float
    upper: float
    steady: bool
    """False when the clock was seen to drift too far or step: then nothing may rest on it."""

    def to_ours(self, reading: float) -> tuple[float, float]:
        """The earliest and the latest time on our clock for a reading of the other clock."""
        return reading - self.upper, reading - self.lower


SAME_CLOCK = OffsetBound(0.0, 0.0, steady=True)


def measure_offset(t0: float, t1: float, t2: float, t3: float) -> Offset:
    """The offset from one exchange; all in seconds, t0 and t3 ours, t1 and t2 the other's.

    Raises:
        ValueError: a clock ran backwards inside the exchange.
    """
    round_trip = (t3 - t0) - (t2 - t1)
    if t3 < t0 or t2 < t1 or round_trip < 0:
        raise ValueError(
            f"expected t0 <= t3, t1 <= t2 and an answer within the round trip,"
            f" found {t0}, {t1}, {t2}, {t3}"
        )
    return Offset(((t1 - t0) + (t2 - t3)) / 2, round_trip / 2)


def best(samples: Iterable[Offset]) -> Offset:
    """The sample with the smallest error: the one whose messages were held up least.

    Raises:
        ValueError: no samples.
    """
    return min(samples, key=lambda sample: sample.error)


def bound(before: Offset, after: Offset, *, maximum_drift: float = MAXIMUM_DRIFT) -> OffsetBound:
    """The offset's bounds over a run, from one sample on each side of it.

    Between the samples the offset is taken to have moved steadily; a change of more than
    `maximum_drift` marks the bound as not steady.
    """
    moved = abs(after.theta - before.theta)
    return OffsetBound(
        lower=min(before.theta - before.error, after.theta - after.error),
        upper=max(before.theta + before.error, after.theta + after.error),
        steady=moved <= maximum_drift,
    )
