"""Durations and sizes as people write them: `30 min`, `5 s`, `10 MiB`."""

import re
from typing import Annotated

from pydantic import BeforeValidator, PlainSerializer

_SECONDS = {"ms": 0.001, "s": 1, "min": 60, "h": 3600, "d": 86400}
_BYTES = {"B": 1, "kB": 1000, "MB": 1000**2, "GB": 1000**3}
_BYTES |= {"KiB": 1024, "MiB": 1024**2, "GiB": 1024**3}
_QUANTITY = re.compile(r"(\d+(?:\.\d+)?)\s*([A-Za-z]+)")


def _quantity(value: object, units: dict[str, float] | dict[str, int], example: str) -> float:
    match = _QUANTITY.fullmatch(value.strip()) if isinstance(value, str) else None
    if match is None or match[2] not in units:
        message = f"a number and one of {', '.join(units)}, such as '{example}'"
        raise ValueError(message)
    return float(match[1]) * units[match[2]]


def seconds(value: object) -> float:
    """Seconds of a written duration; a number is refused because its unit is unknown."""
    return _quantity(value, _SECONDS, "30 s")


def size(value: object) -> int:
    """Bytes of a written size."""
    return int(_quantity(value, _BYTES, "10 MiB"))


def in_words(duration: float) -> str:
    """A duration for a sentence: `58.2 s`, `4 min 10 s`, `3 d 2 h`."""
    if duration < 120:  # noqa: PLR2004 - below two minutes seconds read best
        return f"{duration:.3g} s"
    units = ((86400, "d"), (3600, "h"), (60, "min"), (1, "s"))
    left, parts = round(duration), []
    for length, unit in units:
        count, left = divmod(left, length)
        if count:
            parts.append(f"{count} {unit}")
    return " ".join(parts[:2])


def _written(duration: float) -> str:
    return f"{int(duration) if duration == int(duration) else duration} s"


Duration = Annotated[
    float,
    BeforeValidator(seconds, json_schema_input_type=str),
    PlainSerializer(_written, return_type=str),
]
Size = Annotated[
    int,
    BeforeValidator(size, json_schema_input_type=str),
    PlainSerializer(lambda count: f"{count} B", return_type=str),
]
