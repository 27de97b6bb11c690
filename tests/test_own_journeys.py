"""A site's own Locust files: run by the gate, listed in the record, and never changed under it."""

import json
from pathlib import Path

import pytest
from engine import Engine, Site
from test_loadtests import ALLOWED, LOAD, Here, here

from readiness.model.errors import UsageError
from readiness.model.words import Outcome
from readiness.running.finish import judge_runs
from readiness.site.documents import load_environment
from readiness.site.journey_files import own_journeys, refuse_changed
from readiness.site.own_files import files_from

__all__ = ["here"]

OWN = "    journeys: []\n    own_journeys: ['file:enrol.py']\n"
JOURNEY = """
from locust import task
from readiness.drills.journeys import Journey
from words import FIRST


class Enrol(Journey):
    @task
    def enrol(self):
        if self.visit(FIRST) and self.sign_in():
            self.visit("marks")
"""


@pytest.fixture
def site(here: Here) -> Site:
    """A portal whose load goes by a Locust file of the site's own."""
    folder = here.environment.parent
    (folder / "words.py").write_text('FIRST = "front"\n')
    (folder / "enrol.py").write_text(JOURNEY)
    site = Site(folder).requiring("test.load/offered-rate-achieved")
    here.write(ALLOWED, LOAD.replace("    pages:\n", f"{OWN}    pages:\n"))
    return site


def test_the_gate_goes_the_sites_own_way(engine: Engine, site: Site) -> None:
    """Each step is a page in the record, and the record says what the journey is made of."""
    ended = engine.gate(site, "--tier", "load", "--only", "LOAD-001")
    record = site.record()
    listed = record.opening["journeys"]["file:enrol.py"]
    assert listed == files_from(site.folder, [site.folder / "enrol.py"])
    assert sorted(listed) == ["enrol.py", "words.py"]
    verdict = judge_runs([site.runs()[-1]], None)
    (case,) = (one for one in verdict.cases if one.check.id == "LOAD-001")
    assert case.outcome is Outcome.PASSED, (case.reason, ended.text)
    lines = (site.runs()[-1] / "load-students.jsonl").read_text().splitlines()[:-1]
    assert {json.loads(one)["page"] for one in lines} == {"front", "sign-in", "marks"}


def test_a_helper_that_changes_under_the_run_is_refused(site: Site) -> None:
    """What the run was opened with is what is run, or nothing."""
    environment = load_environment(site.environment)
    opened_with = own_journeys(environment)
    refuse_changed(environment, opened_with)
    Path(site.folder / "words.py").write_text('FIRST = "marks"\n')
    with pytest.raises(UsageError, match=r"words\.py was changed after the run was opened"):
        refuse_changed(environment, opened_with)
    with pytest.raises(UsageError, match="was changed"):
        refuse_changed(environment, {})


def test_a_file_that_is_gone_is_told_before_anything_is_asked(engine: Engine, site: Site) -> None:
    """With its key and exit 64; a run that offers no load does not need it."""
    (site.folder / "enrol.py").unlink()
    ended = engine.gate(site, "--tier", "load")
    assert ended.code == 64
    assert "load_tests[0].own_journeys[0]" in ended.text
    assert engine.gate(site).code != 64
