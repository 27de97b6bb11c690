"""Locust files at the gate's pace: the shipped ones, and what a site brings of its own."""

import json
import time
from collections.abc import Callable
from itertools import count
from pathlib import Path

import pytest
from served import TEST

from readiness.drills.load import Offered
from readiness.model.errors import NotUnderstood
from readiness.site.declared.load import LoadTest
from readiness.site.journey_files import SHIPPED, loadtests_folder
from readiness.site.own_files import files_from

TOKEN = 200, b'{"token": "t"}'
LOGIN = {"path": "/login", "user": "canary", "password": "env:NONE"}
OWN = """
from locust import constant, task
from readiness.drills.journeys import Journey
from words import SOUGHT


class Enrol(Journey):
    wait_time = constant(600)

    @task
    def enrol(self):
        if "credits" in (self.visit("courses") or ""):
            self.think()
            self.visit("search", path=SOUGHT)
"""


def shipped(*names: str) -> dict[Path, dict[str, str]]:
    """The files of shipped journeys."""
    return {loadtests_folder() / SHIPPED[name]: {} for name in names}


def own(folder: Path, text: str = OWN) -> dict[Path, dict[str, str]]:
    """A site's own Locust file of that text, with what it imports from beside it."""
    (folder / "words.py").write_text('SOUGHT = "/search?q=own"\n')
    file = folder / "enrol.py"
    file.write_text(text)
    return {file: files_from(folder, [file])}


def declared(*journeys: str) -> LoadTest:
    """The load with a log-in and these journeys."""
    whole = json.loads(TEST.model_dump_json()) | {"login": LOGIN, "journeys": journeys}
    return LoadTest.model_validate_json(json.dumps(whole))


def test_every_shipped_journey_has_its_file() -> None:
    """What an environment may name is what lies in the folder."""
    assert {file.name for file in loadtests_folder().glob("*.py")} == {*SHIPPED.values()}


def test_some_sign_in_while_most_browse(offered: Callable[..., Offered]) -> None:
    """By the weights in the files; a log-in is a page like any other, due at its moment."""
    found = offered(
        log_in=lambda: TOKEN,
        test=declared("browse", "sign-in"),
        journeys=shipped("browse", "sign-in"),
    )
    asked = {page.name: page.requests for page in found.pages}
    assert sum(asked.values()) == found.due == 80
    assert 0 < asked["sign-in"] < 20
    assert found.failures.value == 0


def test_log_ins_that_fail_later_are_counted_as_theirs(offered: Callable[..., Offered]) -> None:
    """The one before the load went well, as those of everybody who has been there for long."""
    turn = count()
    found = offered(
        log_in=lambda: TOKEN if next(turn) == 0 else (503, b""),
        test=declared("browse", "sign-in"),
        journeys=shipped("browse", "sign-in"),
    )
    sign_in = next(page for page in found.pages if page.name == "sign-in")
    assert (found.shut_out, sign_in.problem) == ("", "HTTP 503")
    assert sign_in.failed == sign_in.requests > 0
    assert sum(page.failed for page in found.pages) == sign_in.failed


def test_a_declared_journey_that_nobody_went_has_no_figure(
    offered: Callable[..., Offered],
) -> None:
    """Users who only browse leave the log-in without evidence."""
    found = offered(log_in=lambda: TOKEN, test=declared("browse", "sign-in"))
    assert [(one.name, one.requests) for one in found.pages][-1] == ("sign-in", 0)


def test_a_site_replaces_a_journey_by_its_own(
    offered: Callable[..., Offered], tmp_path: Path
) -> None:
    """Its steps follow each other; when each is due is the schedule's, not its think time's."""
    found = offered(journeys=own(tmp_path))
    courses, search = found.pages
    assert courses.requests + search.requests == found.due == 80
    assert found.failures.value == 0
    assert search.requests > 0
    assert not (tmp_path / "__pycache__").exists()


def test_what_was_due_while_a_server_stood_still_waited_with_it(
    offered: Callable[..., Offered], tmp_path: Path
) -> None:
    """One pause of 1.5 s is seen by all of the 20 a second that were due in it, of any journey."""
    first: list[float] = []

    def pause() -> None:
        first.append(time.monotonic())
        if 2 < first[-1] - first[0] < 3.5:
            time.sleep(first[0] + 3.5 - time.monotonic())

    offered(wait=pause, journeys=own(tmp_path))
    lines = (tmp_path / "samples.jsonl").read_text().splitlines()[:-1]
    slow = [one for one in map(json.loads, lines) if one["took"] > 0.5]
    assert len(slow) >= 15
    assert max(one["took"] for one in slow) < TEST.timeout


@pytest.mark.parametrize(
    ("old", "new", "words"),
    [
        ('"courses"', '"curses"', "Enrol failed: .*no declared page: courses, search"),
        ('"credits" in', "1 / 0 or", "Enrol failed: ZeroDivisionError"),
        ("class Enrol(Journey)", "class Enrol(__import__('locust').User)", "Enrol is no Journey"),
        ("class Enrol(Journey)", "class Enrol", "has no class of Journey"),
        ("from words import", "from wards import", "enrol.py can't be imported: ModuleNotFound"),
        ("wait_time =", "weight = 0.5; wait_time =", "weight of Enrol is no whole number"),
        ("wait_time =", "weight = 0; wait_time =", "weight of Enrol is no whole number"),
    ],
)
def test_a_journey_that_can_not_be_gone_says_why(
    offered: Callable[..., Offered], tmp_path: Path, old: str, new: str, words: str
) -> None:
    """It is no finding about the site."""
    assert old in OWN
    with pytest.raises(NotUnderstood, match=words):
        offered(journeys=own(tmp_path, OWN.replace(old, new)))


def test_what_no_source_tells_is_not_imported(
    offered: Callable[..., Offered], tmp_path: Path
) -> None:
    """The record lists what a journey is made of: nothing else may be in it."""
    hidden = OWN.replace(
        "from words import SOUGHT",
        "import importlib\nSOUGHT = importlib.import_module('wor' + 'ds').SOUGHT",
    )
    with pytest.raises(NotUnderstood, match=r"words\.py was imported, which no source there tells"):
        offered(journeys=own(tmp_path, hidden))


def test_more_users_than_a_process_has_are_refused(
    offered: Callable[..., Offered], tmp_path: Path
) -> None:
    """Weights that need more than a thousand users for their shares at each address."""
    heavy = OWN.replace("wait_time =", "weight = 9001; wait_time =")
    text = heavy + heavy.partition("SOUGHT\n")[2].replace("Enrol", "Leave").replace("9001", "7")
    with pytest.raises(NotUnderstood, match="ask for 18016 users, at most 1000"):
        offered(journeys=own(tmp_path, text))
