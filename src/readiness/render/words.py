"""How values, moments and claims read in a report: words for what the record keeps as JSON."""

from datetime import UTC, datetime

from readiness.evidence.claim import WORDS
from readiness.evidence.steps import Claimed
from readiness.model.printable import one_line
from readiness.model.quantities import in_words
from readiness.model.words import Json

MEASURED = frozenset({"value", "lower", "upper", "unit"})
SHORT = 300


def value(found: object) -> str:
    """A recorded value for a sentence: a measurement with its bounds, a list with commas."""
    if found is None:
        return "nothing"
    if isinstance(found, bool):
        return "yes" if found else "no"
    if isinstance(found, dict):
        if found.keys() >= MEASURED:
            return _measurement(found)
        return ", ".join(f"{key} {value(entry)}" for key, entry in found.items()) or "none"
    if isinstance(found, list):
        return ", ".join(map(value, found)) or "none"
    return f"{found:.6g}" if isinstance(found, float) else str(found) or "nothing"


def _measurement(found: Json) -> str:
    unit = f" {found['unit']}" if found["unit"] else ""
    lower, upper = found["lower"], found["upper"]
    if found["value"] is None and lower is None and upper is None:
        return "not measured"
    if lower == upper and lower is not None:
        return f"{lower:.6g}{unit}"
    low = "unknown" if lower is None else f"{lower:.6g}"
    high = "unknown" if upper is None else f"{upper:.6g}"
    return f"{low} to {high}{unit}"


def expected(claim: Claimed) -> str:
    """What a claim asks for: `days left at least 14`."""
    return short(f"{claim.name} {WORDS.get(claim.relation, claim.relation)} {value(claim.limit)}")


def observed(claim: Claimed) -> str:
    """What the claim found."""
    return short(value(claim.observed))


def short(text: str, limit: int = SHORT) -> str:
    """One line of at most so many characters; what is left out is counted."""
    return one_line(text, limit)


def moment(at: datetime | None) -> str:
    """A moment for people, in UTC."""
    return f"{at.astimezone(UTC):%Y-%m-%d %H:%M:%S} UTC" if at else "unknown"


def minute(at: datetime | None) -> str:
    """A moment for people, without its seconds."""
    return f"{at.astimezone(UTC):%Y-%m-%d %H:%M} UTC" if at else "unknown"


def duration(seconds: float | None) -> str:
    """A duration for people: `12 s`, `4 min 10 s`."""
    return "unknown" if seconds is None else in_words(max(seconds, 0.0))


def count(number: int, one: str, many: str = "") -> str:
    """`1 clause`, `2 clauses`."""
    return f"{number} {one if number == 1 else many or one + 's'}"


def sentence(*parts: str) -> str:
    """Parts joined by semicolons; what is empty or said already is left out."""
    said = ""
    for part in parts:
        clean = part.strip().rstrip(".;")
        if clean and clean.casefold() not in said.casefold():
            said += f"; {clean}" if said else clean
    return said
