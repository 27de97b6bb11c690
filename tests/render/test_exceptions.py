"""Exceptions: granted by the policy, counted apart, said wherever the verdict is, never a proof."""

import json
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from stories import CATALOGUE, ENVIRONMENT, POLICY, SEEN_RED, Bad, Story, Tell, make_check

from readiness.catalogue.clauses import load_clauses
from readiness.judging.verdict import ClauseVerdict, Verdict
from readiness.model.errors import UsageError
from readiness.model.words import Decision, Json, Tier
from readiness.render.document import document
from readiness.render.html import headline
from readiness.render.junit import junit_xml
from readiness.render.terminal import lines
from readiness.site.documents import load_policy, validate_policy
from readiness.site.policy import Policy

DRILL = "test.failover/database-in-time"
CLAUSES = {clause.id for one in load_clauses() for clause in one.clauses}


def grant(clause: str = DRILL, days: int = 30) -> Json:
    """An exception as the policy's owner writes it."""
    expires = (datetime.now(UTC) + timedelta(days=days)).date().isoformat()
    reason = "The drill's window is in January."
    return {"clause": clause, "reason": reason, "approver": "Ada Byron", "expires": expires}


def policy(*granted: Json, **more: object) -> Policy:
    """The stories' policy with these exceptions."""
    exceptions = {"longest": "90 d", "granted": list(granted)}
    return Policy.model_validate_json(json.dumps(POLICY | {"exceptions": exceptions} | more))


def clause(verdict: Verdict, identity: str = DRILL) -> ClauseVerdict:
    """What became of that clause."""
    return next(one for one in verdict.required if one.id == identity)


def everywhere(verdict: Verdict) -> dict[str, str]:
    """Each report of the verdict, as text."""
    shown = document(verdict)
    return {
        "terminal": " ".join(" ".join(lines(shown)).split()),
        "page": headline(shown),
        "json": shown.model_dump_json(by_alias=True),
        "junit": junit_xml(shown),
    }


def test_a1_a_go_that_leans_on_an_exception_says_so_everywhere(tell: Tell) -> None:
    """The clause is named with approver and date, counted apart, and its end ends the GO."""
    given = grant()
    verdict = tell(policy=policy(given), tier=Tier.OBSERVE).verdict()
    assert verdict.decision is Decision.GO
    count = document(verdict).counts.clauses
    assert (count.required, count.proven, count.by_exception) == (5, 4, (DRILL,))
    assert DRILL not in [one.id for one in verdict.proven]
    for name, text in everywhere(verdict).items():
        for said in (DRILL, "Ada Byron", given["expires"]):
            assert said in text, (name, said, text)
    assert "4 proven of 5" in everywhere(verdict)["terminal"]
    assert "All of" not in everywhere(verdict)["page"]


def test_a1_a_go_by_exception_is_no_error_in_a_pipeline(tell: Tell) -> None:
    """The excepted case was not run: JUnit skips it, and says nothing else than the exit code."""
    verdict = tell(policy=policy(grant()), tier=Tier.OBSERVE).verdict()
    assert verdict.decision is Decision.GO
    text = junit_xml(document(verdict))
    assert "<error" not in text
    assert "<skipped" in text


def test_a1_a_go_ends_with_the_exception_that_it_leans_on(tell: Tell) -> None:
    """`valid_until` is the end of that day at the latest."""
    aged = {"evidence_age": {"default": "30 d"}}
    verdict = tell(policy=policy(grant(days=2), **aged), tier=Tier.OBSERVE).verdict()
    assert verdict.valid_until is not None
    assert verdict.valid_until <= datetime.now(UTC) + timedelta(days=3)


def test_a1_an_exception_is_refused_where_the_run_saw_the_clause_fail(tell: Tell) -> None:
    """What was seen red is red, whoever approved otherwise."""
    given = policy(grant("sec.tls/chain"), blocking_severities=[])
    verdict = tell(policy=given, bad={"TLS-001|portal/edge2/v6": Bad()}).verdict()
    found = clause(verdict, "sec.tls/chain")
    assert (verdict.decision, found.status) == (Decision.NO_GO, "failed")
    assert "does not cover what was seen to fail" in everywhere(verdict)["terminal"]
    assert document(verdict).counts.clauses.by_exception == ()


def test_a1_what_nobody_declared_hides_nothing_that_was_seen_to_fail(tmp_path: Path) -> None:
    """A second check of the clause has no subject here; the first one failed, and that counts."""
    other = make_check("HOST-009", "Every backup is there", "sec.tls/chain", "backup_repository")
    story = Story(tmp_path, bad={"TLS-001|portal/edge1/v4": Bad()}, tier=Tier.OBSERVE)
    story.checks = CATALOGUE | {other.id: other}
    story.matrix = dict.fromkeys(story.checks, SEEN_RED)
    story.policy = policy(grant("sec.tls/chain"), grant(), blocking_severities=[])
    verdict = story.verdict()
    assert verdict.decision is Decision.NO_GO
    assert clause(verdict, "sec.tls/chain").status == "failed"


def test_a1_a_clause_that_holds_leans_on_no_exception(tell: Tell) -> None:
    """Evidence is better than a promise."""
    verdict = tell(policy=policy(grant("sec.tls/chain"))).verdict()
    assert clause(verdict, "sec.tls/chain").status == "held"
    assert document(verdict).exceptions == ()
    assert headline(document(verdict)).startswith("All of")


@pytest.mark.parametrize("days", [-1, 91, 40000])
def test_a1_an_exception_out_of_its_time_counts_for_nothing(tell: Tell, days: int) -> None:
    """Over, or further away than the policy allows."""
    verdict = tell(policy=policy(grant(days=days)), tier=Tier.OBSERVE).verdict()
    assert verdict.decision is Decision.INCONCLUSIVE
    assert clause(verdict).status == "not-run"
    assert "the policy's exception end" in everywhere(verdict)["terminal"]


def test_a1_an_environment_may_ask_and_grants_nothing(tell: Tell) -> None:
    """What the judged one writes is shown as asked for; the clause stays without proof."""
    asked = ENVIRONMENT | {"not_applicable": [grant(days=27000)]}
    given = Policy.model_validate_json(json.dumps(POLICY | {"may_be_not_applicable": [DRILL]}))
    verdict = tell(policy=given, environment=asked, tier=Tier.OBSERVE).verdict()
    assert verdict.decision is Decision.INCONCLUSIVE
    assert clause(verdict).status == "not-run"
    (request,) = document(verdict).exceptions_asked
    assert (request.clause, request.granted) == (DRILL, False)
    assert f"asks for an exception: {DRILL}" in everywhere(verdict)["terminal"]


@pytest.mark.parametrize(("days", "granted"), [(-1, False), (0, True), (30, True), (91, False)])
def test_a1_what_is_asked_for_is_granted_only_while_that_counts(
    tell: Tell, days: int, *, granted: bool
) -> None:
    """A grant that has ended, or ends later than it may, is told as none."""
    asked = ENVIRONMENT | {"not_applicable": [{"clause": DRILL, "reason": "No window."}]}
    verdict = tell(policy=policy(grant(days=days)), environment=asked, tier=Tier.OBSERVE).verdict()
    (request,) = document(verdict).exceptions_asked
    assert request.granted is granted
    assert ("asks for an exception" in everywhere(verdict)["terminal"]) is not granted


def test_a1_an_excepted_clause_does_not_block_by_severity(tell: Tell) -> None:
    """What was excepted is not asked for again; what speaks against it still blocks."""
    unsure = {"PG-020|student-db": Bad(phase="inconclusive", reason="no writer answered")}
    severe = policy(grant(), blocking_severities=["critical"])
    assert tell(policy=severe, bad=unsure).verdict().decision is Decision.GO


def test_a1_an_exception_that_ends_too_late_is_refused_with_its_place(tmp_path: Path) -> None:
    """File, line and the latest date that the policy allows."""
    path = tmp_path / "policy.yaml"
    entry = "".join(f"      {key}: {value}\n" for key, value in grant(days=91).items())
    text = "schema: 1\nname: x\nowner: y\nexceptions:\n  longest: 90 d\n  granted:\n"
    path.write_text(text + "    -" + entry[5:])
    latest = (datetime.now(UTC) + timedelta(days=90)).date()
    with pytest.raises(UsageError, match=rf"policy.yaml:10:16: exceptions.*{latest}"):
        validate_policy(load_policy(path), CLAUSES, at=datetime.now(UTC))


def test_a1_an_unknown_clause_is_refused_there_too(tmp_path: Path) -> None:
    """A misspelt exception would silently except nothing."""
    path = tmp_path / "policy.yaml"
    exceptions = json.dumps({"granted": [grant("sec.tls/chian")]})
    path.write_text(f"schema: 1\nname: x\nowner: y\nexceptions: {exceptions}\n")
    with pytest.raises(UsageError, match=r"did you mean 'sec.tls/chain'\?"):
        validate_policy(load_policy(path), CLAUSES, at=datetime.now(UTC))


def test_a1_the_policys_digest_survives_a_new_key(tell: Tell) -> None:
    """A record of an older version lacks keys that a policy has since; it is the same policy."""
    story = tell()
    story.write()
    record = story.folder / "record.jsonl"
    assert '"exceptions"' in record.read_text()
    verdict = story.verdict_under(story.policy)
    older = dict(verdict.record.opening)
    older["policy"] = {key: one for key, one in older["policy"].items() if key != "exceptions"}
    record_of_old = replace(verdict.record, events=(older, *verdict.record.events[1:]))
    summary = document(replace(verdict, record=record_of_old)).policy
    assert summary is not None
    assert summary.sha256 == "a" * 64


def test_there_are_as_many_cases_as_the_little_catalogue_makes(tmp_path: Path) -> None:
    """The stories above are about cases that exist."""
    assert {case.check.id for case in Story(tmp_path).verdict().cases} == set(CATALOGUE)
