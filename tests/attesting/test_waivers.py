"""Waivers, judged: what was seen to fail is accepted as it was seen, and nothing else is."""

import json
from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from xml.etree import ElementTree as ET

import pytest
from signing import clause
from stories import Bad
from waiving import EXPIRY, RED, SHORT, UP, Waiving

from readiness.judging.verdict import Verdict
from readiness.model.errors import UsageError
from readiness.model.words import Decision
from readiness.render import document, write_reports
from readiness.render.junit import junit_xml
from readiness.render.terminal import lines


@pytest.fixture
def site(tmp_path: Path) -> Waiving:
    """A site where a certificate is red and nobody accepted that yet."""
    return Waiving(tmp_path / "site").begin()


def why_not(verdict: Verdict) -> str:
    """Why the only waiver has no effect; empty where it has one."""
    (use,) = verdict.waivers
    return use.why_not


def test_without_a_waiver_red_is_red(site: Waiving) -> None:
    """The site of these tests is green but for the certificate."""
    assert site.verdict().decision is Decision.GO
    assert site.verdict(bad=RED).decision is Decision.NO_GO


def test_a_waiver_is_used_and_counted(site: Waiving) -> None:
    """The same red case is accepted: a GO, with its cost beside it."""
    site.approved(site.waive())
    verdict = site.verdict(bad=RED)
    assert (verdict.decision, verdict.without_waivers) == (Decision.GO, Decision.NO_GO)
    assert verdict.only_by_waivers
    (use,) = verdict.waivers
    assert (use.cases, use.clauses, use.why_not) == ((SHORT,), (EXPIRY,), "")
    found = clause(verdict, EXPIRY)
    assert found.status == "waived"
    assert "owned by dean, approved by ciso" in found.reason
    assert len(verdict.proven) == len(site.required) - 1


def test_every_report_has_it_with_and_without(site: Waiving) -> None:
    """Terminal, page, JSON and JUnit say what it is without waivers, and that the case is red."""
    site.approved(site.waive())
    verdict = site.verdict(bad=RED)
    shown = document(verdict)
    assert shown.verdict_without_waivers is Decision.NO_GO
    assert (shown.waivers[0].used, shown.counts.clauses.waived) == (1, (EXPIRY,))
    (case,) = (one for one in shown.cases if one.key == SHORT)
    assert (str(case.outcome), case.blocking) == ("failed", False)
    text = " ".join(" ".join(lines(shown)).split())
    assert "without waivers: NO-GO" in text
    assert "red, and accepted: sec.tls/expiry (1 red case of TLS-003 at portal/edge1/v4)" in text
    assert "4 proven of 5 required, 1 waived" in text
    write_reports(verdict, site.folder / "run")
    page = (site.folder / "run/index.html").read_text()
    assert "without waivers: NO-GO" in page
    assert "without waivers it is NO-GO" in page
    root = ET.fromstring(junit_xml(shown))  # noqa: S314 - our own
    assert root.get("failures") == "0"
    skipped = [one.get("message") or "" for one in root.iter("skipped")]
    assert any("9 d left" in one and "owned by dean" in one for one in skipped)
    assert any(one.startswith("it is NO-GO; red, and accepted") for one in skipped)


def test_by_clause_and_scope(site: Waiving) -> None:
    """A clause can be waived for all that is seen red of it now, and for no more than that."""
    red = {**RED, "TLS-003|portal/edge2/v6": Bad(found="9 d left, 14 d wanted")}
    site.approved(site.waive(EXPIRY, "portal/*", seen=site.verdict(bad=red)))
    assert site.verdict(bad=red).decision is Decision.GO
    assert site.verdict(bad=RED).waivers[0].cases == (SHORT,)
    more = site.verdict(bad={**red, "TLS-003|portal/edge2/v4": Bad(found="9 d left")})
    assert more.decision is Decision.NO_GO
    assert "does not accept what TLS-003|portal/edge2/v4 finds now" in why_not(more)


def other_value(site: Waiving, path: Path) -> tuple[Verdict, str]:
    """What is found has changed since it was granted."""
    found = site.verdict(bad={SHORT: Bad(found="8 d left, 14 d wanted")})
    return found, f"does not accept what {SHORT} finds now"


def other_subject(site: Waiving, path: Path) -> tuple[Verdict, str]:
    """The same is wrong somewhere else."""
    red = {"TLS-003|portal/edge2/v4": RED[SHORT]}
    return site.verdict(bad=red), "where nothing fails now"


def not_approved(site: Waiving, path: Path) -> tuple[Verdict, str]:
    """Nobody approved it."""
    path.with_name(path.name + ".approved.sig").unlink()
    return site.verdict(bad=RED), "is approved by nobody: waiver needs a second signature"


def not_signed(site: Waiving, path: Path) -> tuple[Verdict, str]:
    """Its owner never signed it."""
    path.with_name(path.name + ".sig").unlink()
    return site.verdict(bad=RED), "is not signed"


def edited(site: Waiving, path: Path) -> tuple[Verdict, str]:
    """Somebody gave it a wider scope."""
    path.write_text(path.read_text().replace('"scope": "portal/edge1/v4"', '"scope": "*"'))
    return site.verdict(bad=RED), "was edited after it was signed"


def expired(site: Waiving, path: Path) -> tuple[Verdict, str]:
    """It ended while nobody looked, and what was seen is fresh."""
    last = json.loads(path.read_text())["until"]
    file = site.folder / "policy.yaml"
    policy = json.loads(file.read_text()) | {"evidence_age": {"default": "90 d"}}
    file.write_text(json.dumps(policy))
    return site.verdict(bad=RED, later=timedelta(days=12)), f"ended with {last}"


def shorter_maximum(site: Waiving, path: Path) -> tuple[Verdict, str]:
    """The policy lets a waiver last less than when it was granted."""
    site.allowing(longest="1 min")
    return site.verdict(bad=RED), "is older than waiver may be"


def never(site: Waiving, path: Path) -> tuple[Verdict, str]:
    """The policy lets nobody waive that clause any more."""
    site.allowing(never=[EXPIRY])
    return site.verdict(bad=RED), f"has no effect: {EXPIRY} is never waived under this policy"


def blocks_by_severity(site: Waiving, path: Path) -> tuple[Verdict, str]:
    """The policy has such checks block by their severity."""
    file = site.folder / "policy.yaml"
    policy = json.loads(file.read_text()) | {"blocking_severities": ["critical", "high"]}
    file.write_text(json.dumps(policy))
    return site.verdict(bad=RED), "TLS-003 is high, which blocks whatever is waived"


def other_environment(site: Waiving, path: Path) -> tuple[Verdict, str]:
    """It was granted for another environment."""
    site.describing(name="production")
    return site.verdict(bad=RED), "is about another environment: campus"


def other_system(site: Waiving, path: Path) -> tuple[Verdict, str]:
    """Another system has taken the name."""
    site.pinning({"postgresql": {"student-db": "1"}, "ssh": {"edge1": "a"}})
    return site.verdict(bad=RED), "is about another system of that name"


def revoked_owner(site: Waiving, path: Path) -> tuple[Verdict, str]:
    """The owner's key was stolen."""
    site.allowing(signers={"dean": {"may_sign": ["waiver"], "revoked": "2026-01-01"}})
    return site.verdict(bad=RED), "is signed by dean, whose key is revoked"


def may_not_own(site: Waiving, path: Path) -> tuple[Verdict, str]:
    """The owner may sign other things only, the very clause among them."""
    site.allowing(signers={"dean": {"may_sign": ["risk-acceptance", EXPIRY]}})
    return site.verdict(bad=RED), "is signed by dean, who may not sign waiver"


def more_is_wrong(site: Waiving, path: Path) -> tuple[Verdict, str]:
    """Beside what is accepted nobody could tell of another subject."""
    unsure = Bad(phase="inconclusive", reason="no answer")
    red = {**RED, "TLS-003|portal/edge2/v4": unsure}
    return site.verdict(bad=red), f"does not suffice: more stands in the way of {EXPIRY}"


NONE: tuple[Callable[[Waiving, Path], tuple[Verdict, str]], ...] = (
    other_value, other_subject, not_approved, not_signed, edited, expired, shorter_maximum, never,
    blocks_by_severity, other_environment, other_system, revoked_owner, may_not_own, more_is_wrong,
)  # fmt: skip


@pytest.mark.parametrize("spoil", NONE, ids=lambda one: one.__name__)
def test_it_has_no_effect_and_the_verdict_says_why(
    site: Waiving, spoil: Callable[[Waiving, Path], tuple[Verdict, str]]
) -> None:
    """One thing about it is not as it was: the verdict is what it is without it."""
    verdict, reason = spoil(site, site.approved(site.waive()))
    assert verdict.decision is Decision.NO_GO
    assert (verdict.without_waivers, verdict.only_by_waivers) == (None, False)
    assert clause(verdict, EXPIRY).status == "failed"
    assert reason in why_not(verdict)
    text = " ".join(" ".join(lines(document(verdict))).split())
    assert f"a waiver has no effect: {verdict.waivers[0].given.file}" in text


def test_what_is_not_red_is_no_matter_of_waivers(site: Waiving) -> None:
    """A machine that nobody could ask stays inconclusive, whoever accepted that it was down."""
    down = {"HOST-001|db2": Bad(found="stopped")}
    site.approved(site.waive(UP, "db2", seen=site.verdict(bad=down)))
    assert site.verdict(bad=down).decision is Decision.GO
    silent = {"HOST-001|db2": Bad(phase="inconclusive", reason="no answer")}
    verdict = site.verdict(bad=silent)
    assert verdict.decision is Decision.INCONCLUSIVE
    assert "where nothing fails now" in why_not(verdict)


def test_the_verdict_ends_with_its_waiver(site: Waiving) -> None:
    """A GO by a waiver is no GO any longer than the waiver counts."""
    path = site.approved(site.waive())
    file = site.folder / "policy.yaml"
    policy = json.loads(file.read_text()) | {"evidence_age": {"default": "90 d"}}
    file.write_text(json.dumps(policy))
    verdict = site.verdict(bad=RED)
    assert verdict.valid_until == verdict.waivers[0].given.ends
    assert str(json.loads(path.read_text())["until"]) <= str(verdict.valid_until)


def test_a_run_that_read_none(site: Waiving) -> None:
    """What lies in the folder now does not help a run that was made before."""
    site.approved(site.waive())
    verdict = site.verdict(bad=RED, waived=())
    assert (verdict.decision, verdict.waivers) == (Decision.NO_GO, ())


def test_a_critical_one_is_never_granted(site: Waiving) -> None:
    """What blocks by its severity is refused when it is asked for."""
    verdict = site.verdict(bad={"TLS-001|portal/edge1/v4": Bad()})
    with pytest.raises(UsageError, match="TLS-001 is critical, which blocks whatever is waived"):
        site.waive("TLS-001", seen=verdict)


def test_what_is_green_is_never_granted(site: Waiving) -> None:
    """Nobody accepts in advance what nobody saw."""
    with pytest.raises(UsageError, match="only what a run saw to fail can be waived"):
        site.waive("TLS-003", "portal/edge2/v4")
    with pytest.raises(UsageError, match="only what a run saw to fail can be waived"):
        site.waive("sec.tls/chain", "*")


def test_its_owner_does_not_approve_it(site: Waiving) -> None:
    """Two people are needed, whatever the policy lets the owner approve."""
    site.allowing(signers={"dean": {"may_sign": ["waiver"], "may_approve": ["waiver"]}})
    path = site.waive()
    with pytest.raises(UsageError, match="is signed by who approves it"):
        site.approved(path, "dean")
    with pytest.raises(UsageError, match="trainer may not approve it"):
        site.approved(path, "trainer")


def test_altered_records_waive_nothing(site: Waiving) -> None:
    """Anybody can write a record: a body, a signature or an approval that differs is none."""
    site.approved(site.waive())
    (told,) = site.told_waivers()
    for part in ("body", "signature", "approval"):
        for key in told[part]:
            changed = told | {part: told[part] | {key: "x"}}
            verdict = site.verdict(bad=RED, waived=[changed])
            assert verdict.decision is Decision.NO_GO, (part, key)


def test_two_waivers_of_one_case(site: Waiving) -> None:
    """A renewed waiver beside an old one harms nobody; one of them is used."""
    first = site.approved(site.waive())
    renewed = replace(site.verdict(bad=RED), judged_at=site.moment(0.01))
    site.approved(site.waive(seen=renewed))
    assert len({*site.waivers.glob("*.json")}) == 2
    verdict = site.verdict(bad=RED, later=timedelta(hours=1))
    assert verdict.decision is Decision.GO
    assert sum(bool(use.cases) for use in verdict.waivers) == 1
    assert first.exists()
