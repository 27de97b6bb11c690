"""What suites ask a balancer with: whom its servers see, and what users notice of a disturbance."""

from collections.abc import Callable
from dataclasses import dataclass

import pytest

from readiness.drills.client_address import ClientAddresses, ClientsSeen
from readiness.drills.permit import mint
from readiness.drills.served import ServedDrill
from readiness.drills.served_site import CUT_OFF, Served
from readiness.drills.served_trial import Kind, ServedTrial, Way
from readiness.evidence.claim import Found
from readiness.running.fixtures import hold_every_lease
from readiness.session.clients import Clients
from readiness.session.run import Run
from readiness.site.declared.balancer import Balancer
from readiness.site.subjects import Backend
from readiness.systems.balancing.declared import Balanced


@pytest.fixture(scope="session")
def clients_seen(run: Run, clients: Clients) -> Callable[[Backend], Found[ClientsSeen]]:
    """Asks every server of a balancer whom it sees; done once for all of them."""

    def ask(backend: Backend) -> Found[ClientsSeen]:
        balancer = backend.balancer

        def act() -> ClientsSeen:
            return ClientAddresses(clients, mint(run), balancer).asked(backend.endpoints)

        seen = run.once.do("client addresses", balancer.name, act)
        return clients.look.at(backend.id, "client addresses", lambda: seen)

    return ask


@dataclass(frozen=True)
class ServedDrilled:
    """The trials of a drill; the control trial stands apart."""

    control: Found[ServedTrial]
    trials: tuple[Found[ServedTrial], ...]


Ways = Callable[[Served], tuple[Way, ...]]


def _drilled(
    run: Run, clients: Clients, balancer: Balancer, subject: str, ways: Ways
) -> ServedDrilled:
    """The trials about one subject; the control trial is done once for a balancer."""
    permit = mint(run)
    hold_every_lease(run)
    clients.look.forget()
    served = Served(clients, balancer)
    drill = ServedDrill(permit, served)
    try:
        control = run.once.do("control trial", balancer.name, drill.control)
        noted = clients.look.note(subject, "control trial", control)
        chosen = ways(served)
        trials = [] if control.problem else drill.trials(chosen)
    finally:
        clients.look.forget()
    notes = (clients.look.note(subject, f"trial {one.number} ({one.way})", one) for one in trials)
    return ServedDrilled(noted, tuple(notes))


def _of_backend(
    run: Run, clients: Clients, name: str, ways: Callable[[Served, str], tuple[Way, ...]]
) -> Callable[[Backend], ServedDrilled]:
    def drill(backend: Backend) -> ServedDrilled:
        machine = backend.machine.name

        def act() -> ServedDrilled:
            return _drilled(
                run, clients, backend.balancer, backend.id, lambda served: ways(served, machine)
            )

        return run.once.do(name, backend.id, act)

    return drill


@pytest.fixture(scope="session")
def broken_backend(run: Run, clients: Clients) -> Callable[[Backend], ServedDrilled]:
    """Breaks a server in each declared way while users ask; done once for all checks."""

    def ways(served: Served, machine: str) -> tuple[Way, ...]:
        return tuple(Way(Kind.BROKEN, machine, one.name) for one in served.drill.breaking)

    return _of_backend(run, clients, "broken backend", ways)


@pytest.fixture(scope="session")
def drained_backend(run: Run, clients: Clients) -> Callable[[Backend], ServedDrilled]:
    """Drains a server at every machine of its balancer while slow requests run."""

    def ways(_: Served, machine: str) -> tuple[Way, ...]:
        return (Way(Kind.DRAINED, machine, "drained"),)

    return _of_backend(run, clients, "drained backend", ways)


@pytest.fixture(scope="session")
def lost_backend(run: Run, clients: Clients) -> Callable[[Backend], ServedDrilled]:
    """Kills a server, and cuts its machine off where that is declared."""

    def ways(served: Served, machine: str) -> tuple[Way, ...]:
        part = served.drill.application
        if part is None:
            return ()
        killed = Way(Kind.SERVER_LOST, machine, f"{part.unit} killed")
        return (killed, *_cut(Kind.SERVER_LOST, machine, cut=part.cut))

    return _of_backend(run, clients, "lost backend", ways)


@pytest.fixture(scope="session")
def lost_balancer(run: Run, clients: Clients) -> Callable[[Balanced], ServedDrilled]:
    """Kills the balancer that holds the address, and cuts its machine off where declared."""

    def ways(served: Served) -> tuple[Way, ...]:
        part = served.drill.balancer
        if part is None:
            return ()
        holder = served.holder()
        killed = Way(Kind.BALANCER_LOST, holder, f"{part.unit} killed")
        return (killed, *_cut(Kind.BALANCER_LOST, holder, cut=part.cut))

    def drill(one: Balanced) -> ServedDrilled:
        return run.once.do(
            "lost balancer",
            one.id,
            lambda: _drilled(run, clients, one.balancer, one.id, ways),
        )

    return drill


def _cut(kind: Kind, machine: str, *, cut: bool) -> tuple[Way, ...]:
    return (Way(kind, machine, CUT_OFF),) if cut else ()
