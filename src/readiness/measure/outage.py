"""What a series of timed attempts says about outages: parts, outages, and figures with bounds."""

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from readiness.measure.measurement import Measurement, digest_of


@dataclass(frozen=True, slots=True)
class Part:
    """One stretch without service, as far as attempts can tell. Times in seconds."""

    begins: float | None
    """The service was still up at an instant after this; `None`: never seen up before."""
    ends: float | None
    """The service was up again by then; `None`: never seen up after."""
    down_by: float | None = None
    """It was certainly down at an instant before this; `None`: perhaps it never was."""
    down_until: float | None = None
    """It was certainly down at an instant after this."""
    errors: bool = False
    """Some attempt failed or stayed unanswered; otherwise all were only slow."""

    @property
    def lower(self) -> float:
        """The shortest it can have been."""
        return _between(self.down_by, self.down_until)

    @property
    def upper(self) -> float | None:
        """The longest it can have been; `None` while open at an end."""
        return None if self.begins is None or self.ends is None else self.ends - self.begins

    @property
    def blind(self) -> bool:
        """Whether nothing but a standstill of the generator speaks for it."""
        return self.down_by is None


@dataclass(frozen=True, slots=True)
class Outage:
    """Parts joined by the flap rule: an outage is over at the first ok of a stable run."""

    parts: tuple[Part, ...]
    recovered: bool
    """Whether a stable run was seen after it; without one its end is unknown."""

    @property
    def begins(self) -> float | None:
        """When it began, at the earliest; `None` when the service was never seen up before."""
        return self.parts[0].begins

    @property
    def ends(self) -> float | None:
        """When service was back for good, at the latest; `None` while that wasn't seen."""
        return self.parts[-1].ends if self.recovered else None

    @property
    def lower(self) -> float:
        """The shortest it can have been: from the first certain failure to the last."""
        by = [part.down_by for part in self.parts if part.down_by is not None]
        until = [part.down_until for part in self.parts if part.down_until is not None]
        return _between(min(by, default=None), max(until, default=None))

    @property
    def upper(self) -> float | None:
        """The longest it can have been, flaps included; `None` while open at an end."""
        return None if self.begins is None or self.ends is None else self.ends - self.begins

    @property
    def blind(self) -> bool:
        """Whether nothing but a standstill of the generator speaks for it."""
        return all(part.blind for part in self.parts)


@dataclass(frozen=True, slots=True)
class Series:
    """All outages that one group of clients saw, in order, and how well it looked."""

    group: str
    n: int
    late: int
    """Attempts that started more than a cadence after they were meant to."""
    usable: bool
    """False when there were no attempts, or too many were late: no upper bound may be used."""
    outages: tuple[Outage, ...]
    unseen: float | None
    """The longest outage that could have passed between two answers without a trace."""
    digest: str

    @property
    def late_ratio(self) -> float:
        """Late attempts as a share of all."""
        return self.late / self.n if self.n else 0.0

    def longest(self) -> Measurement:
        """The outage that lasted longest, in seconds; judge its upper bound."""
        lower = max((outage.lower for outage in self.outages), default=0.0)
        return self._measured("longest outage", lower, _greatest(o.upper for o in self.outages))

    def total(self) -> Measurement:
        """The sum of all stretches without service, in seconds."""
        parts = [part for outage in self.outages for part in outage.parts]
        uppers = [part.upper for part in parts if part.upper is not None]
        closed = all(o.recovered for o in self.outages) and len(uppers) == len(parts)
        lower = math.fsum(part.lower for part in parts)
        return self._measured("outages, sum", lower, math.fsum(uppers) if closed else None)

    def span(self) -> Measurement:
        """From the beginning of the first outage to the end of the last, in seconds."""
        if not self.outages:
            return self._measured("outages, span", 0.0, None)
        parts = tuple(part for outage in self.outages for part in outage.parts)
        whole = Outage(parts, recovered=self.outages[-1].recovered)
        return self._measured("outages, span", whole.lower, whole.upper)

    def _measured(self, name: str, lower: float, upper: float | None) -> Measurement:
        if not self.outages:
            upper = self.unseen
        if not self.usable:
            upper = None
        return Measurement(
            name=f"{name} ({self.group})",
            value=upper,
            lower=lower if self.n else None,
            upper=upper,
            unit="s",
            resolution=None if upper is None else upper - lower,
            n=self.n,
            digest=self.digest,
        )


def worst(measurements: Sequence[Measurement], name: str) -> Measurement:
    """The worst of several figures, bound by bound: the slowest client group, the worst trial.

    An upper bound that is missing anywhere is missing in the worst.

    Raises:
        ValueError: nothing to choose from, or the units differ.
    """
    units = {measurement.unit for measurement in measurements}
    if len(units) != 1:
        raise ValueError(f"{name}: expected measurements of one unit, found {sorted(units)}")
    upper = _greatest([measurement.upper for measurement in measurements])
    lower = max((m.lower for m in measurements if m.lower is not None), default=None)
    return Measurement(
        name=name,
        value=upper,
        lower=lower,
        upper=upper,
        unit=units.pop(),
        resolution=_greatest([measurement.resolution for measurement in measurements]),
        n=sum(measurement.n for measurement in measurements),
        digest=digest_of(measurement.digest for measurement in measurements),
    )


def _greatest(numbers: Iterable[float | None]) -> float | None:
    greatest = 0.0
    for number in numbers:
        if number is None:
            return None
        greatest = max(greatest, number)
    return greatest


def _between(down_by: float | None, down_until: float | None) -> float:
    return 0.0 if down_by is None or down_until is None else max(0.0, down_until - down_by)
