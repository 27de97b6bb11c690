"""Durations as Prometheus writes them: `2s`, `1m30s`, `35d`, `1y`."""

import re
from typing import Final

_UNITS: Final = {
    "ms": 0.001,
    "s": 1.0,
    "m": 60.0,
    "h": 3600.0,
    "d": 86400.0,
    "w": 604800.0,
    "y": 31536000.0,
}
_PART: Final = re.compile(r"([0-9]{1,18})(ms|[smhdwy])")


def seconds(text: object) -> float | None:
    """Seconds of such a duration; None for anything else."""
    if not isinstance(text, str) or not re.fullmatch(f"(?:{_PART.pattern})+", text):
        return None
    return sum(int(count) * _UNITS[unit] for count, unit in _PART.findall(text))


def kept_for(retention: str) -> float | None:
    """Seconds of `35d`, or of `35d or 10GiB`; None where only a size is said."""
    found = [one for part in retention.split(" or ") if (one := seconds(part.strip())) is not None]
    return found[0] if found else None
