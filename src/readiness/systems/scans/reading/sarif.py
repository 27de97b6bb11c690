"""SARIF 2.1.0 (OASIS), as a scanner of running applications writes it.

Severity is `security-severity` of the result or its rule, as GitHub reads it, a CVSS score; else
the level. What was scanned is what the run names: analysed artifacts, requests, base URIs,
arguments, and the places of its results.
"""

from collections.abc import Iterator, Mapping
from datetime import datetime
from typing import Any, Final

from readiness.model.errors import NotUnderstood
from readiness.systems.scans.reading.raw import (
    Raw,
    listed,
    mapping,
    moment,
    parsed,
    place_of,
    text_of,
)

_VERSION: Final = "2.1.0"
_LEVELS: Final = {"error": "high", "warning": "medium", "note": "low", "none": "info"}
# FIRST, CVSS 3.1, 5: qualitative severity rating scale.
_SCORES: Final = ((9.0, "critical"), (7.0, "high"), (4.0, "medium"), (0.1, "low"))
# SARIF 3.27.9: a result of another kind is no finding. `review` and `open` are for a person.
_NO_FINDINGS: Final = frozenset({"pass", "informational", "notApplicable"})


def read(text: str) -> Raw:
    """What a SARIF file says.

    Raises:
        NotUnderstood: it is none of 2.1.0, or a run of it did not come to its end.
    """
    said = parsed(text)
    if not isinstance(said, dict) or said.get("version") != _VERSION:
        raise NotUnderstood(f"the report is no SARIF {_VERSION}")
    runs = listed(said.get("runs"), "runs")
    if not runs:
        raise NotUnderstood("the report has no run: nothing was scanned")
    results = [(run, one) for run in runs for one in _results(run)]
    counted = [(run, one) for run, one in results if not _suppressed(one)]
    driver = mapping(mapping(runs[0].get("tool")).get("driver"))
    return Raw(
        scanner=text_of(driver.get("name")) or "a scanner",
        ended=min(_ended(run) for run in runs),
        places=frozenset(filter(None, (place_of(url) for run in runs for url in _urls(run)))),
        findings=tuple(_finding(run, one) for run, one in counted),
        suppressed=len(results) - len(counted),
    )


def _results(run: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    if run.get("results") is None:
        raise NotUnderstood("a run of the report has no results: the scan did not begin")
    found = listed(run["results"], "results")
    return [one for one in found if one.get("kind", "fail") not in _NO_FINDINGS]


def _ended(run: Mapping[str, Any]) -> datetime:
    """When the last invocation of a run ended, if each succeeded."""
    calls = listed(run.get("invocations"), "invocations")
    if not calls or not all(one.get("executionSuccessful") is True for one in calls):
        raise NotUnderstood("a run of the report does not say that it succeeded")
    for one in calls:
        for note in listed(one.get("toolExecutionNotifications", []), "notifications"):
            if note.get("level") == "error":
                told = text_of(mapping(note.get("message")).get("text"))[:120]
                raise NotUnderstood(f"a run of the report had an error: {told}")
    return max(moment(one.get("endTimeUtc")) for one in calls)


def _urls(run: Mapping[str, Any]) -> Iterator[object]:
    """Every URL by which a run says what it looked at."""
    for one in listed(run.get("artifacts", []), "artifacts"):
        yield mapping(one.get("location")).get("uri")
    for one in listed(run.get("webRequests", []), "requests"):
        yield one.get("target")
    for base in mapping(run.get("originalUriBaseIds")).values():
        yield mapping(base).get("uri")
    for call in listed(run.get("invocations", []), "invocations"):
        words = call.get("arguments")
        yield from words if isinstance(words, list) else ()
    for result in listed(run.get("results", []), "results"):
        for place in listed(result.get("locations", []), "locations"):
            physical = mapping(place.get("physicalLocation"))
            yield mapping(physical.get("artifactLocation")).get("uri")


def _suppressed(result: Mapping[str, Any]) -> bool:
    """Whether the report leaves it out with a reason, and nobody refused that (3.27.23)."""
    all_ = listed(result.get("suppressions") or [], "suppressions")
    accepted = all(one.get("status", "accepted") == "accepted" for one in all_)
    return bool(all_) and accepted and all(text_of(one.get("justification")) for one in all_)


def _finding(run: Mapping[str, Any], result: Mapping[str, Any]) -> tuple[str, str]:
    rule = _rule(run, result)
    name = text_of(result.get("ruleId")) or text_of(rule.get("id")) or "a result"
    for one in (result, rule):
        score = mapping(one.get("properties")).get("security-severity")
        if score is not None:
            return _graded(score), name
    default = mapping(rule.get("defaultConfiguration")).get("level")
    level = text_of(result.get("level") or default or "warning")
    if level not in _LEVELS:
        raise NotUnderstood(f"a result has the level {level[:20]}")
    return _LEVELS[level], name


def _rule(run: Mapping[str, Any], result: Mapping[str, Any]) -> Mapping[str, Any]:
    """The rule that a result is of, by its index or its id."""
    rules = listed(mapping(mapping(run.get("tool")).get("driver")).get("rules", []), "rules")
    index = result.get("ruleIndex", mapping(result.get("rule")).get("index"))
    if isinstance(index, int) and 0 <= index < len(rules):
        return rules[index]
    identity = result.get("ruleId", mapping(result.get("rule")).get("id"))
    return next((one for one in rules if identity and one.get("id") == identity), {})


def _graded(score: object) -> str:
    try:
        number = float(str(score))
    except ValueError:
        number = -1.0
    if not 0 <= number <= 10:  # noqa: PLR2004 - CVSS ends with 10
        raise NotUnderstood(f"a result has the security-severity {str(score)[:20]}")
    return next((name for least, name in _SCORES if number >= least), "info")
