"""The checks of the planted attack, green and red without a lab."""

import runpy
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from readiness.drills.intrusion import Door, Noticed, Struck
from readiness.drills.intrusion_looks import Watched
from readiness.evidence.claim import CURRENT, Found
from readiness.measure.measurement import Measurement, digest_of
from readiness.model.errors import NotRun, NotUnderstood
from readiness.site.documents import load_environment
from readiness.systems.intrusion.declared import Target, targets
from readiness.systems.intrusion.reading import Attempts, DoorAt

ROOT = Path(__file__).parents[2]
SUITE = runpy.run_path(str(ROOT / "suites/intrusion/test_planted_attack.py"))
SITE = load_environment(ROOT / "environments/guarded.yaml")
EDGE: Target = targets(SITE)[0]
SOURCES = ("198.18.55.66", "2001:2:0:55::66")


def taking(low: float, high: float) -> Measurement:
    """So many seconds, at least and at most."""
    return Measurement(
        "time", (low + high) / 2, low, high, "s", 0.5, 3, digest_of([f"{low} {high}"])
    )


def noticed() -> tuple[Noticed, ...]:
    """Both addresses, after two to four seconds."""
    return tuple(Noticed(one, taking(2, 4), 5) for one in SOURCES)


GOOD = Struck(
    machine="edge1",
    attempts=tuple(Attempts(one, "here", 4, "refused") for one in SOURCES),
    detected=noticed(),
    alerted=noticed(),
    doors=(
        Door("v4 22/ssh", taking(2, 4), taking(18, 24), open_at_the_end=True, served_us=True),
        Door("v6 22/ssh", taking(2, 4), taking(18, 40), open_at_the_end=True, served_us=True),
    ),
)


def judged(check: str, struck: Struck, target: Target = EDGE) -> list[str]:
    """What the check claims of such a trial; it fails as it would in a gate."""
    said: list[str] = []
    log: Any = SimpleNamespace(claim=lambda claim, **_: said.append(str(claim)))
    token = CURRENT.set(log)
    confirmed: Callable[[int, str], None] = lambda *_: None  # noqa: E731
    try:
        SUITE[check](target, lambda _: (Found(struck, target.id, 1),), confirmed)
    except AssertionError:
        return said[-1:]
    finally:
        CURRENT.reset(token)
    return []


def door(**more: Any) -> Struck:
    """A trial whose last door is like that."""
    return replace(GOOD, doors=(GOOD.doors[0], replace(GOOD.doors[1], **more)))


@pytest.mark.parametrize("check", ["test_detected", "test_blocked", "test_told"])
def test_a_site_that_defends_itself_is_green(check: str) -> None:
    """Noticed, closed, open again and told of."""
    assert judged(check, GOOD) == []


@pytest.mark.parametrize(
    ("check", "struck", "reason"),
    [
        (
            "test_detected",
            replace(GOOD, detected=(GOOD.detected[0], Noticed(SOURCES[1], None, 9))),
            "addresses whose attack was not detected to be none, found 2001:2:0:55::66",
        ),
        (
            "test_detected",
            replace(GOOD, detected=tuple(Noticed(one, taking(40, 42), 9) for one in SOURCES)),
            "time until the attack of 198.18.55.66 was detected at most 30, found 40 s to 42 s",
        ),
        (
            "test_blocked",
            door(closed=None, held=None),
            "doors that went on to serve the source to be none, found v6 22/ssh",
        ),
        (
            "test_blocked",
            door(held=taking(1, 3)),
            "time that v6 22/ssh stayed closed to the source at least 8, found 1 s to 3 s",
        ),
        (
            "test_blocked",
            door(open_at_the_end=False),
            "doors that were still closed to the source after 45 s to be none, found v6 22/ssh",
        ),
        (
            "test_blocked",
            door(served_us=False),
            "doors that did not serve others while the source was blocked to be none, found v6",
        ),
        (
            "test_told",
            replace(GOOD, alerted=(GOOD.alerted[0], Noticed(SOURCES[1], None, 9))),
            "addresses whose attack was not told of to be none, found 2001:2:0:55::66",
        ),
        (
            "test_told",
            replace(GOOD, attempts=(Attempts(SOURCES[0], "here", 0, "refused"),)),
            "attempts of 198.18.55.66 that were answered at least 1, found 0",
        ),
    ],
)
def test_what_is_missing_is_red(check: str, struck: Struck, reason: str) -> None:
    """And the reason names address or door, and what was expected."""
    (said,) = judged(check, struck)
    assert reason in said


def test_who_can_not_say_what_he_noticed_is_no_finding() -> None:
    """A dead command is inconclusive; whether the source was blocked is known all the same."""
    silent = replace(GOOD, silent="edge1: the detection says: no such file", detected=())
    with pytest.raises(NotUnderstood, match="no such file"):
        judged("test_detected", silent)
    assert judged("test_blocked", silent) == []
    with pytest.raises(NotUnderstood, match="desk1"):
        judged("test_told", replace(GOOD, untold="desk1: refused"))


def test_who_is_told_has_to_be_declared() -> None:
    """The key is named."""
    alone = replace(EDGE, intrusion=EDGE.intrusion.model_copy(update={"alert": None}))
    with pytest.raises(NotRun) as caught:
        judged("test_told", GOOD, alone)
    assert caught.value.declare == "`alert` of the intrusion"


def watched(*looks: bool) -> Watched:
    """A door after looks a second apart, which found it open or not and took half a second."""
    one = Watched(DoorAt("edge1", SOURCES[0], "198.18.55.11", 22, "ssh"))
    for second, open_ in enumerate(looks):
        one.look(open_=open_, before=float(second), now=second + 0.5)
    return one


def test_a_door_that_is_missed_once_is_not_closed() -> None:
    """A packet may be lost: two looks in a row have to find it closed."""
    one = watched(True, False, True, False, True)
    assert (one.closed(), one.held()) == (None, None)


def test_how_long_a_door_was_closed_is_a_bracket() -> None:
    """From the last look that found it open and the first that did not, and so at its end."""
    one = watched(True, True, False, False, False, True, True)
    closed, held = one.closed(), one.held()
    assert closed is not None
    assert held is not None
    assert (closed.lower, closed.upper) == (1.0, 2.5)
    assert (held.lower, held.upper) == (1.5, 4.5)


def test_a_moment_before_the_block_is_not_the_block() -> None:
    """A server that refuses by itself, as newer OpenSSH does, and is open until the block comes."""
    held = watched(True, False, False, True, False, False, False, False, False, True).held()
    assert held is not None
    assert (held.lower, held.upper) == (3.5, 6.5)


def test_a_door_that_is_still_closed_was_closed_for_at_least_so_long() -> None:
    """Its end is that of the newest look."""
    held = watched(True, False, False, False).held()
    assert held is not None
    assert (held.lower, held.upper) == (1.5, 3.5)
