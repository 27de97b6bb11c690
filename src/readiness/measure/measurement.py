"""The one shape in which a measured figure leaves this package: a value with its bounds.

A figure without bounds invites a verdict it can't carry, so every result says how low and how high
the truth can lie, how finely was looked, on how many samples it rests, and the digest of the raw
data from which anyone can work it out again.
"""

import hashlib
import math
import re
from collections.abc import Iterable
from dataclasses import dataclass

_DIGEST = re.compile(r"[0-9a-f]{64}\Z")


@dataclass(frozen=True, slots=True)
class Measurement:
    """A measured figure. `None` means "not known", never "zero" and never "without limit".

    For a claim `<= limit` judge `upper`, for `>= limit` judge `lower`; a bound that is `None` can't
    support either.
    """

    name: str
    """What was measured, for people: `outage`, `writes lost`."""
    value: float | None
    """The figure to print; `None` when nothing could be measured."""
    lower: float | None
    """The truth isn't below this; `None` when no such bound is known."""
    upper: float | None
    """The truth isn't above this; `None` when no such bound is known (an outage still open)."""
    unit: str
    """`s`, `writes`, `bytes`; empty for a pure number."""
    resolution: float | None
    """The smallest difference that could have been seen, in `unit`."""
    n: int
    """How many samples the figure rests on."""
    digest: str
    """SHA-256 of the raw data, 64 lower-case hex digits."""

    def __post_init__(self) -> None:
        """Refuse a figure that contradicts itself.

        Raises:
            TypeError: a figure isn't a number.
            ValueError: a number isn't finite, bounds cross, or the digest isn't a SHA-256.
        """
        for field in ("value", "lower", "upper", "resolution"):
            _require_finite(self.name, field, getattr(self, field))
        ordered = [x for x in (self.lower, self.value, self.upper) if x is not None]
        if ordered != sorted(ordered):
            raise ValueError(
                f"{self.name}: expected lower <= value <= upper,"
                f" found {self.lower}, {self.value}, {self.upper}"
            )
        if self.resolution is not None and self.resolution < 0:
            raise ValueError(f"{self.name}: expected resolution >= 0, found {self.resolution}")
        if isinstance(self.n, bool) or not isinstance(self.n, int) or self.n < 0:
            raise ValueError(f"{self.name}: expected n to be a count >= 0, found {self.n!r}")
        if not _DIGEST.match(self.digest):
            raise ValueError(f"{self.name}: expected a SHA-256 in hex, found {self.digest!r}")

    def __str__(self) -> str:
        """The figure for a sentence: `31.2 s to 31.4 s`, an open end named as such."""
        unit = f" {self.unit}" if self.unit else ""
        low, high = (
            "an unknown end" if end is None else f"{end:.4g}{unit}"
            for end in (self.lower, self.upper)
        )
        return low if low == high else f"{low} to {high}"


def digest_of(lines: Iterable[str]) -> str:
    """The SHA-256, in hex, of raw data given as lines; order counts, line ends are added."""
    running = hashlib.sha256()
    for line in lines:
        running.update(line.encode())
        running.update(b"\n")
    return running.hexdigest()


def _require_finite(name: str, field: str, number: object) -> None:
    if number is None:
        return
    if isinstance(number, bool) or not isinstance(number, int | float):
        raise TypeError(f"{name}: expected {field} to be a number or None, found {number!r}")
    if not math.isfinite(number):
        raise ValueError(f"{name}: expected {field} to be finite or None, found {number!r}")
