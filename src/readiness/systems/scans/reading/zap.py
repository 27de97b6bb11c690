"""ZAP's JSON report ("traditional-json"), by its documented form.

A report names each site that it has answers of, those without an alert included. It says nothing of
rules that were not run.
"""

from collections.abc import Iterator, Mapping
from datetime import UTC, datetime, timedelta
from typing import Any, Final

from readiness.model.errors import NotUnderstood
from readiness.systems.scans.reading.raw import Raw, listed, moment, parsed, place_of, text_of

# riskcode: 0 is informational. ZAP knows nothing graver than high.
_RISKS: Final = {"0": "info", "1": "low", "2": "medium", "3": "high"}
_FALSE_POSITIVE: Final = "0"
_LOCAL: Final = "%a, %d %b %Y %H:%M:%S"
# A report of an older ZAP says local time without its zone: it may be that of Kiribati.
_FURTHEST: Final = timedelta(hours=14)


def read(text: str) -> Raw:
    """What a report of ZAP says.

    Raises:
        NotUnderstood: it is none.
    """
    said = parsed(text)
    if not isinstance(said, dict) or "site" not in said:
        raise NotUnderstood("the report is none of ZAP's: it has no `site`")
    if not (text_of(said.get("@programName")) or text_of(said.get("@version"))):
        raise NotUnderstood("the report is none of ZAP's: it has no @version")
    sites = listed(said["site"], "sites")
    alerts = [one for site in sites for one in listed(site.get("alerts"), "alerts")]
    sure = [one for one in alerts if str(one.get("confidence")) != _FALSE_POSITIVE]
    return Raw(
        scanner=f"ZAP {text_of(said.get('@version'))}".strip(),
        ended=_ended(said),
        places=frozenset(filter(None, (place_of(site.get("@name")) for site in sites))),
        findings=tuple(_findings(sure)),
        suppressed=len(alerts) - len(sure),
    )


def _ended(said: Mapping[str, Any]) -> datetime:
    if "created" in said:
        return moment(said["created"])
    written = text_of(said.get("@generated"))
    try:
        found = datetime.strptime(written, _LOCAL).replace(tzinfo=UTC)
    except ValueError:
        return moment(written)
    return found - _FURTHEST


def _findings(alerts: list[Mapping[str, Any]]) -> Iterator[tuple[str, str]]:
    for one in alerts:
        risk = _RISKS.get(str(one.get("riskcode")))
        if risk is None:
            raise NotUnderstood(f"an alert has the riskcode {str(one.get('riskcode'))[:20]}")
        yield risk, text_of(one.get("name")) or text_of(one.get("alert")) or "an alert"
