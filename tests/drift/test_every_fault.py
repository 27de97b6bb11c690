"""Every recorded fault is told by drift, and nothing is told of the healthy lab.

The healthy recording is the accepted run. Under a fault, what its recording holds takes the place
of what the healthy lab said: a recording under a fault holds whole sources, those that its red
cases rest on. The declared cases are put to the checks again, both runs become records, and the
judge and the comparison of `readiness drift` say what differs.

What these recordings can't show is that nothing else is told: they are of several labs and of
several states of this project, so that other cases and settings of a site made of two of them
differ as well. For the same reason the site is described as the healthy one was, or as the fault
alters today's file.
"""

import re
from collections.abc import Iterable
from dataclasses import replace
from datetime import datetime
from functools import cache
from pathlib import Path
from typing import Final

import pytest
from replay import NOTED, RUNS, Recording, Result, cases, load, replay_all, whole

from lab import matrix, product
from lab.faults import Fault, all_faults, resolved
from lab.recording import kept_in
from readiness.catalogue.checks import catalogue_digest, load_catalogue
from readiness.drift.compare import Direction, compare
from readiness.evidence.claim import plain
from readiness.evidence.record import Record
from readiness.evidence.steps import typed
from readiness.judging.verdict import Verdict
from readiness.model.words import Case, Json, Outcome, Permission, Tier
from readiness.running.finish import judge_records
from readiness.session.plan import Plan, make_plan
from readiness.site.documents import load_environment
from readiness.site.environment import Environment

HEALTHY: Final = "healthy"
FAULTS: Final = sorted({path.name.removesuffix(".json.gz") for path in RUNS.iterdir()} - {HEALTHY})
AT: Final = "2026-11-26T12:00:00.000Z"


@cache
def healthy() -> Recording:
    """What an observe run of the healthy lab saw."""
    return load(HEALTHY)


@cache
def plan(*permissions: Permission) -> Plan:
    """What an observe run of the lab looks at."""
    return make_plan(load_catalogue(), healthy().environment, Tier.OBSERVE, (), permissions)


def described(fault: Fault, folder: Path) -> Environment:
    """The site as its file has it under a fault."""
    if fault.environment is None:
        return healthy().environment
    file = folder / "environment.yaml"
    file.write_text(fault.environment(product.ENVIRONMENT.read_text()))
    return load_environment(file)


class Written:
    """A record that is written here as a run writes it."""

    def __init__(self, site: Recording, planned: Plan) -> None:
        self.events: list[Json] = []
        self.add(
            "run-opened",
            schema=1,
            run="a run",
            number=1,
            version="0",
            catalogue=catalogue_digest(),
            release=None,
            earlier=[],
            environment=site.environment.model_dump(mode="json", by_alias=True),
            policy=None,
        )
        self.add("plan", **planned.event())
        self.seen = {
            (one["subject"], one["source"]): self.add("observation", case=None, **one)
            for one in site.observations
            if one["source"] != Permission.SCAN or planned.permissions
        }

    def add(self, kind: str, **data: object) -> int:
        """An event; its number."""
        self.events.append({"n": len(self.events), "at": AT, "mono": 0.0, "kind": kind, **data})
        return len(self.events) - 1

    def case(self, recording: Recording, result: Result) -> None:
        """How a case ended on a recording, and what it rests on."""
        key = result.case.key
        self.add("case-started", case=key)
        noted = [self.add("observation", **one) for one in result.noted]

        def number(one: int) -> int:
            if one >= NOTED:
                return noted[one - NOTED]
            seen = recording.observations[one]
            return self.seen[seen["subject"], seen["source"]]

        for claim in result.claims:
            self.add(
                "claim",
                case=key,
                subject=claim.subject,
                name=claim.name,
                observed=plain(claim.observed),
                relation=claim.relation,
                limit=plain(claim.limit),
                answer=str(claim.answer),
                reason=str(claim),
                rests_on=[number(one) for one in claim.rests_on],
            )
        endings = {"setup": "passed", "call": str(result.outcome), "teardown": "passed"}
        for when, ending in endings.items():
            self.add("phase", case=key, when=when, result=ending, reason=result.reason)
        self.add("case-ended", case=key, seconds=0.0)

    def judged(self) -> Verdict:
        """The verdict over it, as drift has it worked out."""
        self.add("session-finished", interrupted=False)
        self.add("run-closed", how="finished")
        record = Record(Path("record.jsonl"), tuple(map(typed, self.events)), torn=False, head="")
        return judge_records([record], None, at=datetime.fromisoformat(AT))


def look(site: Recording, again: Iterable[Case] = (), *, scan: bool = True) -> Verdict:
    """An observe run: those cases anew, the others as they ended in the healthy lab.

    Of the others those are left out that rest on what was seen anew.
    """
    planned = plan(Permission.SCAN) if scan else plan()
    written = Written(site, planned)
    anew = {*again}
    others = {one.case for one in planned.runs} - anew
    same = {id(one) for one in site.observations}
    kept = {n for n, one in enumerate(healthy().observations) if id(one) in same}
    for result in whole(HEALTHY):
        if result.case in others and result.used <= kept:
            written.case(healthy(), result)
    for result in replay_all(site, anew):
        written.case(site, result)
    return written.judged()


@pytest.fixture(scope="module")
def accepted() -> Verdict:
    """The run that somebody accepted: green, with a scan."""
    return look(healthy())


@pytest.mark.parametrize("scan", [True, False], ids=["scan", "no-scan"])
def test_nothing_is_told_of_the_healthy_lab(accepted: Verdict, *, scan: bool) -> None:
    """It is as it was; what is only seen by scanning is not missed by a look without."""
    now = look(healthy(), scan=scan)
    # What the site declares nothing of was asked neither then nor now.
    asked = {case.key for case in cases(healthy())}
    assert {one.outcome for one in accepted.cases if one.key in asked} == {Outcome.PASSED}
    assert compare(accepted, now) == ()


def test_what_should_have_been_scanned_is_missed(accepted: Verdict) -> None:
    """With a scan every case that needs one has an answer again, or is told as unseen."""
    seen = tuple(one for one in healthy().observations if one["source"] != Permission.SCAN)
    changes = compare(accepted, look(replace(healthy(), observations=seen)))
    assert {one.direction for one in changes} == {Direction.UNSEEN}
    assert {one.what for one in changes} == {
        check.id for check in load_catalogue().values() if check.permission
    }


@pytest.mark.parametrize("name", FAULTS)
def test_a_fault_is_told(accepted: Verdict, name: str, tmp_path: Path) -> None:
    """Each declared case is worse, as declared, or unseen where the fault blinds it.

    Why a case is blind is in no recording: what could not be asked was not seen.
    """
    fault, seen = all_faults()[name], load(name)
    worse = resolved(fault.reddens, seen.facts)
    unseen = resolved(fault.blinds, seen.facts)
    again = [Case(*key) for key in (*worse, *unseen)]
    blinded = {subject for _, subject in unseen}
    below = healthy()
    kept = tuple(one for one in below.observations if one["subject"] not in blinded)
    site = seen.over(replace(below, observations=kept))
    site = replace(site, environment=described(fault, tmp_path))
    changes = compare(accepted, look(site, again, scan=fault.scan))
    told = {one.key: one for one in changes if one.direction is Direction.WORSE}
    for key, pattern in worse.items():
        assert key in told
        assert re.search(pattern, told[key].new), told[key]
    blind = {one.key for one in changes if one.direction is Direction.UNSEEN}
    assert unseen.keys() <= blind
    assert again


def test_every_fault_is_recorded() -> None:
    """What is proven of the observe tier is recorded; `scripts/lab faults` names the rest.

    Those of the big site are put to drift above.
    """
    proven = {name for name, kept in matrix.load()["faults"].items() if kept["proven"]}
    observed = [
        one for one in all_faults().values() if one.tier == "observe" and one.name in proven
    ]
    there = {path.name for one in observed for path in kept_in(one.site).glob("*.json.gz")}
    assert [one.name for one in observed if f"{one.name}.json.gz" not in there] == []
