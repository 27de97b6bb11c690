"""What a handful of drills shows: the share of such events under the limit, at a confidence.

The events within one drill are not independent (the writes a failover loses are one suffix), so
confidence comes from the number of trials alone. All bounds are exact binomial (Clopper-Pearson),
one-sided; for `n` of `n` that is `(1 - confidence) ** (1 / n)`.
"""

import math

CONFIDENCE = 0.95


def share_shown(n: int, under: int | None = None, *, confidence: float = CONFIDENCE) -> float:
    """The share of such events that stays under the limit, at least, when `under` of `n` did.

    Args:
        n: trials made.
        under: trials that stayed under the limit; all of them unless given.
        confidence: strictly between 0 and 1.

    Returns:
        A share in [0, 1); 0 when nothing was tried or nothing stayed under.

    Raises:
        ValueError: the counts or the confidence make no sense.
    """
    under = n if under is None else under
    if not 0 <= under <= n:
        raise ValueError(f"expected 0 <= trials under the limit <= trials, found {under} of {n}")
    _require_share("confidence", confidence)
    if under == 0:
        return 0.0
    if under == n:
        return float((1 - confidence) ** (1 / n))
    low, high = 0.0, under / n
    for _ in range(60):  # halves the interval below a double's precision
        middle = (low + high) / 2
        if _at_least(under, n, middle) < 1 - confidence:
            low = middle
        else:
            high = middle
    return low


def minimum_trials(share: float, *, confidence: float = CONFIDENCE) -> int:
    """How many trials, all under the limit, show that `share` of such events is.

    Raises:
        ValueError: share or confidence isn't strictly between 0 and 1.
    """
    _require_share("share", share)
    _require_share("confidence", confidence)
    n = max(1, math.ceil(math.log(1 - confidence) / math.log(share)))
    # The quotient of logarithms can miss a whole number by a rounding error, both ways.
    while n > 1 and share_shown(n - 1, confidence=confidence) >= share:
        n -= 1
    while share_shown(n, confidence=confidence) < share:
        n += 1
    return n


def sentence(
    n: int,
    how: str,
    *,
    under: int | None = None,
    events: str = "such failovers",
    confidence: float = CONFIDENCE,
) -> str:
    """The sentence to print beside a verdict: `9 of 9 under 60 s: at least 71.6 % of …`.

    `how` says how those that count as successes went: "under 60 s".

    Shares are rounded down: "at least" must stay true.
    """
    under = n if under is None else under
    shown = math.floor(share_shown(n, under, confidence=confidence) * 1000) / 10
    at = f"at {confidence * 100:.4g} % confidence"
    if shown == 0:
        return f"{under} of {n} {how}: shows nothing about {events} {at}"
    return f"{under} of {n} {how}: at least {shown:g} % of {events} {at}"


def _at_least(k: int, n: int, share: float) -> float:
    """P(Binomial(n, share) >= k); in logarithms, as the coefficients outgrow a double."""
    ways = math.lgamma(n + 1)
    yes, no = math.log(share), math.log1p(-share)
    return math.fsum(
        math.exp(ways - math.lgamma(i + 1) - math.lgamma(n - i + 1) + i * yes + (n - i) * no)
        for i in range(k, n + 1)
    )


def _require_share(name: str, number: float) -> None:
    if not 0 < number < 1:
        raise ValueError(f"expected {name} strictly between 0 and 1, found {number!r}")
