"""What the balancer checks say of holders and servers, on the healthy lab's answers, altered."""

from collections.abc import Callable
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from replay import Recording, altered, load, replay
from test_documents import several
from wrong_files import LAB

from readiness.evidence.claim import plain
from readiness.model.words import Case, Outcome
from readiness.site.environment import Environment
from readiness.site.needs import Why, missing
from readiness.site.subjects import BALANCER_NODE, backends
from readiness.systems.haproxy import reading as haproxy

HELD = Case("LB-003", "lab")
STATISTICS = (Path(__file__).parents[1] / "recorded/haproxy/sockets.csv").read_text()


@pytest.fixture(scope="module")
def healthy() -> Recording:
    """What an observe run of the healthy lab saw."""
    return load("healthy")


def shared(recording: Recording) -> tuple[str, ...]:
    """The addresses that move between the balancer's machines."""
    (balancer,) = recording.environment.balancers
    return recording.environment.listener(balancer.listener).shared_addresses


def holding(recording: Recording, **more: bool) -> Recording:
    """Machines that hold all of the shared addresses, or none."""
    moving = shared(recording)

    def change(reading: list[str], *, holds: bool) -> None:
        left = [one for one in reading if one not in moving]
        reading[:] = [*left, *(moving if holds else ())]

    for name, holds in more.items():
        recording = altered(recording, "addresses", partial(change, holds=holds), of=name)
    return recording


def without(recording: Recording, name: str, *, declared: bool = True) -> Recording:
    """Nobody could look at a machine, or nobody is to: SSH is not declared for it."""
    seen = tuple(
        one
        for one in recording.observations
        if (one["subject"], one["source"]) != (name, "addresses")
    )
    site = recording.environment
    machines = tuple(
        one.model_copy(update={"ssh": declared}) if one.name == name else one
        for one in site.machines
    )
    site = site.model_copy(update={"machines": machines})
    return replace(recording, environment=site, observations=seen, known={})


@pytest.mark.parametrize("name", ["edge1", "edge2"])
def test_a7_either_machine_of_the_balancer_may_hold_its_address(
    healthy: Recording, name: str
) -> None:
    """After a failover the other one does."""
    other = {"edge1": "edge2", "edge2": "edge1"}[name]
    found = holding(healthy, **{name: True, other: False})
    assert replay(found, HELD).outcome is Outcome.PASSED


def held_in_front(recording: Recording, *names: str) -> Recording:
    """Other machines are declared that may hold the shared addresses."""
    site = recording.environment
    (balancer,) = site.balancers
    balancer = balancer.model_copy(update={"holders": names})
    return replace(recording, environment=site.model_copy(update={"balancers": (balancer,)}))


def test_an_address_may_be_held_in_front_of_the_balancer(healthy: Recording) -> None:
    """Routers or directors hold it where that is declared, and the balancer's own then do not."""
    front = holding(held_in_front(healthy, "gw1"), edge1=False, edge2=False, gw1=True)
    assert replay(front, HELD).outcome is Outcome.PASSED
    both = holding(held_in_front(healthy, "gw1"), edge1=True, edge2=False, gw1=True)
    assert replay(both, HELD).outcome is Outcome.FAILED
    own = holding(held_in_front(healthy, "gw1"), edge1=True, edge2=False)
    assert replay(own, HELD).outcome is Outcome.FAILED
    nobody = without(holding(held_in_front(healthy, "gw1"), edge1=False, edge2=False), "gw1")
    assert replay(nobody, HELD).outcome is Outcome.INCONCLUSIVE


def test_a7_an_address_on_another_machine_is_red(healthy: Recording) -> None:
    """A database that took the address keeps every user from the portal."""
    found = holding(healthy, edge1=False, edge2=False, db1=True)
    result = replay(found, HELD)
    assert result.outcome is Outcome.FAILED
    assert result.reason.endswith("to be one of ['edge1'], ['edge2'], found db1"), result.reason


def test_a7_an_address_on_another_machine_too_is_red(healthy: Recording) -> None:
    """Whoever asks for it next may reach either."""
    result = replay(holding(healthy, edge1=True, edge2=False, db1=True), HELD)
    assert result.outcome is Outcome.FAILED
    assert result.reason.endswith("found db1, edge1"), result.reason


@pytest.mark.parametrize("declared", [True, False])
@pytest.mark.parametrize("holds", [True, False])
def test_a7_a_machine_of_the_balancer_that_nobody_looked_at_leaves_it_open(
    healthy: Recording, *, declared: bool, holds: bool
) -> None:
    """It may hold the address as well, or be the one that holds it."""
    found = without(holding(healthy, edge1=holds), "edge2", declared=declared)
    result = replay(found, HELD)
    assert result.outcome is Outcome.INCONCLUSIVE
    assert "edge2: " in result.reason, result.reason


@pytest.mark.parametrize("declared", [True, False])
def test_a7_two_holders_are_red_whatever_nobody_looked_at(
    healthy: Recording, *, declared: bool
) -> None:
    """What was seen is enough to say that it is wrong."""
    found = holding(without(healthy, "edge2", declared=declared), edge1=True, db2=True)
    assert replay(found, HELD).outcome is Outcome.FAILED


def test_a7_another_machine_need_not_be_looked_at(healthy: Recording) -> None:
    """No address of the balancer belongs on a machine that has no SSH declared."""
    assert replay(without(healthy, "db1", declared=False), HELD).outcome is Outcome.PASSED


def listing(*more: haproxy.Server) -> Callable[[Any], None]:
    """A balancer with further servers."""
    return lambda reading: reading.extend(map(plain, more))


def on_socket() -> haproxy.Server:
    """A server that HAProxy 2.6 reaches over a socket."""
    found = haproxy.read(STATISTICS, where="lb1")
    return replace(next(one for one in found if one.on_socket), name="viafront", backend="local")


def with_local_backend(recording: Recording) -> Recording:
    """A site that passes its own users on through a socket of the same HAProxy, and declares it."""
    site = recording.environment
    (balancer,) = site.balancers
    local = balancer.others[0].model_copy(
        update={"backend": "local", "servers": ("edge1", "edge2"), "server_port": 8443}
    )
    own = balancer.model_copy(update={"others": (*balancer.others, local)})
    site = site.model_copy(update={"balancers": (own,)})
    found = altered(recording, "haproxy", listing(on_socket()))
    return replace(found, environment=site)


def test_d4_a_declared_server_on_a_socket_is_green(healthy: Recording) -> None:
    """It is on the machine of the balancer that lists it."""
    assert replay(with_local_backend(healthy), Case("LB-004", "lab")).outcome is Outcome.PASSED


def test_d4_a_server_on_a_socket_that_nobody_declared_is_red(healthy: Recording) -> None:
    """It is named, and the other servers are judged as before."""
    found = altered(healthy, "haproxy", listing(on_socket()), of="edge1")
    result = replay(found, Case("LB-004", "lab"))
    assert result.outcome is Outcome.FAILED
    assert result.reason.endswith("to be none, found local/socket viafront"), result.reason
    assert replay(found, Case("LB-001", "portal/app1")).outcome is Outcome.PASSED


def test_d4_a_socket_is_not_the_machine_that_its_server_is_named_after(healthy: Recording) -> None:
    """A name is no address: what is on a socket never left the balancer's machine."""

    def change(reading: Any) -> None:
        for one in reading:
            if one["name"] == "app1":
                one.update(address=haproxy.SOCKET, port=None)

    result = replay(altered(healthy, "haproxy", change, of="edge1"), Case("LB-001", "portal/app1"))
    assert result.outcome is Outcome.FAILED
    assert result.reason.endswith("servers that are app1 to be 1, found 0"), result.reason


def observed(recording: Recording) -> Environment:
    """The healthy lab, whose balancer is declared as one that shows its page and nothing else."""
    (balancer,) = recording.environment.balancers
    shown = {"kind": "observed", "status": None, "backend": "", "others": ()}
    return recording.environment.model_copy(
        update={"balancers": (balancer.model_copy(update=shown),)}
    )


def test_of_an_observed_balancer_who_answers_is_enough_for_each_server(healthy: Recording) -> None:
    """Its statistics are not missed there; which servers it has besides stays unknown."""
    site = observed(healthy)
    (backend, *_) = backends(site)
    own = missing(site, ("statistics",), backend)
    whole = missing(site, ("statistics",), site)
    assert own is not None
    assert whole is not None
    assert (own.why, whole.why) == (Why.SPARED, Why.UNDECLARED)
    assert "only its own statistics tell" in whole.reason
    assert missing(site, ("shared address",), site) is None
    assert BALANCER_NODE.of(site) == {}


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ("    backend: app\n    servers", "    servers", "`backend` of HAProxy, or kind: observed"),
        ("    backend: app\n", "    backend: app\n    kind: observed\n", "no `status` beside kind"),
        ("    backend: app\n", "    backend: app\n    kind: nginx\n", "'haproxy' or 'observed'"),
    ],
)
def test_statistics_are_haproxys_own(tmp_path: Path, old: str, new: str, said: str) -> None:
    """What does not fit the kind is refused at its key."""
    lines = several(tmp_path, LAB.replace(old, new, 1))
    assert any(said in line for line in lines), lines
