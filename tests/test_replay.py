"""Every observe check against recorded answers of the lab: green when healthy, red as declared."""

import re
from collections import defaultdict

import pytest
from replay import RUNS, UNSEEN, VARIANTS, Recording, cases, load, replay, replay_all, whole

from lab import matrix, product
from lab.faults import all_faults, resolved
from lab.home import LAB
from lab.inventory import sites
from lab.recording import kept_in
from lab.variants import all_variants
from readiness.catalogue.checks import Check, expected_cases, gaps, load_catalogue
from readiness.model.words import Case, Outcome, Tier
from readiness.site.documents import load_environment, load_policy
from readiness.site.environment import Environment
from readiness.site.kinds import subjects
from readiness.site.needs import Why

HEALTHY = "healthy"
OTHERS = [one for one in sites() if one != LAB]
RECORDED = sorted(path.name.removesuffix(".json.gz") for path in RUNS.glob("*.json.gz"))
FAULTS = [name for name in RECORDED if name != HEALTHY]
# What was recorded before a check changed may lack what it asks now: it is renewed with the matrix.
ODD = [
    name
    for name, one in matrix.load()["variants"].items()
    if name in all_variants()
    and (VARIANTS / f"{name}.json.gz").exists()
    and matrix.state(all_variants()[name], one) == matrix.PROVEN
]
# Kinds of which the big site has none: listed backups, and what watches.
ELSEWHERE = {"backup_list", "prometheus", "alertmanager", "alert_receiver"}
AGAIN = "scripts/lab matrix"
# They rest on the scan as a whole, of which each pair of zones needs a part.
WHOLE = {"FW-001", "FW-002", "FW-003", "FW-004"}


@pytest.fixture(scope="module")
def healthy() -> Recording:
    """What an observe run of the healthy lab saw."""
    return load(HEALTHY)


def undeclared(check: Check, environment: Environment) -> bool:
    """Whether a site declares nothing that the check could ask about."""
    mine = {check.id: check}
    lacking = gaps(mine, environment)
    told = [lacking.get(case.key) for case in expected_cases(mine, environment)]
    return all(gap is not None and gap.why is Why.UNDECLARED for gap in told)


def test_the_healthy_lab_is_green() -> None:
    """Every observe check passes for every subject."""
    results, environment = whole(HEALTHY), load_environment(product.committed(LAB))
    assert {one.case.check for one in results} == {
        check.id
        for check in load_catalogue().values()
        # What the big site has nothing of is recorded at another one.
        if check.tier is Tier.OBSERVE
        and subjects(environment, check.each)
        and not undeclared(check, environment)
    }
    assert [str(one) for one in results if one.outcome is not Outcome.PASSED] == []


@pytest.mark.parametrize("name", FAULTS)
def test_a_fault_is_red_as_it_declares(name: str, healthy: Recording) -> None:
    """Each declared case fails on what was seen under the fault, with the declared reason.

    What a check asks and its red claim does not rest on is in the healthy recording alone.
    """
    recording, fault = load(name).over(healthy), all_faults()[name]
    for (check, subject), pattern in resolved(fault.reddens, recording.facts).items():
        result = replay(recording, Case(check, subject))
        assert result.outcome is Outcome.FAILED, result
        assert re.search(pattern, result.reason), result.reason


@pytest.mark.parametrize("name", ODD)
def test_a_healthy_variant_is_green(name: str, healthy: Recording) -> None:
    """The checks that it tempts pass on what was seen under it."""
    recording = load(name, VARIANTS).over(healthy)
    tempted = [case for case in cases(recording) if case.check in all_variants()[name].tempts]
    results = replay_all(recording, tempted)
    assert results
    assert [str(one) for one in results if one.outcome is not Outcome.PASSED] == []


@pytest.mark.parametrize("site", OTHERS)
def test_another_healthy_site_is_green(site: str) -> None:
    """Every case that its GO needs."""
    recording = load(HEALTHY, kept_in(site))
    wanted = {*product.observing(gate_only=True, site=site)}
    results = replay_all(recording, [case for case in cases(recording) if case.check in wanted])
    catalogue = load_catalogue()
    shown = {clause for one in results for clause in catalogue[one.case.check].clauses}
    # Beyond the observe tier a recording shows nothing.
    needed = {clause for name in wanted for clause in catalogue[name].clauses}
    assert {*(load_policy(product.policy(site)).required or ())} & needed <= shown
    assert [str(one) for one in results if one.outcome is not Outcome.PASSED] == []


@pytest.mark.parametrize("site", OTHERS)
def test_a_fault_of_another_site_is_red_as_it_declares(site: str) -> None:
    """Each of those that are recorded; what only a drill shows is not."""
    below = load(HEALTHY, kept_in(site))
    names = {path.name.removesuffix(".json.gz") for path in kept_in(site).glob("*.json.gz")}
    tiers = {one.tier for one in all_faults().values() if one.site == site}
    assert names > {HEALTHY} or "observe" not in tiers
    for name in sorted(names - {HEALTHY}):
        recording, fault = load(name, kept_in(site)).over(below), all_faults()[name]
        for (check, subject), pattern in resolved(fault.reddens, recording.facts).items():
            result = replay(recording, Case(check, subject))
            assert result.outcome is Outcome.FAILED, result
            assert re.search(pattern, result.reason), result.reason


@pytest.mark.parametrize("site", OTHERS)
def test_a_healthy_variant_of_another_site_is_green(site: str) -> None:
    """The checks that it tempts pass on what was seen under it."""
    below, folder = load(HEALTHY, kept_in(site)), kept_in(site, variants=True)
    for path in sorted(folder.glob("*.json.gz")):
        name = path.name.removesuffix(".json.gz")
        recording, tempts = load(name, folder).over(below), all_variants()[name].tempts
        results = replay_all(recording, [one for one in cases(recording) if one.check in tempts])
        assert results
        assert [str(one) for one in results if one.outcome is not Outcome.PASSED] == []


def test_no_check_is_green_without_what_it_looks_at(healthy: Recording) -> None:
    """Take away any one observation that a green case rests on: it is green no more.

    Of the cases of one check that share an observation one is tried.
    """
    used: dict[int, dict[str, Case]] = defaultdict(dict)
    for result in whole(HEALTHY):
        for number in {one for claim in result.claims for one in claim.rests_on} & result.used:
            if result.case.check not in WHOLE:
                used[number].setdefault(result.case.check, result.case)
    still_green = [
        f"{one.case.key} without {healthy.observations[number]['source']}"
        for number, blinded in used.items()
        for one in replay_all(healthy.without(number), blinded.values())
        if one.outcome is Outcome.PASSED
    ]
    assert still_green == []


def test_no_zone_is_open_without_a_scan(healthy: Recording) -> None:
    """A pair needs its own vantage points of the whole scan; without any nothing is green."""
    seen = tuple(one for one in healthy.observations if one["source"] != "scan")
    blind = Recording(healthy.environment, healthy.facts, healthy.red, seen)
    mine = [case for case in cases(healthy) if case.check in WHOLE]
    assert mine
    assert not any(replay(blind, case).outcome is Outcome.PASSED for case in mine)


def test_nothing_is_missing_for_any_check() -> None:
    """Each check has a proven fault and a recording of it; else the command that mends it."""
    missing = []
    folders = [kept_in(site) for site in OTHERS]
    elsewhere = {one.name.removesuffix(".json.gz") for each in folders for one in each.iterdir()}
    for check in load_catalogue().values():
        faults = [one for one in all_faults().values() if check.id in one.reddens]
        if not faults and check.id not in UNSEEN:
            missing.append(f"{check.id}: no fault reddens it: add one to lab/faults/")
        if check.tier is not Tier.OBSERVE:
            continue
        seen = [one.name for one in faults if one.tier == "observe"]
        if seen and not set(seen) & {*FAULTS, *elsewhere}:
            missing.append(f"{check.id}: no recording: scripts/lab try {seen[0]}")
    assert missing == []
