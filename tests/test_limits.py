"""Limits follow from what is declared: a drill that goes on as declared never meets its own."""

import json
from pathlib import Path

import pytest

from readiness.catalogue.checks import load_catalogue
from readiness.catalogue.limits import limit_of, trial_limit
from readiness.model.words import Tier
from readiness.site.documents import load_environment
from readiness.site.environment import Environment
from readiness.site.kinds import subjects

LAB = Path(__file__).parents[1] / "environments/lab.yaml"
# What one trial of the lab really takes.
SEEN = 80.0


def declared(**changes: object) -> Environment:
    """The lab's environment, with another drill, load or migration declared."""
    whole = json.loads(load_environment(LAB).model_dump_json(by_alias=True))
    drill = {key: one for key, one in changes.items() if key in {"trials", "experiments"}}
    whole["databases"][0]["failover"] |= drill
    if "duration" in changes:
        whole["load_tests"][0]["duration"] = changes["duration"]
    if "limit" in changes:
        whole["backups"][0]["restore"]["migrations"]["limit"] = changes["limit"]
    return Environment.model_validate_json(json.dumps(whole))


def limits(site: Environment, check: str) -> set[float]:
    """The limits of a check, over all its subjects."""
    entry = load_catalogue()[check]
    return {limit_of(entry, site, one) for one in subjects(site, entry.each)}


@pytest.mark.parametrize("check", ["PG-020", "PG-021", "PG-022", "PG-023", "PG-024"])
def test_b6_every_declared_trial_has_its_time(check: str) -> None:
    """A policy that asks for 90 % needs 29 trials: they fit, and so do 59."""
    for trials in (1, 29, 59):
        assert min(limits(declared(trials=trials), check)) > (trials + 1) * SEEN
    site = declared(trials=3)
    one = trial_limit(site.databases[0], site.objectives.database_recovery_time)
    assert min(limits(site, check)) >= 4 * one
    both = declared(trials=3, experiments=["primary-cut-off", "primary-server-killed"])
    assert min(limits(both, check)) >= 7 * one


def test_b6_a_long_load_has_its_time() -> None:
    """An hour of load, and what is around it."""
    assert min(limits(declared(duration="1 h"), "LOAD-003")) > 3600 + 60


@pytest.mark.parametrize("check", ["BKP-010", "BKP-012", "OBJ-004", "MIG-001", "MIG-002"])
def test_b6_long_migrations_have_their_time(check: str) -> None:
    """Three commands of two hours each, and the restore that they run on."""
    assert min(limits(declared(limit="2 h"), check)) > 3 * 7200 + 7200


def test_b6_no_limit_is_below_what_its_check_says() -> None:
    """What is declared can only add; what observes keeps its limit."""
    site = declared()
    for entry in load_catalogue().values():
        for subject in subjects(site, entry.each):
            limit = limit_of(entry, site, subject)
            assert limit >= entry.limit
            longer = entry.tier in {Tier.LOAD, Tier.DISRUPT} or entry.gate_only
            assert limit == entry.limit or longer
