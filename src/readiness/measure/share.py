"""How likely a count is under a declared share: exact binomial, for samplers that draw lots."""

import math


def chance(found: int, of: int, share: float) -> float:
    """The chance of a count as far off as this one or farther, either way, at that share.

    Twice the smaller tail (the usual two-sided exact test), 1 at most.

    Raises:
        ValueError: counts or share make no sense.
    """
    if not 0 <= found <= of or not 0 <= share <= 1:
        raise ValueError(f"expected 0 <= found <= of and a share, found {found} of {of} at {share}")
    if share in (0, 1):
        return float(found == of * share)
    low = math.fsum(_exactly(one, of, share) for one in range(found + 1))
    high = math.fsum(_exactly(one, of, share) for one in range(found, of + 1))
    return min(1.0, 2 * min(low, high))


def _exactly(found: int, of: int, share: float) -> float:
    """In logarithms, as the coefficients outgrow a double."""
    ways = math.lgamma(of + 1) - math.lgamma(found + 1) - math.lgamma(of - found + 1)
    return math.exp(ways + found * math.log(share) + (of - found) * math.log1p(-share))
