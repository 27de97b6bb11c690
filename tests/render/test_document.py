"""`verdict.json` says what the judge found, agrees with its schema, and names every blocker."""

import json
from importlib.resources import files

import jsonschema
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from stories import EARLIER, POLICY, RED, UNSERVED, Bad, Story, Tell

from readiness.judging.verdict import Verdict
from readiness.model.words import Decision, Tier
from readiness.render.document import VerdictDocument, document
from readiness.render.schema import schema_text, verdict_schema
from readiness.site.policy import Policy

ISSUE_FIELDS = {
    "schema", "run", "environment", "identity", "policy", "started", "finished", "valid_until",
    "verdict", "exit_code", "criteria", "cases",
}  # fmt: skip
CASE_FIELDS = {
    "check", "title", "criteria", "clauses", "subject", "severity", "tier", "outcome", "reason",
    "observed", "expected", "duration", "source", "proven_on",
}  # fmt: skip
CLAUSE_FIELDS = {"id", "required", "status", "subjects", "from", "age"}
ENDINGS = st.one_of(
    st.none(),
    st.just(Bad()),
    st.just(Bad(answer="unknown", found=None)),
    st.sampled_from(["error", "inconclusive", "not-run"]).map(
        lambda phase: Bad(phase=phase, reason=f"it ended {phase}")
    ),
)
KEYS = (
    "TLS-001|portal/edge1/v4", "TLS-001|portal/edge2/v6", "TLS-003|portal/edge1/v4",
    "HOST-001|db1", "HOST-001|db2", "PG-001|student-db", "PG-020|student-db",
)  # fmt: skip


def as_json(verdict: Verdict) -> dict[str, object]:
    """What the file holds."""
    loaded = json.loads(document(verdict).model_dump_json(by_alias=True))
    assert isinstance(loaded, dict)
    return loaded


def test_shipped_schema_is_the_generated_one() -> None:
    """The schema that ships is the one that the model makes."""
    shipped = files("readiness").joinpath("data/verdict.schema.json").read_text(encoding="utf-8")
    assert shipped == schema_text()


@pytest.mark.parametrize("name", ["go", "no_go", "inconclusive"])
def test_every_verdict_fits_the_schema(name: str, request: pytest.FixtureRequest) -> None:
    """GO, NO-GO and INCONCLUSIVE documents all validate, and read back as they were."""
    data = as_json(request.getfixturevalue(name))
    jsonschema.Draft202012Validator(verdict_schema()).validate(data)
    again = VerdictDocument.model_validate(data)
    assert json.loads(again.model_dump_json(by_alias=True)) == data


def test_promised_fields_are_there(no_go: Verdict) -> None:
    """The fields that scripts were promised are in the file."""
    data = as_json(no_go)
    assert data.keys() >= ISSUE_FIELDS
    criteria = data["criteria"]
    cases = data["cases"]
    assert isinstance(criteria, list)
    assert isinstance(cases, list)
    assert all(one.keys() >= {"id", "text", "required", "status"} for one in criteria)
    assert all(clause.keys() >= CLAUSE_FIELDS for one in criteria for clause in one["clauses"])
    assert all(case.keys() >= CASE_FIELDS for case in cases)


def test_reason_says_where_what_and_what_to_do(no_go: Verdict) -> None:
    """A red case names its subject, the limit, what was found, and the remedy."""
    case = next(one for one in document(no_go).cases if one.key == "TLS-001|portal/edge2/v6")
    assert case.reason == (
        "portal/edge2/v6: expected trust problem to be none, found unable to get local issuer "
        "certificate; install the leaf with its intermediates, in order, and reload the service"
    )
    assert (case.expected, case.observed) == (
        "trust problem to be none",
        "unable to get local issuer certificate",
    )


def test_evidence_has_origin_and_age(go: Verdict) -> None:
    """A held clause says from which run and environment its evidence is, and how old."""
    clause = next(
        clause
        for one in document(go).criteria
        for clause in one.clauses
        if clause.id == "sec.tls/chain"
    )
    assert clause.evidence is not None
    assert (clause.evidence.run, clause.evidence.environment) == (go.run["run"], "campus")
    assert clause.age == pytest.approx(180, abs=30)
    assert clause.until is not None


def test_counts_name_the_rest(no_go: Verdict) -> None:
    """Required and proven add up, and everything else is named."""
    count = document(no_go).counts.clauses
    assert (count.required, count.proven) == (5, 2)
    assert set(count.required_not_proven) == {
        "sec.tls/chain", "sec.tls/expiry", "infra.hosts/services-up",
    }  # fmt: skip
    assert len(count.not_required) == count.total - count.required


def test_earlier_runs_and_confidence_are_told(go: Verdict) -> None:
    """Running until it is green shows, and so does how much the drill can show."""
    told = document(go)
    assert [one.number for one in told.earlier_failed] == [one["number"] for one in EARLIER]
    assert told.confidence == (
        "3 of 3 under 60 s: at least 36.8 % of such failovers at 95 % confidence",
    )
    assert told.not_guarded == ("a fresh backup",)


def test_another_policy_does_not_carry_the_recorded_hash(tell: Tell) -> None:
    """The hash beside the policy is that of the policy judged by, or nothing."""
    story = tell()
    recorded = document(story.verdict()).policy
    assert recorded is not None
    assert recorded.sha256 == "a" * 64
    other = Policy.model_validate_json(json.dumps(POLICY | {"name": "stricter"}))
    verdict = story.verdict_under(other)
    judged = document(verdict).policy
    assert judged is not None
    assert (judged.name, judged.sha256) == ("stricter", None)


def test_one_defect_is_one_cause(no_go: Verdict) -> None:
    """The same defect at two addresses is told once, failed before everything else."""
    blockers = document(no_go).blockers
    assert blockers[0].cases == ("TLS-001|portal/edge2/v4", "TLS-001|portal/edge2/v6")
    assert [one.outcome for one in blockers] == ["failed", "failed", "error", "inconclusive"]
    given = "--env environments/campus.yaml --policy 'site/go live.yaml'"
    assert blockers[0].commands[0] == f"readiness gate {given} --only TLS-001"


def test_machine_that_does_not_answer_is_one_cause(tell: Tell) -> None:
    """What could not be looked at on one machine goes together, however it was said."""
    bad = {
        "TLS-001|portal/edge2/v4": Bad(phase="inconclusive", reason="no route to host"),
        "TLS-003|portal/edge2/v6": Bad(phase="inconclusive", reason="timed out after 5 s"),
        "HOST-001|edge2": Bad(phase="inconclusive", reason="edge2: SSH did not answer"),
    }
    blockers = document(tell(bad=bad).verdict()).blockers
    assert len(blockers) == 1
    assert set(blockers[0].cases) == set(bad)


def test_unserved_clauses_are_one_cause(tell: Tell) -> None:
    """Without a policy everything is required, and what no check serves is told once."""
    blockers = document(tell(policy=None).verdict()).blockers
    unproven = [one for one in blockers if one.outcome == "unproven"]
    assert [one.reason.partition(": ")[2] for one in unproven] == ["no check serves it yet"]
    (unsigned,) = (one for one in blockers if one.outcome == "unsigned")
    assert unsigned.reason.endswith("the policy names no signers (attestations)")
    assert len(unproven[0].clauses) == UNSERVED - len(unsigned.clauses)


def test_checks_never_seen_red_are_one_cause(tell: Tell) -> None:
    """A run whose checks no fault ever turned red is no GO, and that is told once."""
    shown = document(tell(matrix={}).verdict())
    assert shown.verdict is Decision.INCONCLUSIVE
    assert [one.outcome for one in shown.blockers] == ["unproven"]
    assert len(shown.blockers[0].clauses) == 5
    assert "no fault has ever turned" in shown.blockers[0].reason


def test_policy_that_requires_nothing_is_told(tell: Tell) -> None:
    """An INCONCLUSIVE without anything required says why."""
    policy = Policy.model_validate_json(json.dumps(POLICY | {"required": []}))
    shown = document(tell(policy=policy).verdict())
    assert shown.verdict is Decision.INCONCLUSIVE
    assert "requires no clause" in shown.blockers[0].reason


def test_torn_and_halted_runs_say_what_to_do(tell: Tell) -> None:
    """A run that did not end blocks as a whole and points to recovery."""
    shown = document(tell(closing=None).verdict())
    assert shown.verdict is Decision.INCONCLUSIVE
    assert shown.blockers[0].outcome == "run"
    assert shown.blockers[0].commands == ("readiness recover --env environments/campus.yaml",)


@settings(max_examples=15)
@given(
    endings=st.fixed_dictionaries(dict.fromkeys(KEYS, ENDINGS)),
    tier=st.sampled_from([Tier.OBSERVE, Tier.DISRUPT]),
    closing=st.sampled_from(["finished", "interrupted", None]),
)
def test_blockers_are_empty_exactly_for_a_go(
    endings: dict[str, Bad | None],
    tier: Tier,
    closing: str | None,
    tmp_path_factory: pytest.TempPathFactory,
) -> None:
    """Whatever happened: a GO has no blocker, everything else has one with something to do."""
    bad = {key: ending for key, ending in endings.items() if ending}
    story = Story(tmp_path_factory.mktemp("run"), bad=bad, tier=tier, closing=closing, drills=False)
    shown = document(story.verdict())
    assert (shown.verdict is Decision.GO) == (not shown.blockers)
    assert all(one.reason and one.remedy and one.commands for one in shown.blockers)
    blocked = {key for one in shown.blockers for key in one.cases}
    assert blocked == {case.key for case in shown.cases if case.blocking}


def test_unknown_fields_are_no_error(no_go: Verdict) -> None:
    """A reader of this number accepts what a later release adds."""
    data = as_json(no_go) | {"added_later": [1, 2]}
    jsonschema.Draft202012Validator(verdict_schema()).validate(data)
    assert VerdictDocument.model_validate(data).verdict is Decision.NO_GO


def test_red_story_is_really_red(no_go: Verdict) -> None:
    """The story that the other tests lean on ends as it says."""
    ended = {one.case.key: str(one.outcome) for one in no_go.cases}
    assert {key: ended[key] for key in RED} == {
        "TLS-001|portal/edge2/v4": "failed",
        "TLS-001|portal/edge2/v6": "failed",
        "TLS-003|portal/edge1/v4": "failed",
        "HOST-001|db2": "inconclusive",
        "HOST-001|db3": "error",
    }


@pytest.mark.parametrize("identity", [None, {"pinned": None}], ids=["never asked", "not pinned"])
def test_an_unpinned_system_is_no_go(tell: Tell, identity: dict[str, object] | None) -> None:
    """Who can't say which system was looked at can't say that it is ready."""
    verdict = tell(identity=identity).verdict()
    assert verdict.decision is Decision.INCONCLUSIVE
    assert any("nobody pinned which system this is" in note for note in verdict.notes)


def test_a_member_that_did_not_say_who_it_is_is_no_go(tell: Tell) -> None:
    """What was pinned and gave no answer may be another system by now."""
    verdict = tell(identity={"found": None, "problem": "no route"}).verdict()
    assert verdict.decision is Decision.INCONCLUSIVE
    assert any("gave no answer" in note for note in verdict.notes)


def test_a_record_of_another_catalogue_is_no_go(tell: Tell) -> None:
    """A check may have looked at less when the record was made than it is judged by now."""
    verdict = tell(catalogue="c" * 64).verdict()
    assert verdict.decision is Decision.INCONCLUSIVE
    assert any("another catalogue of checks (readiness " in note for note in verdict.notes)
