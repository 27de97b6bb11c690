"""JUnit XML shows nothing as skipped that a GO needs, and its totals add up."""

from xml.etree import ElementTree as ET

import pytest
from stories import UNSERVED, Bad, Tell

from readiness.judging.verdict import Verdict
from readiness.model.words import Tier
from readiness.render.document import document
from readiness.render.junit import junit_xml
from readiness.site.policy import Policy


def parsed(verdict: Verdict) -> ET.Element:
    """The report, read back."""
    return ET.fromstring(junit_xml(document(verdict)))  # noqa: S314 - our own


def ending(root: ET.Element, key: str) -> list[str]:
    """How the test case of a check and subject ended."""
    check, _, subject = key.partition("|")
    case = next(
        case
        for case in root.iter("testcase")
        if {one.get("value") for one in case.iter("property")} >= {check, subject}
    )
    return [child.tag for child in case if child.tag != "properties"]


def test_endings(no_go: Verdict) -> None:
    """Failed is a failure; inconclusive and broken are errors; passed is nothing."""
    root = parsed(no_go)
    assert ending(root, "TLS-001|portal/edge2/v4") == ["failure"]
    assert ending(root, "HOST-001|db2") == ["error"]
    assert ending(root, "HOST-001|db3") == ["error"]
    assert ending(root, "PG-001|student-db") == []


def test_required_not_run_is_an_error(inconclusive: Verdict) -> None:
    """A drill that the policy requires and nobody ran never looks skipped."""
    root = parsed(inconclusive)
    assert ending(root, "PG-020|student-db") == ["error"]
    assert not list(root.iter("skipped"))


def test_not_run_that_nobody_requires_is_skipped(tell: Tell) -> None:
    """A case that neither a clause nor a severity asks for may be skipped."""
    policy = Policy.model_validate_json(
        '{"schema": 1, "name": "p", "owner": "o", "required": ["sec.tls/chain"],'
        ' "blocking_severities": []}'
    )
    root = parsed(tell(policy=policy, tier=Tier.OBSERVE).verdict())
    assert ending(root, "PG-020|student-db") == ["skipped"]


@pytest.mark.parametrize(
    ("name", "tags"), [("go", []), ("no_go", ["failure"]), ("inconclusive", ["error"])]
)
def test_verdict_is_a_case(name: str, tags: list[str], request: pytest.FixtureRequest) -> None:
    """The suite `verdict` is green for a GO only."""
    root = parsed(request.getfixturevalue(name))
    case = root.find("testsuite[@name='verdict']/testcase")
    assert case is not None
    assert [child.tag for child in case] == tags


def test_a_run_as_a_whole_and_unserved_clauses_are_errors(tell: Tell) -> None:
    """What has no case of its own still shows, one error each."""
    root = parsed(tell(policy=None, closing=None).verdict())
    suite = root.find("testsuite[@name='verdict']")
    assert suite is not None
    assert suite.get("errors") == str(1 + 1 + UNSERVED)


def test_suites_are_areas_with_right_totals(no_go: Verdict) -> None:
    """One suite per area, and every count is the count of its cases."""
    root = parsed(no_go)
    assert {suite.get("name") for suite in root} == {"tls", "hosts", "database", "verdict"}
    for suite in root:
        for tag, total in (("failure", "failures"), ("error", "errors")):
            assert suite.get(total) == str(len(suite.findall(f"testcase/{tag}")))
    assert root.get("tests") == str(len(no_go.cases) + 1)


def test_properties_name_id_severity_clauses_and_subject(go: Verdict) -> None:
    """Each case carries what a pipeline filters by."""
    case = next(parsed(go).iter("testcase"))
    names = {one.get("name") for one in case.iter("property")}
    assert names >= {"id", "severity", "clauses", "subject", "proven_on"}


def test_characters_that_xml_forbids(tell: Tell) -> None:
    """A server that answers with control characters can't break the file."""
    bad = {"TLS-001|portal/edge1/v4": Bad(found="\x00\x1b[31m<&>]]>\ufffe")}
    root = parsed(tell(bad=bad).verdict())
    assert ending(root, "TLS-001|portal/edge1/v4") == ["failure"]
