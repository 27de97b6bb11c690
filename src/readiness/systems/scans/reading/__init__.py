"""What a report says, whichever scanner wrote it."""

from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Annotated, Final

from readiness.model.errors import NotUnderstood
from readiness.systems.marks import VOLATILE
from readiness.systems.scans.declared import SCAN, Scan
from readiness.systems.scans.reading import nuclei, sarif, zap
from readiness.systems.scans.reading.raw import SEVERITIES, Raw
from readiness.systems.token import Source

MOST_NAMED: Final = 5
# Clocks of the scanner's machine and the gate's may differ by so many seconds.
CLOCK_TOLERANCE: Final = 300.0
_READERS: Final[Mapping[str, Callable[[str], Raw]]] = {
    "nuclei": nuclei.read,
    "sarif": sarif.read,
    "zap": zap.read,
}


@dataclass(frozen=True)
class Report:
    """One report. `age` in seconds since the scan ended, at most; `places` as `host:port`."""

    scanner: str
    ended: Annotated[str, VOLATILE]
    age: Annotated[float, VOLATILE]
    places: tuple[str, ...]
    critical: int
    high: int
    medium: int
    low: int
    worst: tuple[str, ...]
    """The gravest findings by name, a few of them."""
    suppressed: int = 0
    """Findings that the report itself leaves out, with a reason; they are not counted."""


def read(text: str, form: str, now: datetime) -> Report:
    """What a report says.

    Raises:
        NotUnderstood: it is no report of that scanner, or of a scan that did not come to its end.
    """
    raw = _READERS[form](text)
    age = (now - raw.ended).total_seconds()
    if age < -CLOCK_TOLERANCE:
        raise NotUnderstood(f"the report is from the future ({raw.ended.isoformat()})")
    counts = Counter(severity for severity, _ in raw.findings)
    return Report(
        scanner=raw.scanner[:60],
        ended=raw.ended.isoformat(),
        age=age,
        places=tuple(sorted(raw.places)),
        critical=counts["critical"],
        high=counts["high"],
        medium=counts["medium"],
        low=counts["low"],
        worst=tuple(_worst(raw.findings)),
        suppressed=raw.suppressed,
    )


def _worst(findings: Iterable[tuple[str, str]]) -> list[str]:
    ranked = sorted({(SEVERITIES.index(one), name) for one, name in findings if one in SEVERITIES})
    return [f"{name[:80]} ({SEVERITIES[grade]})" for grade, name in ranked[:MOST_NAMED]]


REPORT: Final[Source[Scan, Report]] = Source("scan-report", SCAN, Report)
SOURCES: Final = (REPORT,)
