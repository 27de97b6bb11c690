"""Several runs judged together: the drill of one environment and the look at another add up."""

import json
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path

import pytest
from stories import CATALOGUE, ENVIRONMENT, POLICY, SEEN_RED, Bad, Story

from readiness.catalogue.clauses import load_clauses
from readiness.evidence.record import RecordWriter, now, read_record
from readiness.evidence.redact import Redactor
from readiness.judging.judge import judge
from readiness.judging.sources import arrange
from readiness.judging.verdict import Verdict
from readiness.model.errors import UsageError
from readiness.model.words import Decision, Tier
from readiness.render import document, write_reports
from readiness.render.junit import junit_xml
from readiness.render.terminal import lines
from readiness.site.policy import Policy

SENTENCE = "3 of 3 under 60 s: at least 36.8 % of such failovers at 95 % confidence"
DRILL = "test.failover/database-in-time"
PRODUCTION = ENVIRONMENT | {"name": "production", "kind": "production"}
STAGING = ENVIRONMENT | {"name": "staging"}
ACCEPTING = Policy.model_validate_json(json.dumps(POLICY | {"evidence_from": {DRILL: ["staging"]}}))

Written = Callable[..., Story]


@pytest.fixture
def ran(tmp_path: Path) -> Written:
    """Write a run of an environment with a number into a folder of its own."""

    def write(environment: dict[str, object], number: int = 1, **parts: object) -> Story:
        folder = tmp_path / f"{environment['name']}-{number}"
        folder.mkdir()
        story = Story(folder, environment=environment, number=number, **parts)  # type: ignore[arg-type]
        story.write()
        return story

    return write


def together(*stories: Story, policy: Policy | None = ACCEPTING) -> Verdict:
    """Judge the runs of the stories."""
    main, others = arrange([read_record(one.folder) for one in stories], policy)
    return judge(
        main,
        others=others,
        policy=policy,
        catalogue=CATALOGUE,
        criteria=load_clauses(),
        matrix=dict.fromkeys(CATALOGUE, SEEN_RED),
        at=now(),
    )


def test_a_drill_elsewhere_and_a_look_here_add_up_to_a_go(ran: Written) -> None:
    """What production does not allow was shown on staging, and the verdict says where."""
    verdict = together(ran(STAGING, 7), ran(PRODUCTION, 3, tier=Tier.OBSERVE, drills=False))
    shown = document(verdict)
    clause = next(c for one in shown.criteria for c in one.clauses if c.id == DRILL)
    assert verdict.decision is Decision.GO
    assert shown.environment == "production"
    assert clause.shown_on == "staging"
    assert clause.evidence is not None
    assert (clause.evidence.environment, clause.evidence.number) == ("staging", 7)
    assert clause.subjects == ("student-db",)
    assert any("shown on staging" in line and DRILL in line for line in lines(shown))
    assert shown.blockers == ()
    assert "<error" not in junit_xml(shown)


def test_the_look_alone_says_which_run_is_missing(ran: Written) -> None:
    """Without the drill's run the verdict is inconclusive and names where it may come from."""
    verdict = together(ran(PRODUCTION, 3, tier=Tier.OBSERVE))
    assert verdict.decision is Decision.INCONCLUSIVE
    (blocker,) = document(verdict).blockers
    assert "staging" in blocker.remedy
    assert "tier disrupt" in blocker.remedy


def test_only_the_named_clause_may_come_from_elsewhere(ran: Written) -> None:
    """A red certificate here stays red however green staging is."""
    here = ran(PRODUCTION, 3, tier=Tier.OBSERVE, bad={"TLS-001|portal/edge2/v4": Bad()})
    assert together(ran(STAGING, 7), here).decision is Decision.NO_GO


def test_a_failure_there_is_a_failure(ran: Written) -> None:
    """The source's own red drill decides the clause that it was to show."""
    there = ran(STAGING, 7, bad={"PG-020|student-db": Bad()})
    verdict = together(there, ran(PRODUCTION, 3, tier=Tier.OBSERVE))
    assert verdict.decision is Decision.NO_GO
    (blocker,) = document(verdict).blockers
    assert blocker.cases == ("staging:PG-020|student-db",)


def test_a_failure_here_wins_over_a_pass_there(ran: Written) -> None:
    """Evidence of the environment itself is never replaced by a better one from elsewhere."""
    here = ran(PRODUCTION, 3, bad={"PG-020|student-db": Bad()})
    assert together(ran(STAGING, 7), here).decision is Decision.NO_GO


@pytest.mark.parametrize(
    ("numbers", "decision"),
    [((1, 2), Decision.GO), ((1, 3), Decision.INCONCLUSIVE)],
    ids=["in a row", "one left out"],
)
def test_a_gap_in_the_numbers_blocks(
    ran: Written, numbers: tuple[int, int], decision: Decision
) -> None:
    """A run between two others may not be left out."""
    drill = ran(PRODUCTION, numbers[0])
    verdict = together(drill, ran(PRODUCTION, numbers[1], tier=Tier.OBSERVE))
    assert verdict.decision is decision
    assert any("left out" in note for note in verdict.notes) == (decision is not Decision.GO)


def test_b4_looks_for_drift_are_no_gap(ran: Written) -> None:
    """A timer looks each quarter hour between two gates: their numbers decide nothing."""
    first, last = ran(PRODUCTION, 5), ran(PRODUCTION, 12, tier=Tier.OBSERVE, drift_looks=[[6, 11]])
    verdict = together(first, last)
    assert (verdict.decision, verdict.notes) == (Decision.GO, ())


def test_b4_a_gate_among_looks_for_drift_is_a_gap(ran: Written) -> None:
    """The number that no look for drift took is named, and only that."""
    looks = [[6, 8], [10, 11]]
    verdict = together(ran(PRODUCTION, 5), ran(PRODUCTION, 12, drift_looks=looks))
    assert verdict.decision is Decision.INCONCLUSIVE
    assert "run 9 of production was left out: give every run in between" in verdict.notes


def test_trials_that_a_later_run_has_overtaken_show_nothing_any_more(ran: Written) -> None:
    """Three went well, then one did not: nobody reads of the three what the site can do."""
    before = ran(PRODUCTION, 3)
    later = ran(PRODUCTION, 4, tier=Tier.OBSERVE)
    assert document(together(before, later)).confidence == (SENTENCE,)
    failed = ran(PRODUCTION, 5, bad={"PG-020|student-db": Bad()}, drills=False)
    verdict = together(before, later, failed)
    assert verdict.decision is Decision.NO_GO
    assert document(verdict).confidence == ()


@pytest.mark.parametrize(
    ("days", "decision"), [(1, Decision.INCONCLUSIVE), (3, Decision.GO)], ids=["old", "fresh"]
)
def test_an_old_pass_does_not_stand_in_for_a_case_that_blocks_by_its_severity(
    ran: Written, monkeypatch: pytest.MonkeyPatch, days: int, decision: Decision
) -> None:
    """No clause that is required needs the drill, and it is critical: two days old it has ended."""
    policy = Policy.model_validate_json(
        json.dumps(
            POLICY | {"required": ["sec.tls/chain"], "evidence_age": {"default": f"{days} d"}}
        )
    )
    with monkeypatch.context() as earlier:
        earlier.setattr("readiness.evidence.record.now", lambda: now() - timedelta(days=2))
        drilled = ran(PRODUCTION, 3)
    verdict = together(drilled, ran(PRODUCTION, 4, tier=Tier.OBSERVE), policy=policy)
    assert verdict.decision is decision
    assert bool(document(verdict).blockers) == (decision is not Decision.GO)


def test_runs_of_no_declared_release_are_not_known_to_be_of_one(ran: Written) -> None:
    """Nobody said which release either is about: together they support nothing."""
    nameless = ran(PRODUCTION | {"release": ""}, 1), ran(PRODUCTION | {"release": ""}, 2)
    verdict = together(*nameless)
    assert verdict.decision is Decision.INCONCLUSIVE
    assert any("no release is declared" in note for note in verdict.notes)


def test_numbers_that_go_against_time_are_refused(ran: Written) -> None:
    """A red run of today in a new log has a lower number than a green one of last week."""
    green = ran(PRODUCTION, 2)
    red = ran(PRODUCTION, 1, bad={"PG-001|student-db": Bad()})
    problem = "run 2 of production began before run 1: these numbers come from two logs"
    with pytest.raises(UsageError, match=problem):
        together(green, red)


def test_a_record_that_goes_on_after_its_end_is_no_go(ran: Written) -> None:
    """Whatever is added once a run was closed: it supports nothing."""
    story = ran(PRODUCTION, 1)
    with RecordWriter(story.folder / "record.jsonl", Redactor()) as writer:
        writer.write("step", text="later")
    assert together(story).decision is Decision.INCONCLUSIVE


def test_another_system_than_the_pinned_one_is_no_go(ran: Written) -> None:
    """Whether or not the run got as far as saying that it stops."""
    verdict = together(ran(PRODUCTION, 1, identity={"found": "7400000000000000000"}))
    assert verdict.decision is Decision.INCONCLUSIVE
    assert verdict.notes[0].startswith("student-db/db1: another system answered: 74000")


def test_the_newest_evidence_decides_and_nobody_picks(ran: Written) -> None:
    """A newer failure wins over an older pass, a newer pass over an older failure."""
    red = {"PG-001|student-db": Bad()}
    older_green = together(ran(PRODUCTION, 1), ran(PRODUCTION, 2, bad=red))
    older_red = together(ran(STAGING, 1, bad=red), ran(STAGING, 2))
    assert older_green.decision is Decision.NO_GO
    assert older_red.decision is Decision.GO


@pytest.mark.parametrize("how", ["selected", "killed", "environment changed"])
def test_a_doubtful_older_run_supports_nothing(ran: Written, how: str) -> None:
    """A pass of a selection, of a killed run or of another description is not admissible."""
    parts: dict[str, dict[str, object]] = {
        "selected": {"only": ("PG-020",)},
        "killed": {"closing": None},
        "environment changed": {},
    }
    changed = how == "environment changed"
    described = PRODUCTION | {"looks_from": "data"} if changed else PRODUCTION
    verdict = together(ran(described, 1, **parts[how]), ran(PRODUCTION, 2, tier=Tier.OBSERVE))
    assert verdict.decision is Decision.INCONCLUSIVE


def own(file: str) -> dict[str, object]:
    """The drill as a site's own check, whose test file has that digest."""
    return {"catalogue": [{"id": "PG-020"}], "files": {"test_drill.py": file}}


@pytest.mark.parametrize(("before", "decision"), [("a", Decision.GO), ("b", "INCONCLUSIVE")])
@pytest.mark.parametrize("there", [PRODUCTION, STAGING], ids=["here", "elsewhere"])
def test_a_pass_of_an_own_check_counts_for_the_check_as_it_is_now(
    ran: Written, there: dict[str, object], before: str, decision: str
) -> None:
    """What an other test file of the same name found is not what the file of today asks."""
    drilled = ran(there, 3, own=own(before))
    verdict = together(drilled, ran(PRODUCTION, 4, tier=Tier.OBSERVE, own=own("a")))
    assert verdict.decision == decision


def test_a_killed_older_run_still_speaks_against(ran: Written) -> None:
    """What a killed run found broken counts until something newer was seen."""
    killed = ran(PRODUCTION, 1, closing=None, bad={"PG-020|student-db": Bad()})
    assert together(killed, ran(PRODUCTION, 2, tier=Tier.OBSERVE)).decision is Decision.NO_GO


def test_runs_that_do_not_belong_together_are_refused(ran: Written) -> None:
    """An environment that is no source, another release, and a run given twice: one clear line."""
    here = ran(PRODUCTION, 3)
    cases = {
        "not about one environment": [here, ran(ENVIRONMENT | {"name": "sandbox"}, 4)],
        "is of another release": [here, ran(STAGING | {"release": "2026.1"}, 5)],
        "is given twice": [here, here],
    }
    for problem, stories in cases.items():
        with pytest.raises(UsageError, match=problem):
            together(*stories)


def test_the_page_keeps_the_evidence_of_both_apart(ran: Written, tmp_path: Path) -> None:
    """Claims link to the observation of their own run although the numbers are the same."""
    verdict = together(ran(STAGING, 7), ran(PRODUCTION, 3, tier=Tier.OBSERVE))
    write_reports(verdict, tmp_path)
    html = (tmp_path / "index.html").read_text()
    observed = [one for case in verdict.every_case for one in case.observations]
    assert html.count('<pre id="seen-') == len(observed)
    assert 'id="seen-staging-7-' in html
    assert 'id="seen-production-3-' in html
