"""The checks of central logs that write lines or stop something, green and red without a lab."""

import runpy
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from readiness.drills.log_lines import CanaryLine, Seen
from readiness.drills.log_loss import LogLoss, Numbered
from readiness.drills.log_rights import LogRights
from readiness.drills.log_values import Searched
from readiness.evidence.claim import CURRENT, Found
from readiness.measure.measurement import Measurement, digest_of
from readiness.model.errors import NotUnderstood, Unreachable
from readiness.site.documents import load_environment
from readiness.systems.logs.declared import DAY, LogNode, Logs, sources, stores
from readiness.systems.logs.reading import LogDoor, LogsKept

ROOT = Path(__file__).parents[2]
LINES = runpy.run_path(str(ROOT / "suites/logging/test_lines.py"))
ACCESS = runpy.run_path(str(ROOT / "suites/logging/test_access.py"))
SITE = load_environment(ROOT / "environments/logged.yaml")
NODE = "central/log1"


@pytest.fixture
def reasons() -> Iterator[list[str]]:
    """What the check claims, as people will read it."""
    said: list[str] = []
    token = CURRENT.set(SimpleNamespace(claim=lambda claim, **_: said.append(str(claim))))
    yield said
    CURRENT.reset(token)


def logs() -> Logs:
    """The central log of the lab."""
    return stores(SITE)[0]


def found(reading: Any) -> Callable[..., Found[Any]]:
    """What finds this reading, whoever is asked about."""
    return lambda *_: Found(reading, NODE, 0)


def took(seconds: float | None) -> Measurement:
    """How long a line took."""
    many = 0 if seconds is None else 1
    return Measurement("found", seconds, seconds, seconds, "s", 0.25, many, digest_of(()))


def seen(**other: Any) -> Seen:
    """A line as it should be, but for what is named."""
    right = {"copies": 1, "hosts": ("web1",), "levels": ("warning",), "off": 0.0, "after": took(1)}
    return Seen(**{**right, **other})


def line(one: Seen) -> None:
    """Judge a line of web1."""
    reading = CanaryLine("web1", {NODE: one})
    LINES["test_a_line_is_found"](sources(SITE)[1], found(reading))


@pytest.mark.parametrize(
    "one",
    [
        seen(),
        seen(hosts=("web1.example.edu",)),
        seen(hosts=("WEB1",)),
        seen(levels=("WARN",)),
        seen(levels=("4",)),
        seen(off=-59.0),
    ],
)
def test_a_line_that_is_right_is_green(one: Seen) -> None:
    """Full names, other words for the level, and clocks within what is declared."""
    line(one)


@pytest.mark.parametrize(
    ("one", "said"),
    [
        (seen(copies=0, hosts=(), levels=(), off=None, after=took(None)), "at least 1, found 0"),
        (seen(copies=2), "at most 1, found 2"),
        (seen(hosts=("web2",)), "that it is not to be none, found web2"),
        (seen(hosts=("web10",)), "that it is not to be none, found web10"),
        (seen(hosts=("none",)), "that it is not to be none, found none"),
        (seen(levels=("info",)), "to be among 4, warn, warning, found info"),
        (seen(off=3600.0), "at most 60, found 3600"),
        (seen(off=-3600.0), "at most 60, found 3600"),
        (seen(off=None), "at most 60, found nothing"),
        (seen(after=took(11)), "at most 10, found 11"),
    ],
)
def test_a_line_that_is_wrong_is_not_green(one: Seen, said: str, reasons: list[str]) -> None:
    """The last claim tells why."""
    with pytest.raises(AssertionError):
        line(one)
    assert said in reasons[-1], reasons[-1]


def counted(*numbered: Numbered) -> list[tuple[int, str]]:
    """Judge a drill; what it says of trials."""
    told: list[tuple[int, str]] = []
    loss = LogLoss(3, ("web1 was without rsyslog.service",), numbered)
    LINES["test_no_line_is_lost"](logs(), found(loss), lambda *words: told.append(words))
    return told


def numbered(machine: str, many: int = 500, copies: int = 1, after: float = 9.0) -> Numbered:
    """What was found of a machine's lines."""
    missing = () if many == 500 else ("7",)
    return Numbered(machine, NODE, 500, many, copies, missing, None if missing else after)


def test_a_drill_without_a_loss_tells_of_its_trials() -> None:
    """Each collector that was stopped is one."""
    told = counted(*(numbered(one) for one in ("log1", "web1", "web2")))
    assert [many for many, _ in told] == [3]


@pytest.mark.parametrize(
    ("last", "said"),
    [
        ((numbered("web2", 499),), "lines of web2 missing at central/log1 (the first 7) to be 0"),
        ((numbered("web2", copies=2),), "copies of a line of web2 at most 1, found 2"),
        (
            (numbered("web2", after=200.0),),
            "until all lines of web2 were found at central/log1 at most 150, found 200",
        ),
        ((), "machines counted at nodes to be 3, found 2"),
    ],
)
def test_a_drill_with_a_loss_is_red(
    last: tuple[Numbered, ...], said: str, reasons: list[str]
) -> None:
    """So is one that kept a line twice, and one that did not count everybody."""
    with pytest.raises(AssertionError):
        counted(numbered("log1"), numbered("web1"), *last)
    assert said in reasons[-1], reasons[-1]


def rights(**other: Any) -> None:
    """Judge rights that are apart, but for what is named."""
    right = {
        "reader": {"add a line": 403, "delete a line": 403},
        "writer": {"delete a line": 403, "read every line": 403},
    }
    node = logs().nodes[0]
    ACCESS["test_rights_are_apart"](node, found(LogRights(**{**right, **other})))


def test_rights_that_are_apart_are_green() -> None:
    """Each attempt was refused to somebody who is known."""
    rights()


@pytest.mark.parametrize("status", [200, 201, 404, 409, 401])
def test_one_right_too_many_is_red(status: int, reasons: list[str]) -> None:
    """Whatever is answered but a refusal."""
    with pytest.raises(AssertionError):
        rights(writer={"read every line": 403, "delete a line": status})
    assert f"to who ships, to delete a line to be 403, found {status}" in reasons[-1]


def test_a_login_that_nobody_knows_tried_nothing() -> None:
    """A wrong password is refused everything, and shows nothing."""
    with pytest.raises(NotUnderstood, match="the login of who ships is refused"):
        rights(writer={"delete a line": 401, "read every line": 401})


def searched(control: dict[str, int], canaries: dict[str, int], **other: Any) -> None:
    """Judge a search."""
    reading = Searched(control, canaries, **other)
    ACCESS["test_no_line_has_a_persons_value"](logs(), found(reading))


CONTROL = {"control plain": 1, "control base64": 3}
NONE = {f"never[{place}] {how}": 0 for place in range(3) for how in ("plain", "base64")}


def test_a_value_that_is_nowhere_is_green() -> None:
    """Where the control shows that it would be found."""
    searched(CONTROL, NONE)


@pytest.mark.parametrize(
    ("control", "canaries", "said"),
    [
        (CONTROL, {**NONE, "never[0] base64": 2}, "found never[0] base64 in 2 lines"),
        ({**CONTROL, "control base64": 0}, NONE, "(not control base64) to be all, found nothing"),
        ({}, NONE, "to be all, found nothing"),
        (CONTROL, {"never[0] plain": 0}, "values looked for to be 3, found 1"),
    ],
)
def test_a_search_that_finds_or_sees_nothing_is_not_green(
    control: dict[str, int], canaries: dict[str, int], said: str, reasons: list[str]
) -> None:
    """A value that is there is red; an encoding that can't be seen is unknown."""
    with pytest.raises(AssertionError):
        searched(control, canaries)
    assert said in reasons[-1], reasons[-1]


@pytest.mark.parametrize(
    ("other", "said"),
    [
        ({"unseen": ("original",)}, "a search sees (not original) to be all, found nothing"),
        ({"hidden": 3}, "login is shown (not 3 of them) to be all, found nothing"),
    ],
)
def test_what_is_not_seen_may_hold_anything(
    other: dict[str, Any], said: str, reasons: list[str]
) -> None:
    """It is not green, and it is no finding either; one that is seen is."""
    with pytest.raises(AssertionError):
        searched(CONTROL, NONE, **other)
    assert said in reasons[-1], reasons[-1]
    with pytest.raises(AssertionError):
        searched(CONTROL, {**NONE, "never[0] plain": 1}, **other)
    assert "found never[0] plain in 1 lines" in reasons[-1], reasons[-1]


STORE = runpy.run_path(str(ROOT / "suites/logging/test_store.py"))


def kept(began: datetime | None = None, **other: Any) -> None:
    """Judge how long lines are kept, as they are but for what is named."""
    now = datetime(2026, 12, 1, 12, tzinfo=UTC)
    right: dict[str, Any] = {
        "asked": now.timestamp(),
        "lines": 99,
        "oldest": now.timestamp() - 13 * DAY,
        "too_old": 0,
        "too_old_in": (),
        "untimed": 0,
        "days_without": (),
        "days": 10,
        "gaps": {"log1": (), "web1": (), "web2": ()},
        "part": DAY,
        "hidden": 0,
        "closed_and_old": (),
    }
    node = logs().nodes[0]
    if began is not None:
        store = node.store.model_copy(update={"began": {"web2": began.date()}})
        node = LogNode(store, node.machine)
    STORE["test_lines_are_kept_as_declared"](node, found(LogsKept(**{**right, **other})))


def test_a_machine_that_began_later_has_no_older_lines() -> None:
    """From the day after it began on there are lines of each day."""
    kept()
    gaps = {"log1": (), "web1": (), "web2": (3, 4, 5, 6, 7, 8, 9)}
    kept(began=datetime(2026, 11, 28, tzinfo=UTC), gaps=gaps)


@pytest.mark.parametrize(
    ("began", "other", "said"),
    [
        (None, {"gaps": {"log1": (), "web1": (), "web2": (8, 9)}}, "of web2 to be none, found 8"),
        (
            datetime(2026, 11, 25, tzinfo=UTC),
            {"gaps": {"log1": (), "web1": (), "web2": (4, 9)}},
            "of web2 to be none, found 4",
        ),
        (None, {"gaps": {"log1": ()}}, "machines looked for to be 3, found 1"),
        (None, {"hidden": 7}, "shown (not 7 of them) to be all, found nothing"),
    ],
)
def test_a_machine_without_lines_of_a_day_is_red(
    began: datetime | None, other: dict[str, Any], said: str, reasons: list[str]
) -> None:
    """Whatever the others have; what is hidden is unknown."""
    with pytest.raises(AssertionError):
        kept(began=began, **other)
    assert said in reasons[-1], reasons[-1]


def doors(*two: LogDoor) -> None:
    """Judge the two addresses of a node."""
    node: LogNode = logs().nodes[0]
    left = [Found(one, NODE, number) for number, one in enumerate(two)]
    ACCESS["test_nobody_reads_without_a_login"](node, lambda *_: left.pop(0))


SHUT = LogDoor(is_open=False)
KNOWN = {"admin": 401, "readall": 401}
RIGHT = LogDoor(
    is_open=True, stranger={"/": 401, "/_search": 401}, guess=401, known=KNOWN, reader=200
)


@pytest.mark.parametrize("second", [RIGHT, SHUT])
def test_a_door_that_is_shut_or_guarded_is_green(second: LogDoor) -> None:
    """A store that listens on one family only serves nobody on the other."""
    doors(RIGHT, second)


@pytest.mark.parametrize(
    "second",
    [
        LogDoor(is_open=True, stranger={"/": 200}, guess=401, reader=200),
        LogDoor(is_open=True, stranger={"/": 401}, guess=200, reader=200),
        LogDoor(is_open=True, stranger={"/": 401}, guess=401, reader=403),
        LogDoor(is_open=True, in_the_clear=200),
        LogDoor(is_open=True, in_the_clear=401),
        LogDoor(is_open=True),
        replace(RIGHT, known={**KNOWN, "readall": 200}),
        replace(RIGHT, known={**KNOWN, "readall": 403}),
        replace(RIGHT, known={}),
    ],
)
def test_a_door_that_is_open_on_one_address_is_not_green(second: LogDoor) -> None:
    """The other one says nothing of it."""
    with pytest.raises(AssertionError):
        doors(RIGHT, second)


def test_a_store_that_is_not_there_is_no_finding() -> None:
    """Nothing was asked."""
    with pytest.raises(Unreachable, match="it is open at none of its addresses"):
        doors(SHUT, SHUT)
