"""Reports of scanners: what is no report is inconclusive, what is none of this site is red."""

import json
import runpy
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from readiness.evidence.claim import CURRENT, Found
from readiness.model.errors import NotUnderstood, UsageError
from readiness.site.documents import load_environment
from readiness.site.environment import Environment
from readiness.systems.scans.asking import ASKERS
from readiness.systems.scans.reading import read

ROOT = Path(__file__).parents[2]
SITE = ROOT / "environments/forge.yaml"
SCANS = ROOT / "lab/scans"
CHECK = runpy.run_path(str(ROOT / "suites/pentest/test_scanner_reports.py"))
NOW = datetime(2026, 12, 1, tzinfo=UTC)


@pytest.fixture
def reasons() -> Iterator[list[str]]:
    """What the check claims, as people will read it."""
    said: list[str] = []
    token = CURRENT.set(SimpleNamespace(claim=lambda claim, **_: said.append(str(claim))))
    yield said
    CURRENT.reset(token)


def site(folder: Path, *changes: tuple[str, str]) -> Environment:
    """The lab's site with other words in its file."""
    text = SITE.read_text().replace("file:../lab/", f"file:{ROOT}/lab/")
    for old, new in changes:
        assert old in text
        text = text.replace(old, new)
    file = folder / "site.yaml"
    file.write_text(text)
    return load_environment(file)


def judge(environment: Environment) -> None:
    """The check over the reports as they lie there, read by the room's own asker."""
    asker: Any = ASKERS[0]
    connections: Any = SimpleNamespace(site=environment)

    def ask(_: object, scan: Any) -> Found[Any]:
        return Found(asker.ask(connections, scan), scan.id, 1)

    CHECK["test_scanner_findings"](environment, ask)


def test_the_lab_s_reports_are_green(tmp_path: Path, reasons: list[str]) -> None:
    """Young, whole, of the site: a medium finding is accepted, a doubtful one is not counted."""
    judge(site(tmp_path))
    assert reasons[-1].endswith("HTTPS listeners that no report is of to be none, found none")


RED = {
    "another host": (("portal.zap", "elsewhere.zap"), "weekly: expected listeners that it did not"),
    "nothing": (("portal.zap", "nothing.zap"), "weekly: expected listeners that it did not scan"),
    "a hole": (("portal.zap", "hole.zap"), r"high findings (SQL Injection (high)"),
    "unanswered": (("portal.nuclei", "unanswered.nuclei"), "nightly: expected listeners that it"),
    "too old": (("oldest: 3650 d", "oldest: 1 d"), "days since the scan ended at most 1"),
    "one medium too many": (("medium: 1", "medium: 0"), "medium findings"),
    "another port": (("port: 443", "port: 8443"), "listeners that it did not scan to be none"),
}


@pytest.mark.parametrize("case", RED)
def test_red(tmp_path: Path, reasons: list[str], case: str) -> None:
    """A report that is not of this site, not young, or not clean is red, and says which."""
    change, said = RED[case]
    with pytest.raises(AssertionError):
        judge(site(tmp_path, change))
    assert said in reasons[-1]


def test_a_second_listener(tmp_path: Path, reasons: list[str]) -> None:
    """What no scanner knows is red, however clean the rest is."""
    more = (
        "  - {name: parents, protocol: https, port: 444, machines: [front1], "
        "names: [p.lab.test], authority: campus}\n\nscans:\n"
    )
    with pytest.raises(AssertionError):
        judge(site(tmp_path, ("scans:\n", more)))
    assert "HTTPS listeners that no report is of to be none, found parents" in reasons[-1]


UNKNOWN = {
    "a failed run": (("portal.sarif", "failed.sarif"), "does not say that it succeeded"),
    "only matches": (("portal.nuclei", "only-matches.nuclei"), "by -matcher-status"),
    "another form": (("format: zap", "format: sarif"), "is no SARIF 2.1.0"),
    "no file": (("portal.zap.json", "gone.json"), "no report is read (No such file"),
    "a folder": (("/scans/portal.zap.json", "/scans"), "is no file"),
}


@pytest.mark.parametrize("case", UNKNOWN)
def test_inconclusive(tmp_path: Path, reasons: list[str], case: str) -> None:
    """What is no whole report says nothing, neither green nor red."""
    change, said = UNKNOWN[case]
    with pytest.raises(NotUnderstood) as raised:
        judge(site(tmp_path, change))
    assert said in str(raised.value)
    assert len(str(raised.value).splitlines()) == 1


ZAP = json.loads((SCANS / "portal.zap.json").read_text())
SARIF = json.loads((SCANS / "portal.sarif.json").read_text())
LINE = json.loads((SCANS / "portal.nuclei.jsonl").read_text().splitlines()[0])


def run_of(**changes: Any) -> str:
    """A SARIF file whose one run has other words."""
    return json.dumps(SARIF | {"runs": [SARIF["runs"][0] | changes]})


GARBAGE = [
    ("zap", "<html>busy</html>"),
    ("zap", "[]"),
    ("zap", "{}"),
    ("zap", "NaN"),
    ("zap", '{"@version": "2", "site": [{"alerts": 7}]}'),
    ("zap", "[" * 100_000),
    ("zap", json.dumps(ZAP)[:-9]),
    ("zap", json.dumps(ZAP | {"site": None})),
    ("zap", json.dumps(ZAP | {"created": "yesterday"})),
    ("zap", json.dumps(ZAP | {"created": "2027-11-01T00:00:00Z"})),
    ("zap", json.dumps(ZAP | {"site": [{"@name": "x", "alerts": [{"riskcode": "9"}]}]})),
    ("nuclei", ""),
    ("nuclei", "\n\n"),
    ("nuclei", "{}\n"),
    ("nuclei", json.dumps(LINE) + "\n{\n"),
    ("nuclei", json.dumps(LINE | {"timestamp": "2026-11-01T04:01:10"})),
    ("nuclei", json.dumps(LINE | {"matcher-status": True, "info": {"severity": "mild"}})),
    ("nuclei", json.dumps(LINE | {"matcher-status": True, "info": None})),
    ("sarif", json.dumps(SARIF | {"version": "2.0.0"})),
    ("sarif", json.dumps(SARIF | {"runs": []})),
    ("sarif", run_of(results=None)),
    ("sarif", run_of(invocations=[])),
    ("sarif", run_of(invocations=[{"executionSuccessful": True}])),
    ("sarif", run_of(invocations=[{"executionSuccessful": "yes"}])),
    ("sarif", run_of(results=[{"level": "fatal"}])),
    ("sarif", run_of(results=[{"properties": {"security-severity": "nan"}}])),
    ("sarif", run_of(results=[{"properties": {"security-severity": "11"}}])),
]


@pytest.mark.parametrize(("form", "text"), GARBAGE)
def test_garbage(form: str, text: str) -> None:
    """Half a report, an error page, a moment without a zone or in the future: one line."""
    with pytest.raises(NotUnderstood) as raised:
        read(text, form, NOW)
    assert len(str(raised.value).splitlines()) == 1
    assert len(str(raised.value)) < 300


def test_severities() -> None:
    """A score counts before a level, a rule's own where the result has none; a pass is nothing."""
    results = [
        {"ruleId": "DAST-104"},
        {"ruleId": "DAST-104", "properties": {"security-severity": "9.1"}},
        {"ruleId": "DAST-200", "ruleIndex": 1},
        {"ruleId": "unknown"},
        {"ruleId": "unknown", "level": "error"},
        {"ruleId": "unknown", "level": "error", "kind": "pass"},
        {"level": "error", "suppressions": [{"kind": "external", "justification": "see CHG-3"}]},
        {"level": "error", "suppressions": [{"kind": "external"}]},
        {"level": "error", "suppressions": [{"kind": "inSource", "status": "rejected"}]},
    ]
    found = read(run_of(results=results), "sarif", NOW)
    counts = (found.critical, found.high, found.medium, found.low, found.suppressed)
    assert counts == (1, 3, 2, 1, 1)
    assert found.worst[0] == "DAST-104 (critical)"


def test_local_time_of_an_older_zap() -> None:
    """A report that does not say its zone may be from the far side of the world."""
    old = {key: value for key, value in ZAP.items() if key != "created"}
    found = read(json.dumps(old), "zap", NOW)
    assert timedelta(seconds=found.age) == NOW - datetime(2026, 10, 31, 13, 12, 44, tzinfo=UTC)


def test_places() -> None:
    """Hosts are compared without regard to case, with the scheme's port where none is named."""
    named: list[dict[str, Any]] = [
        {"@name": name, "alerts": []} for name in ("https://A.test", "http://b.test:8080", "x")
    ]
    assert read(json.dumps(ZAP | {"site": named}), "zap", NOW).places == (
        "a.test:443",
        "b.test:8080",
    )


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ("listeners: [portal]", "listeners: [portla]", "did you mean 'portal'?"),
        ("listeners: [portal]", "listeners: []", "at least 1 entry"),
        ("format: zap", "format: burp", "scans[0].format"),
        ("medium: 1", "high: 1", "unknown key"),
        ("oldest: 3650 d", "oldest: 7", "a duration such as"),
        ("name: nightly", "name: weekly", "weekly"),
    ],
)
def test_a_file_that_is_wrong(tmp_path: Path, old: str, new: str, said: str) -> None:
    """Each mistake has its line; a high finding can't be declared away."""
    with pytest.raises(UsageError) as raised:
        site(tmp_path, (old, new))
    assert said in str(raised.value)
