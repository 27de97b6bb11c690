"""Percentiles and shares with bounds that hold at 95 %, from raw samples.

A percentile is bounded by order statistics (David and Nagaraja, Order Statistics, 7.1): of n
samples, the k-th smallest lies above the p-quantile with probability P(Bin(n, p) <= k - 1).
Requests that follow each other are not independent, so blocks of the run are drawn again and again
(block bootstrap, Kuensch 1989) and the wider of the two intervals is taken.
"""

import math
import random
from collections import defaultdict
from collections.abc import Sequence
from typing import Final

from readiness.measure.confidence import CONFIDENCE, share_shown
from readiness.measure.measurement import Measurement, digest_of

BLOCK: Final = 10.0
"""Seconds of a block."""
DRAWS: Final = 200
RESOLUTION: Final = 0.001


def ranks(n: int, p: float, confidence: float = CONFIDENCE) -> tuple[int | None, int | None]:
    """Ranks (from 1) of the samples that bound the p-quantile from below and above.

    None where n samples are too few for such a bound.
    """
    lower, fewer = None, 0.0  # P(Bin(n, p) <= k - 1)
    for k in range(1, n + 1):
        fewer += _chance(k - 1, n, p)
        if fewer <= 1 - confidence:
            lower = k
        if fewer >= confidence:
            return lower, k
    return lower, None


def _chance(k: int, n: int, p: float) -> float:
    """P(Bin(n, p) = k); in logarithms, as the coefficients outgrow a double."""
    ways = math.lgamma(n + 1) - math.lgamma(k + 1) - math.lgamma(n - k + 1)
    return math.exp(ways + k * math.log(p) + (n - k) * math.log1p(-p))


def percentile(name: str, samples: Sequence[tuple[float, float]], percent: float) -> Measurement:
    """The percentile of the seconds in (when it was due, seconds it took).

    The value is the sample of rank ceil(p n); a bound that the samples can't carry is None.

    Raises:
        ValueError: percent is not strictly between 0 and 100.
    """
    if not 0 < percent < 100:  # noqa: PLR2004
        raise ValueError(f"expected a percentage strictly between 0 and 100, found {percent!r}")
    p, n = percent / 100, len(samples)
    digest = digest_of(f"{when:.6f} {took:.6f}" for when, took in samples)
    if not n:
        return Measurement(name, None, None, None, "s", RESOLUTION, 0, digest)
    ordered = sorted(took for _, took in samples)
    value = ordered[math.ceil(p * n) - 1]
    low, high = ranks(n, p)
    lower = ordered[low - 1] if low else None
    upper = ordered[high - 1] if high else None
    drawn = _drawn(samples, p, seed=digest)
    if drawn and lower is not None and upper is not None:
        lower, upper = min(lower, drawn[0]), max(upper, drawn[1])
    return Measurement(name, value, lower, upper, "s", RESOLUTION, n, digest)


def _drawn(
    samples: Sequence[tuple[float, float]], p: float, *, seed: str
) -> tuple[float, float] | None:
    """Bounds of the percentile over blocks drawn with replacement; None with fewer than two."""
    blocks: dict[int, list[float]] = defaultdict(list)
    for when, took in samples:
        blocks[int(when // BLOCK)].append(took)
    parts = list(blocks.values())
    if len(parts) < 2:  # noqa: PLR2004
        return None
    chance = random.Random(seed)  # noqa: S311 - the same samples give the same bounds
    values = []
    for _ in range(DRAWS):
        again = sorted(took for part in chance.choices(parts, k=len(parts)) for took in part)
        values.append(again[math.ceil(p * len(again)) - 1])
    values.sort()
    edge = round((1 - CONFIDENCE) * DRAWS)
    return values[edge], values[-edge - 1]


def share(name: str, count: int, n: int, digest: str) -> Measurement:
    """The share in percent that count of n shows, each bound at 95 % (Clopper and Pearson)."""
    if not n:
        return Measurement(name, None, None, None, "%", None, 0, digest)
    lower, upper = share_shown(n, count), 1 - share_shown(n, n - count)
    return Measurement(name, 100 * count / n, 100 * lower, 100 * upper, "%", 100 / n, n, digest)
