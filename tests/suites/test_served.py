"""The checks of what users notice behind a balancer, green and red without a lab."""

import runpy
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from readiness.drills.client_address import PLAIN, ClientsSeen, SeenBy
from readiness.drills.served_trial import CONTROL, ServedTrial, Slow, shows_nothing
from readiness.evidence.claim import CURRENT, Answer, Found
from readiness.measure.measurement import Measurement, digest_of
from readiness.model.errors import NotUnderstood
from readiness.running.balancing_fixtures import ServedDrilled
from readiness.site.documents import load_environment
from readiness.site.subjects import backends
from readiness.systems.balancing.declared import balanced

ROOT = Path(__file__).parents[2]
ROTATION = runpy.run_path(str(ROOT / "suites/balancer/test_broken_and_drained.py"))
FAILOVER = runpy.run_path(str(ROOT / "suites/failover/test_served_failover.py"))
ADDRESS = runpy.run_path(str(ROOT / "suites/balancer/test_client_address.py"))
SITE = load_environment(ROOT / "environments/balanced.yaml")
(WEB1, *_) = backends(SITE)
(PORTAL,) = balanced(SITE)


def figure(upper: float, unit: str = "s") -> Measurement:
    """A figure that is about this."""
    return Measurement("x", upper, max(upper - 0.5, 0.0), upper, unit, 0.5, 20, digest_of(()))


GOOD = replace(
    shows_nothing(1, CONTROL, ""),
    way="error",
    control=False,
    victim="web1",
    outages={"portal/shared/v4": figure(3.0), "portal/shared/v6": figure(4.0)},
    right_after=figure(1.5),
    failed=0,
    failed_after=0,
    answers_after=0,
    status={"edge1": "DOWN", "edge2": "DOWN"},
    returned=2.0,
    slow=(Slow("edge1", 2, 0), Slow("edge2", 1, 0)),
    owners={"198.18.53.100": ("edge1",), "2001:2:0:53::100": ("edge1",)},
    lost=figure(0, "writes"),
    wrong={"unexpected": 0, "corrupt": 0},
)
QUIET = replace(GOOD, number=0, control=True, way="control")


@pytest.fixture(autouse=True)
def reasons() -> Iterator[list[str]]:
    """What the checks claim, as people will read it."""
    said: list[str] = []

    def claim(claim: Any, **_: object) -> None:
        if claim.answer is Answer.UNKNOWN:
            raise NotUnderstood(str(claim))
        said.append(str(claim))

    token = CURRENT.set(SimpleNamespace(claim=claim))
    yield said
    CURRENT.reset(token)


def drilled(trial: ServedTrial, control: ServedTrial = QUIET) -> Any:
    """A drill with one trial."""
    return lambda _: ServedDrilled(Found(control, "portal", 0), (Found(trial, "portal/web1", 1),))


def confident(*_: object) -> None:
    """Nothing is noted."""


def judge(check: str, trial: ServedTrial, control: ServedTrial = QUIET) -> None:
    """Ask one check about a trial."""
    drill = drilled(trial, control)
    if check in ROTATION:
        ROTATION[check](WEB1, drill, SITE, confident)
    elif check == "test_balancer_is_replaced_in_time":
        FAILOVER[check](PORTAL, drill, SITE, confident)
    elif check == "test_backend_is_replaced_in_time":
        FAILOVER[check](WEB1, drill, SITE, confident)
    else:
        FAILOVER[check](WEB1 if "backend" in check else PORTAL, drill, confident)


CHECKS = (
    "test_broken_server_leaves",
    "test_drained_server_ends_what_it_does",
    "test_balancer_is_replaced_in_time",
    "test_nothing_is_lost_with_the_balancer",
    "test_backend_is_replaced_in_time",
    "test_nothing_is_lost_with_the_backend",
)
BROKEN, DRAINED, MOVED, KEPT, REPLACED, STORED = CHECKS
RED = [
    (BROKEN, {"right_after": figure(9.0)}, "time until users were right in trial 1"),
    (BROKEN, {"answers_after": 3}, "answers of web1 after that in trial 1"),
    (BROKEN, {"status": {"edge1": "DOWN", "edge2": "UP"}}, r"edge2 calls it up"),
    (BROKEN, {"status": {"edge2": "UP 1/2"}}, r"edge2 calls it up"),
    (BROKEN, {"returned": None}, "web1 serves again after trial 1"),
    (BROKEN, {"returned": 40.0}, "time until web1 served again"),
    (BROKEN, {"failed_after": 2}, "failures while it came back"),
    (DRAINED, {"slow": (Slow("edge1", 2, 0), Slow("edge2", 2, 1))}, "slow requests cut at edge2"),
    (DRAINED, {"failed": 1}, "failed requests in trial 1"),
    (DRAINED, {"answers_after": 1}, "answers of web1 once it was drained"),
    (DRAINED, {"returned": None}, "web1 serves again"),
    (MOVED, {"outages": {"portal/shared/v6": figure(20.0)}}, "outage of portal/shared/v6"),
    (MOVED, {"owners": {"198.18.53.100": ("edge1", "edge2")}}, "holders of 198.18.53.100"),
    (MOVED, {"owners": {"198.18.53.100": ()}}, "holders of 198.18.53.100"),
    (KEPT, {"lost": figure(3, "writes")}, "acknowledged writes lost in trial 1"),
    (KEPT, {"wrong": {"corrupt": 1}}, "corrupt writes in trial 1"),
    (REPLACED, {"outages": {"portal/edge2/v4": figure(11.0)}}, "outage of portal/edge2/v4"),
    (REPLACED, {"returned": None}, "web1 serves again after trial 1"),
    (STORED, {"lost": figure(1, "writes")}, "acknowledged writes lost in trial 1"),
]


@pytest.mark.parametrize("check", CHECKS)
def test_a_trial_in_which_users_notice_little_is_green(check: str, reasons: list[str]) -> None:
    """Everything within what is declared."""
    judge(check, GOOD)
    assert reasons


@pytest.mark.parametrize(("check", "change", "said"), RED)
def test_what_users_notice_is_red_with_its_reason(
    check: str, change: dict[str, Any], said: str, reasons: list[str]
) -> None:
    """The reason names what, where and in which trial."""
    with pytest.raises(AssertionError):
        judge(check, replace(GOOD, **change))
    assert said in reasons[-1]


@pytest.mark.parametrize("check", CHECKS)
def test_a_trial_that_shows_nothing_is_neither_green_nor_red(check: str) -> None:
    """Nor is one whose control trial saw a failure of the harness."""
    with pytest.raises(NotUnderstood, match="the generator was late"):
        judge(check, replace(GOOD, problem="the generator was late"))
    with pytest.raises(NotUnderstood, match="without a disturbance"):
        judge(check, GOOD, replace(QUIET, problem="the trial without a disturbance saw 2"))
    with pytest.raises(NotUnderstood):
        judge(check, shows_nothing(1, CONTROL, "broken off"))


def test_a_drain_without_a_slow_request_on_its_way_shows_nothing() -> None:
    """Nobody knows whether the balancer would have waited."""
    with pytest.raises(NotUnderstood, match="slow requests of web1 at edge2"):
        judge(DRAINED, replace(GOOD, slow=(Slow("edge1", 1, 0), Slow("edge2", 0, 0))))


def test_a_status_that_nobody_knows_is_neither_green_nor_red() -> None:
    """Statistics that do not answer, or name no such server."""
    with pytest.raises(NotUnderstood, match="edge2 calls it up"):
        judge(BROKEN, replace(GOOD, status={"edge1": "DOWN", "edge2": "unknown: no answer"}))


# Whom a server sees


def seen(client: str, kind: str = PLAIN) -> SeenBy:
    """What web1 said through one edge."""
    return SeenBy("portal/edge2/v4", "web1", kind, ("198.18.53.5",), client)


def asked(*found: SeenBy, silent: tuple[str, ...] = ()) -> None:
    """Ask the check about web1."""
    reading = ClientsSeen(found, silent)
    ADDRESS["test_client_is_seen"](WEB1, lambda _: Found(reading, "portal/web1", 1))


def test_a_server_that_sees_us_is_green(reasons: list[str]) -> None:
    """One that others see wrongly is theirs."""
    asked(seen("198.18.53.5"), replace(seen("192.0.2.66"), server="web2"))
    assert len(reasons) == 1


def test_a_server_that_sees_another_is_red(reasons: list[str]) -> None:
    """The reason has what it saw, of which request, and where we came from."""
    with pytest.raises(AssertionError):
        asked(seen("198.18.53.5"), seen("192.0.2.66", "with a forged X-Forwarded-For"))
    assert "192.0.2.66 with a forged X-Forwarded-For through portal/edge2/v4" in reasons[0]


@pytest.mark.parametrize("silent", [(), ("web1 as it is through portal/edge1/v4 (late)",)])
def test_a_server_that_does_not_answer_is_unknown(silent: tuple[str, ...]) -> None:
    """Nobody knows whom it sees, there or anywhere."""
    with pytest.raises(NotUnderstood, match="no answer of"):
        asked(*([seen("198.18.53.5")] if silent else []), silent=silent)
