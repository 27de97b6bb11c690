"""Durations and sizes as people write them: `30 min`, `5 s`, `10 MiB`."""

import math
import re
from collections.abc import Iterable, Mapping
from typing import Annotated, Final

from pydantic import BeforeValidator, PlainSerializer, StringConstraints

_SECONDS: Final = {"ms": 0.001, "s": 1, "min": 60, "h": 3600, "d": 86400}
_BYTES: Final = {
    "B": 1,
    "kB": 1000,
    "MB": 1000**2,
    "GB": 1000**3,
    "KiB": 1024,
    "MiB": 1024**2,
    "GiB": 1024**3,
}
_LONGEST: Final = 36500 * 86400
_BIGGEST: Final = 2**56
_NUMBER: Final = r"[0-9]{1,18}(?:\.[0-9]{1,9})?"


def _pattern(units: Iterable[str]) -> str:
    return rf"^{_NUMBER} *(?:{'|'.join(units)})$"


def _quantity(value: object, units: Mapping[str, float], most: float, example: str) -> float:
    match = re.fullmatch(rf"({_NUMBER}) *([A-Za-z]+)", value) if isinstance(value, str) else None
    quantity = float(match[1]) * units.get(match[2], math.inf) if match else math.inf
    if quantity > most:
        message = f"{example} (units {', '.join(units)})"
        raise ValueError(message)
    return quantity


def seconds(value: object) -> float:
    """Seconds of a written duration; a number is refused because its unit is unknown.

    Rounded to nanoseconds, at most 36,500 days.

    Raises:
        ValueError: not such a duration; the message says what was expected.
    """
    return round(_quantity(value, _SECONDS, _LONGEST, "a duration such as '30 s'"), 9)


def size(value: object) -> int:
    """Bytes of a written size, at most 2^56.

    Raises:
        ValueError: not such a size; the message says what was expected.
    """
    return int(_quantity(value, _BYTES, _BIGGEST, "a size such as '10 MiB'"))


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
    """The duration so that `seconds` reads the same number back."""
    return f"{duration:.9f}".rstrip("0").rstrip(".") + " s"


Duration = Annotated[
    float,
    BeforeValidator(
        seconds,
        json_schema_input_type=Annotated[str, StringConstraints(pattern=_pattern(_SECONDS))],
    ),
    PlainSerializer(_written, return_type=str),
]
Size = Annotated[
    int,
    BeforeValidator(
        size, json_schema_input_type=Annotated[str, StringConstraints(pattern=_pattern(_BYTES))]
    ),
    PlainSerializer(lambda count: f"{count} B", return_type=str),
]
