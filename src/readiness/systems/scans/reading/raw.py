"""What every reader of a report gives, and the words that all of them use."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Final
from urllib.parse import urlsplit

from readiness.model.errors import NotUnderstood

SEVERITIES: Final = ("critical", "high", "medium", "low")
PORTS: Final = {"https": 443, "http": 80}
# A scan of a large application has some thousand findings; more is a report of something else.
MOST_FINDINGS: Final = 20_000


@dataclass(frozen=True)
class Raw:
    """What one report says: the end of the scan at the earliest, what it reached, what it found."""

    scanner: str
    ended: datetime
    places: frozenset[str]
    findings: tuple[tuple[str, str], ...]
    """Severity and name of each; `info` is none of the severities."""
    suppressed: int = 0


def parsed(text: str) -> Any:
    """JSON as RFC 8259 has it.

    Raises:
        NotUnderstood: it is none, NaN and Infinity included.
    """
    try:
        return json.loads(text, parse_constant=_no_number)
    except (ValueError, RecursionError) as error:
        raise NotUnderstood(f"the report is no JSON ({str(error)[:80]})") from None


def _no_number(text: str) -> float:
    message = f"{text} is no number"
    raise ValueError(message)


def listed(found: object, what: str) -> Sequence[Mapping[str, Any]]:
    """A list of objects.

    Raises:
        NotUnderstood: it is none.
    """
    if not isinstance(found, list) or not all(isinstance(one, dict) for one in found):
        raise NotUnderstood(f"the report has no list of {what}")
    if len(found) > MOST_FINDINGS:
        raise NotUnderstood(f"the report has {len(found)} {what}, more than are read")
    return found


def mapping(found: object) -> Mapping[str, Any]:
    """An object; an empty one where there is something else."""
    return found if isinstance(found, dict) else {}


def text_of(found: object) -> str:
    """A text; an empty one where there is something else."""
    return found if isinstance(found, str) else ""


def moment(text: object) -> datetime:
    """A moment of RFC 3339, which says its zone.

    Raises:
        NotUnderstood: it is none.
    """
    try:
        found = datetime.fromisoformat(text_of(text))
    except ValueError:
        found = None
    if found is None or found.tzinfo is None:
        said = text_of(text)[:40] or "nothing"
        raise NotUnderstood(f"the report does not say when the scan ended: {said}")
    return found.astimezone(UTC)


def place_of(url: object) -> str:
    """Host and port that a URL leads to; empty where it is no URL of the web."""
    try:
        parts = urlsplit(text_of(url))
        port = parts.port or PORTS.get(parts.scheme)
    except ValueError:
        return ""
    if parts.scheme not in PORTS or not parts.hostname or not port:
        return ""
    return f"{parts.hostname}:{port}"
