"""Reading the samples of a load, and a real load against a real server on loopback."""

import json
import runpy
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from served import FOUR, SIX, TEST

from readiness.drills import load, target_lease
from readiness.drills.load import Offered, prove_generator, read
from readiness.drills.load_process.orders import addresses_of
from readiness.drills.permit import Permit
from readiness.evidence.claim import CURRENT, Answer, Claim, Found
from readiness.model.errors import AccessDenied, NotUnderstood, ProbeError, TimedOut
from readiness.model.once import Once
from readiness.model.words import Case, Tier
from readiness.running import fixtures
from readiness.site.declared.load import LoadTest
from readiness.site.documents import load_environment
from readiness.site.environment import Environment

ROOT = Path(__file__).parents[2]
SUITE = runpy.run_path(str(ROOT / "suites/load/test_load.py"))


def sample(due: float, page: str = "courses", **more: object) -> str:
    """One line of the samples."""
    usual = {"page": page, "address": FOUR, "due": due, "lag": 0.001, "took": 0.05, "problem": ""}
    return json.dumps(usual | more)


def summary(**more: object) -> str:
    """The last line."""
    return json.dumps({"busy": 0.1, "aborted": "", "offered": 100} | more)


def whole(*instead: str) -> Offered:
    """A load that went well, but for the first requests."""
    rest = [sample(number / 20) for number in range(len(instead), 80)]
    return read(TEST, [FOUR], [sample(-0.5, took=9.0), *instead, *rest, summary()])


def test_the_warm_up_does_not_count() -> None:
    """What was due before the window began is left out by rule."""
    found = whole()
    assert found.pages[0].requests == 80
    assert found.pages[0].took.upper == 0.05
    assert found.on_time.value == 100


def test_a_failure_counts_as_slowest() -> None:
    """A wrong page that came quickly is no quick page."""
    wrong = [sample(number / 20, problem="HTTP 500", took=0.001) for number in range(8)]
    page = whole(*wrong).pages[0]
    assert (page.failed, page.problem) == (8, "HTTP 500")
    assert page.took.value == TEST.timeout
    assert whole(*wrong).failures.value == 10


def test_what_was_sent_late_or_not_at_all_was_not_offered() -> None:
    """Both are missing from what was due."""
    late = [sample(number / 20, lag=1.5) for number in range(20)]
    assert whole(*late).on_time.value == 75
    alone = read(TEST, [FOUR], [sample(0.0), summary()])
    assert alone.on_time.value == 100 / 80
    assert alone.lag.value == TEST.timeout


def test_a_page_that_was_never_asked_has_no_figure() -> None:
    """Nothing is known about it, and nothing follows."""
    page = whole().pages[1]
    assert (page.requests, page.took.upper) == (0, None)


@pytest.mark.parametrize("lines", [[], [summary()[:-3]], [sample(0.0)], ["[]", summary()]])
def test_samples_that_are_not_whole_are_refused(lines: list[str]) -> None:
    """A generator that died left no summary."""
    with pytest.raises(NotUnderstood):
        read(TEST, [FOUR], lines)


def test_a_real_load_is_offered_whole(offered: Callable[..., Offered]) -> None:
    """Every request that was due is there, each page was asked, nothing failed."""
    found = offered(b'{"credits": 4}')
    assert found.aborted == ""
    assert sum(page.requests for page in found.pages) == found.due == 80
    assert all(page.requests for page in found.pages)
    assert found.failures.value == 0
    assert [(place.address, place.requests, place.failed) for place in found.places] == [
        (FOUR, 40, 0), (SIX, 40, 0),
    ]  # fmt: skip


def test_a_wrong_page_with_200_is_a_failure(offered: Callable[..., Offered]) -> None:
    """The status is not the answer."""
    courses, search = offered(b"please come back later").pages
    assert courses.failed == 0
    assert search.failed == search.requests > 0
    assert search.problem == "another page than the right one"


def test_a_connection_that_was_closed_while_idle_is_no_failure(
    offered: Callable[..., Offered],
) -> None:
    """Whoever browses asks again on a new one, and so does the generator."""
    found = offered(b'{"credits": 4}', hangs_up=True)
    assert found.failures.value == 0


def test_an_address_that_answers_wrongly_is_told_apart(offered: Callable[..., Offered]) -> None:
    """What fails over IPv6 alone is counted there, and the reason names the address."""
    found = offered(b'{"credits": 4}', over_six=b"please come back later")
    four, six = found.places
    assert (four.failed, four.requests + six.requests) == (0, found.due)
    assert six.failed == sum(page.failed for page in found.pages) > 0
    (told,) = (one for one in judged(found) if "that failed" in one)
    assert f"(the first: another page than the right one), all at {SIX} at most 1" in told


def test_a_slow_address_does_not_slow_the_other_one(offered: Callable[..., Offered]) -> None:
    """As many requests as declared go to either, however long the one takes."""
    four, six = offered(b'{"credits": 4}', pause=0.5).places
    assert (four.requests, six.requests) == (40, 40)
    assert six.took.lower is not None
    assert six.took.lower > TEST.within


def many(count: int, address: str, **more: object) -> list[str]:
    """Samples of both pages at an address."""
    return [
        sample(number * 4 / count, page, address=address, **more)
        for number in range(count)
        for page in ("courses", "search")
    ]


def judged(found: Offered) -> list[str]:
    """The claims of all three checks that are not a definite yes, or none."""
    claims: list[Claim] = []
    token = CURRENT.set(SimpleNamespace(claim=lambda claim, **_: claims.append(claim)))
    reading = Found(found, TEST.name, 0)
    for name in ("test_offered_as_declared", "test_generator_has_room", "test_quick_and_right"):
        try:
            SUITE[name](TEST, lambda _: reading)
        except AssertionError:
            continue
    CURRENT.reset(token)
    assert claims
    return [f"{one.answer}: {one}" for one in claims if one.answer is not Answer.YES]


BIG = TEST.model_copy(update={"rate": 1000.0})


def offered_of(*lines: str) -> Offered:
    """A load of two thousand requests at each of two addresses, but for these."""
    rest = 4000 - len(lines)
    good = [*many(rest // 2, FOUR)] if lines else [*many(1000, FOUR), *many(1000, SIX)]
    return read(BIG, [FOUR, SIX], [*lines, *good, summary()])


def test_a_load_at_every_address_is_green() -> None:
    """Every address was asked, answered rightly and quickly."""
    assert judged(offered_of()) == []


def test_an_address_that_was_not_asked_is_red() -> None:
    """What one of two addresses answers says nothing about the other."""
    found = read(BIG, [FOUR, SIX], [*many(2000, FOUR), summary()])
    asked, *rest = judged(found)
    assert asked.startswith("no: students: expected addresses that were asked to include ")
    assert asked.endswith(f"found {FOUR}")
    assert len(rest) == 1


def test_no_address_at_all_is_not_green() -> None:
    """Without an address nothing was asked, whatever the figures say."""
    found = read(BIG, [], [*many(2000, FOUR), summary()])
    assert [one.partition(":")[0] for one in judged(found)] == ["unknown", "unknown"]


@pytest.mark.parametrize(
    ("wrong", "words"),
    [
        ({"problem": "HTTP 503"}, f"percent of failures at {SIX} (lower bound) at most 1, found"),
        ({"took": 0.9}, f"p95 at {SIX} (lower bound) at most 0.3, found 0.9"),
    ],
)
def test_an_address_may_not_hide_among_many(wrong: dict[str, object], words: str) -> None:
    """A part of the load too small to count in the whole is red at the address that it went to."""
    few = [*many(5, SIX, **wrong), *many(5, SIX)] if "problem" in wrong else many(10, SIX, **wrong)
    (red,) = judged(offered_of(*few))
    assert red.startswith("no: students: expected ")
    assert words in red


def test_a_generator_without_room_blames_no_address() -> None:
    """What looks slow may be its own doing: unknown, never red."""
    lines = [*many(1990, FOUR), *many(10, SIX, took=0.9), summary(busy=0.95)]
    found = [one for one in judged(read(BIG, [FOUR, SIX], lines)) if f"at {SIX}" in one]
    assert [one.partition(":")[0] for one in found] == ["unknown"]


def test_every_declared_address_is_asked() -> None:
    """Those that users are sent to first, then each machine's own, IPv4 and IPv6."""
    site = load_environment(ROOT / "environments/lab.yaml")
    (test,) = site.load_tests
    assert addresses_of(site, test) == (
        "198.18.1.100", "2001:2:0:1::100",
        "198.18.1.11", "2001:2:0:1::11", "198.18.1.12", "2001:2:0:1::12",
    )  # fmt: skip


def test_a8_who_is_let_in_gets_the_pages(offered: Callable[..., Offered]) -> None:
    """The control of the tests below: with a log-in that works the same load is green."""
    assert red(offered(log_in=lambda: (200, b'{"token": "t"}'))) == []


def stands_still() -> None:
    """Answer nobody for 0.6 s of each second."""
    if (phase := time.monotonic() % 1) < 0.6:
        time.sleep(0.6 - phase)


def slow_log_in() -> tuple[int, bytes]:
    """Let users in after longer than anybody waits."""
    time.sleep(3)
    return 200, b'{"token": "t"}'


def test_a8_portals_that_stand_still_are_red(offered: Callable[..., Offered]) -> None:
    """Whoever waits for a log-in in vain is not the generator's trouble."""
    found = offered(wait=stands_still, log_in=slow_log_in)
    assert any("logging in to be nothing, found no answer in time" in one for one in red(found))


@pytest.mark.parametrize(
    ("answer", "words"),
    [((503, b""), "HTTP 503"), ((200, b"<html>"), "an answer without a token")],
)
def test_a8_a_log_in_that_fails_is_red(
    offered: Callable[..., Offered], answer: tuple[int, bytes], words: str
) -> None:
    """The reason says what a user meets."""
    found = offered(log_in=lambda: answer)
    assert any(f"logging in to be nothing, found {words}" in one for one in red(found))


def test_a8_who_is_shut_out_is_so_whatever_the_generator_did_later() -> None:
    """It was asked before there was any load: a busy process is no excuse."""
    found = read(TEST, [FOUR], [*many(40, FOUR), summary(shut_out="HTTP 503", busy=0.95)])
    assert any("logging in to be nothing, found HTTP 503" in one for one in red(found))


def test_a8_a_user_who_is_refused_is_no_finding(offered: Callable[..., Offered]) -> None:
    """A wrong password in the environment file says nothing about the site."""
    with pytest.raises(AccessDenied, match="refuses the synthetic user: HTTP 401"):
        offered(log_in=lambda: (401, b"{}"))


def test_a8_a_load_that_ends_in_its_warm_up_is_red() -> None:
    """Nothing of the window was asked, and that is what users get."""
    lines = [sample(-1 + n / 30, problem="TimeoutError", took=2.0) for n in range(25)]
    early = "25 of 25 requests failed: TimeoutError"
    ended, failures, *_ = red(read(TEST, [FOUR], [*lines, summary(aborted=early)]))
    assert ended == f"students: expected why it ended early to be none, found {early}"
    assert "percent of requests that failed (the first: TimeoutError) at most 1" in failures


def test_a8_a_generator_in_trouble_blames_nobody_for_an_early_end() -> None:
    """The same, by a process that was busy all the time: only that it ended early is red."""
    lines = [sample(-1 + n / 30, problem="TimeoutError", took=2.0) for n in range(25)]
    found = read(TEST, [FOUR], [*lines, summary(aborted="25 failed", busy=0.95)])
    assert [one for one in red(found) if "percent of requests that failed" in one] == []


def red(found: Offered) -> list[str]:
    """The claims that are a definite no."""
    return [one[len("no: ") :] for one in judged(found) if one.startswith("no: ")]


def test_a8_the_control_is_green_here(tmp_path: Path) -> None:
    """This machine's generator asks and is answered, log-in included."""
    login = {"path": "/login", "user": "canary", "password": "env:NONE"}
    written = json.loads(TEST.model_dump_json()) | {"login": login}
    written["pages"][0]["logged_in"] = True
    prove_generator(LoadTest.model_validate_json(json.dumps(written)), tmp_path / "control.jsonl")
    assert len((tmp_path / "control.jsonl").read_text().splitlines()) == 61


POOR = """
import resource, sys
from pathlib import Path
from readiness.site.declared.load import LoadTest
from readiness.drills.load import prove_generator
from readiness.model.errors import ProbeError
resource.setrlimit(resource.RLIMIT_NOFILE, (40, 40))
try:
    prove_generator(LoadTest.model_validate_json(sys.stdin.read()), Path(sys.argv[1]))
except ProbeError as error:
    print(error)
"""


def test_a8_a_machine_that_can_not_ask_is_told_apart(tmp_path: Path) -> None:
    """Without file descriptors the control fails, and nothing is asked of the site."""
    done = subprocess.run(
        [sys.executable, "-c", POOR, str(tmp_path / "control.jsonl")],
        input=TEST.model_dump_json(), capture_output=True, text=True, timeout=60, check=False,
    )  # fmt: skip
    assert done.stdout.startswith("students: "), done.stderr
    assert "generator failed" in done.stdout


LAB = load_environment(ROOT / "environments/lab.yaml")
(DECLARED,) = LAB.load_tests


class Offering:
    """The generator's process, simulated: each start is counted, and the n-th ends as told."""

    def __init__(self, failing: int, ending: BaseException | None) -> None:
        self.failing, self.ending = failing, ending
        self.asked: list[str] = []

    def __call__(self, test: LoadTest, orders: dict[str, Any]) -> None:
        """Offer the load and write its samples, unless this start shall fail."""
        self.asked.append(orders["host"])
        if len(self.asked) == self.failing and self.ending is not None:
            raise self.ending
        count = round(test.rate * test.duration)
        lines = [
            sample(n / test.rate, orders["pages"][n % 3]["name"], address=orders["addresses"][0])
            for n in range(count)
        ]
        Path(orders["output"]).write_text("\n".join([*lines, summary()]))


def offered_with(offering: Offering, folder: Path, patch: pytest.MonkeyPatch) -> Any:
    """The fixture that checks ask, on the lab's declaration; nothing leaves this machine."""
    patch.setattr(load, "generate", offering)
    patch.setattr(
        fixtures, "mint", lambda _: Permit("run", Case("LOAD-001", "students"), Tier.LOAD)
    )
    patch.setattr(target_lease, "hold", lambda *_: None)
    patch.setattr(Environment, "secret", lambda *_: "word")
    patch.setattr(Environment, "content", lambda *_: b"")
    run = SimpleNamespace(environment=LAB, folder=folder, once=Once(), journeys={})
    look = SimpleNamespace(forget=lambda: None, note=lambda subject, _, one: Found(one, subject, 0))
    ask = fixtures.load._get_wrapped_function()
    return ask(run, SimpleNamespace(look=look))


@pytest.mark.parametrize("failing", [1, 2])
@pytest.mark.parametrize("ending", [TimedOut("did not end"), NotUnderstood("failed: no room")])
def test_a8_whichever_start_of_the_generator_fails_each_check_is_told_why(
    failing: int, ending: Exception, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Never a FileExistsError; where the control failed, nothing was asked of the site."""
    offering = Offering(failing, ending)
    ask = offered_with(offering, tmp_path, monkeypatch)
    for _ in range(3):
        with pytest.raises(type(ending), match=str(ending)):
            ask(DECLARED)
    site = LAB.listener(DECLARED.listener).names[0]
    assert offering.asked == ["control.test", site][:failing]


def test_a8_a_load_that_was_interrupted_is_not_offered_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whoever ended it hears of it, the next check that it was ended."""
    offering = Offering(2, KeyboardInterrupt())
    ask = offered_with(offering, tmp_path, monkeypatch)
    with pytest.raises(KeyboardInterrupt):
        ask(DECLARED)
    with pytest.raises(ProbeError, match="ended early"):
        ask(DECLARED)
    assert len(offering.asked) == 2


def test_a8_the_control_stands_before_the_load(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Both are offered, in this order, and what is judged is the load at the site."""
    offering = Offering(0, None)
    found = offered_with(offering, tmp_path, monkeypatch)(DECLARED)
    assert len(offering.asked) == 2
    assert found.reading.due == 1500
