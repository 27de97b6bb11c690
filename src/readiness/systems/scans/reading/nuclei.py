"""nuclei's JSON lines, by their documented form, with what did not match (`-matcher-status`).

Without that option a clean scan and none at all write the same: nothing.
"""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any, Final

from readiness.model.errors import NotUnderstood
from readiness.systems.scans.reading.raw import (
    MOST_FINDINGS,
    Raw,
    mapping,
    moment,
    parsed,
    place_of,
    text_of,
)

_GRADES: Final = {
    **{name: name for name in ("critical", "high", "medium", "low", "info")},
    # Nobody said how bad it is, so somebody has to look.
    "unknown": "high",
}


def read(text: str) -> Raw:
    """What lines of nuclei say.

    Raises:
        NotUnderstood: they are none, or say nothing of what did not match.
    """
    lines = [parsed(line) for line in text.splitlines() if line.strip()]
    if not lines:
        raise NotUnderstood("the report is empty: nothing was scanned, or nothing was written")
    if len(lines) > MOST_FINDINGS * 10:
        raise NotUnderstood(f"the report has {len(lines)} lines, more than are read")
    if not all(isinstance(one, dict) and text_of(one.get("template-id")) for one in lines):
        raise NotUnderstood("a line of the report is none of nuclei's: it has no template-id")
    if not any("matcher-status" in one for one in lines):
        raise NotUnderstood(
            "the report says nothing of what did not match: nuclei writes it by -matcher-status"
        )
    # A line with an error is of a request that nobody answered.
    tried = [one for one in lines if not one.get("error")]
    return Raw(
        scanner="nuclei",
        ended=max(_moments(lines)),
        places=frozenset(filter(None, (_place(one) for one in tried))),
        findings=tuple(_finding(one) for one in tried if one.get("matcher-status", True)),
    )


def _moments(lines: Sequence[Mapping[str, Any]]) -> list[datetime]:
    return [moment(one.get("timestamp")) for one in lines]


def _place(line: Mapping[str, Any]) -> str:
    """Where a line is about: nuclei names a URL, or host, port and scheme apart."""
    url = place_of(line.get("url")) or place_of(line.get("host"))
    if url:
        return url
    host, port = text_of(line.get("host")), str(line.get("port") or "")
    return f"{host.lower()}:{port}" if host and port.isdigit() and ":" not in host else ""


def _finding(line: Mapping[str, Any]) -> tuple[str, str]:
    info = mapping(line.get("info"))
    grade = text_of(info.get("severity")).lower()
    if grade not in _GRADES:
        raise NotUnderstood(f"a finding has the severity {grade[:20] or 'of nothing'}")
    return _GRADES[grade], text_of(info.get("name")) or str(line["template-id"])
