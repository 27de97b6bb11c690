"""The check of what moves a shared address, green, red and undecided without a lab."""

import runpy
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from replay import load

from readiness.catalogue.checks import load_catalogue
from readiness.evidence.claim import CURRENT, Found
from readiness.model.errors import NotRun, NotUnderstood, ProbeError
from readiness.site.needs import NEEDS, Why, missing
from readiness.systems.keepalived.file import Configuration, Mover, TrackedScript
from readiness.systems.keepalived.reading import Keepalived, Log, State

CHECK: Any = runpy.run_path(
    str(Path(__file__).parents[2] / "suites/balancer/test_address_moves.py")
)
VIP = "192.0.2.10"
ALIVE = TrackedScript("alive", "/usr/local/bin/alive", weight=0, interval=1, timeout=1)
PREFERRED = TrackedScript("preferred", "/usr/local/bin/preferred", weight=20, interval=1, timeout=1)


def configured(*scripts: TrackedScript, **more: Any) -> Configuration:
    """A configuration in which these scripts, and what else is said, decide about the address."""
    mover = Mover("v4", scripts, more.pop("programs", ()), more.pop("links", ()))
    tracked = more.pop("tracked", tuple(one.name for one in scripts))
    parts = {"movers": {VIP: mover}, "tracked": tracked, "serves": False, "whole": True}
    return Configuration(**(parts | more))


def log(*, whole: bool = True, **scripts: State) -> Log:
    """What became of each script."""
    return Log(whole, 1.0, 44, scripts, (), ())


HEALTHY = Keepalived(
    processes=2,
    configuration=configured(ALIVE),
    problem="",
    log=log(alive=State.SUCCEEDS),
    unchanged=True,
    runs_something=True,
    programs={ALIVE.program: True, PREFERRED.program: True},
)


@pytest.fixture
def reasons() -> Iterator[list[str]]:
    """What the check claims, as people will read it."""
    said: list[str] = []
    token = CURRENT.set(SimpleNamespace(claim=lambda claim, **_: said.append(str(claim))))
    yield said
    CURRENT.reset(token)


def ask(**readings: Keepalived | Exception) -> None:
    """Call the check on a balancer whose machines answer like this."""
    balancer = SimpleNamespace(name="portal", listener="portal", may_hold=tuple(readings))
    site = SimpleNamespace(
        balancers=[balancer],
        listener=lambda _: SimpleNamespace(shared_addresses=(VIP,)),
        machine=lambda name: SimpleNamespace(name=name),
    )

    def asked(_: object, machine: Any) -> Found[Keepalived]:
        reading = readings[machine.name]
        if isinstance(reading, Exception):
            raise reading
        return Found(reading, machine.name, 0)

    CHECK["test_health_check_is_in_force"](site, asked)


GREEN = {
    "a script that ran": HEALTHY,
    "a tracked process": replace(
        HEALTHY, configuration=configured(programs=("track_process haproxy",)), log=log(),
        runs_something=None,
    ),
    "a script that is unsafe and that nothing follows": replace(
        HEALTHY, log=log(alive=State.SUCCEEDS, unused=State.DISABLED)
    ),
    "another address's script is disabled": replace(
        HEALTHY,
        configuration=configured(ALIVE, tracked=("alive", "theirs")),
        log=log(alive=State.SUCCEEDS, theirs=State.DISABLED),
    ),
    "a script with a weight that fails on purpose": replace(
        HEALTHY,
        configuration=configured(ALIVE, PREFERRED),
        log=log(alive=State.SUCCEEDS, preferred=State.FAILS),
    ),
    "a log that has forgotten the start of a lone script": replace(
        HEALTHY, log=log(whole=False)
    ),
    "keepalived is the balancer": replace(
        HEALTHY, configuration=configured(serves=True), log=log(), runs_something=None
    ),
    "bound to the balancer's unit": replace(
        HEALTHY, configuration=configured(), log=log(), runs_something=None,
        bound_to=("haproxy.service",),
    ),
    "a long interval, which nobody waited for": replace(HEALTHY, runs_something=None),
}  # fmt: skip
RED = {
    "its program was removed after the start": (
        replace(HEALTHY, programs={ALIVE.program: False}),
        "found alive has lost its program",
    ),
    "disabled": (replace(HEALTHY, log=log(alive=State.DISABLED)), "found alive is disabled"),
    "disabled, the log names its path only": (
        replace(HEALTHY, log=replace(log(alive=State.SUCCEEDS), refused=(ALIVE.program,))),
        "found alive is disabled",
    ),
    "disabled beside one that runs": (
        replace(
            HEALTHY,
            configuration=configured(ALIVE, PREFERRED),
            log=log(alive=State.DISABLED, preferred=State.SUCCEEDS),
        ),
        "found alive is disabled",
    ),
    "fails": (replace(HEALTHY, log=log(alive=State.FAILS)), "found alive fails"),
    "nothing is followed": (
        replace(HEALTHY, configuration=configured(), log=log(), runs_something=None),
        "expected health checks that move 192.0.2.10 above 0, found 0",
    ),
    "it stands still": (
        replace(HEALTHY, runs_something=False),
        "expected a script that ended while we looked to be yes, found no",
    ),
    "it does not run": (
        replace(HEALTHY, processes=0),
        "expected processes of keepalived above 0, found 0",
    ),
    "the address is in no instance": (
        replace(HEALTHY, configuration=configured(ALIVE, movers={})),
        "expected 192.0.2.10 in its configuration to be yes, found no",
    ),
    "a process that nobody defined": (
        replace(
            HEALTHY,
            configuration=configured(programs=("track_process haproxy",)),
            log=replace(log(), missing=("haproxy",)),
        ),
        "found track_process haproxy",
    ),
}
UNDECIDED = {
    "its program lies where the login may not look": replace(HEALTHY, programs={}),
    "an address that a definition stands for": replace(
        HEALTHY, configuration=configured(ALIVE, movers={}, whole=False)
    ),
    "a configuration that the login may not read": replace(
        HEALTHY, configuration=None, problem="Permission denied", runs_something=None
    ),
    "the log does not tell, of several": replace(
        HEALTHY, configuration=configured(ALIVE, PREFERRED), log=log(whole=False)
    ),
    "the log does not tell, and nothing was seen to run": replace(
        HEALTHY, log=log(whole=False), runs_something=None
    ),
    "the log does not tell, and the file is younger": replace(
        HEALTHY, log=log(whole=False), unchanged=False
    ),
    "the log does not know the script of the file": replace(HEALTHY, log=log(other=State.SUCCEEDS)),
    "a link only": replace(
        HEALTHY, configuration=configured(links=("track_interface eth1",)), runs_something=None
    ),
    "a tracked process in a file that is younger": replace(
        HEALTHY, configuration=configured(programs=("track_process haproxy",)), unchanged=False
    ),
    "disabled, and the configuration can't be read": replace(
        HEALTHY,
        configuration=None,
        problem="Permission denied",
        log=log(alive=State.SUCCEEDS, old=State.DISABLED),
    ),
    "neither configuration nor log can be read": replace(
        HEALTHY, configuration=None, problem="Permission denied", log=log(whole=False)
    ),
}


@pytest.mark.parametrize("reading", GREEN.values(), ids=GREEN)
def test_healthy_and_unusual_is_green(reading: Keepalived) -> None:
    """On both machines."""
    ask(lb1=HEALTHY, lb2=reading)


@pytest.mark.parametrize(("reading", "reason"), RED.values(), ids=RED)
def test_a_check_that_is_not_in_force_is_red(
    reading: Keepalived, reason: str, reasons: list[str]
) -> None:
    """Wherever it is, and the reason names machine and script."""
    with pytest.raises(AssertionError):
        ask(lb1=HEALTHY, lb2=reading)
    assert reasons[-1].startswith("portal/lb2: ")
    assert reason in reasons[-1]


@pytest.mark.parametrize("reading", UNDECIDED.values(), ids=UNDECIDED)
def test_what_can_not_be_told_is_neither(reading: Keepalived) -> None:
    """Never green, never red."""
    with pytest.raises(ProbeError):
        ask(lb1=HEALTHY, lb2=reading)


def test_what_moves_an_address_has_to_be_declared() -> None:
    """Unsaid is a question with its key; what only a drill can show is not asked; none is red."""
    site = load("healthy").environment
    need = NEEDS["moved by keepalived"]
    assert need(site, site) is None
    (balancer,) = site.balancers
    for other in (None, "other"):
        changed = balancer.model_copy(update={"moved_by": other})
        gap = need(site.model_copy(update={"balancers": (changed,)}), site)
        assert gap is not None
        assert (gap.why, gap.declare) == (
            Why.UNDECLARED,
            "`moved_by: keepalived` of the balancer portal",
        )
    none = site.model_copy(update={"balancers": (), "absent": ("balancers",)})
    for identity in ("LB-003", "LB-005"):
        missed = missing(none, load_catalogue()[identity].declared, none)
        assert missed is not None
        assert missed.why is Why.ABSENT


@pytest.mark.parametrize("error", [NotUnderstood("no"), NotRun("lb1: no SSH is declared for it")])
def test_a_machine_that_nobody_could_look_at(error: Exception) -> None:
    """It hides nothing of another, and is not taken for well."""
    with pytest.raises(type(error)):
        ask(lb1=error, lb2=HEALTHY)
    with pytest.raises(AssertionError):
        ask(lb1=error, lb2=RED["disabled"][0])
