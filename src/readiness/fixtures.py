"""What suites ask with: one fixture for each kind of thing that can be asked."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import pytest

from readiness import pytest_plugin
from readiness.claim import Found
from readiness.clients import Clients
from readiness.declared.machine import Machine
from readiness.drills import target_lease
from readiness.drills.canary import CanaryRow, write_canary
from readiness.drills.cluster import ClusterView
from readiness.drills.failover import FailoverDrill, Trial
from readiness.drills.permit import mint
from readiness.environment import Environment, Objectives
from readiness.look import Look
from readiness.measure.confidence import sentence
from readiness.probes import etcd, haproxy, http, network
from readiness.probes import host as host_probe
from readiness.probes import patroni as patroni_probe
from readiness.probes import tls as tls_probe
from readiness.probes.postgres import ReplayProgress
from readiness.probes.postgres_state import ServerState
from readiness.probes.rotation import Rotation
from readiness.run import Run
from readiness.scanning import Seen
from readiness.subjects import Backend, BalancerNode, Cluster, Endpoint, Member, StoreMember


@pytest.fixture(scope="session")
def run(request: pytest.FixtureRequest) -> Run:
    """The open run."""
    return request.config.stash[pytest_plugin.RUN_KEY]


@pytest.fixture(scope="session")
def clients(request: pytest.FixtureRequest) -> Clients:
    """Every connection of the run."""
    return request.config.stash[pytest_plugin.CLIENTS_KEY]


@pytest.fixture(scope="session")
def site(run: Run) -> Environment:
    """The environment that is looked at."""
    return run.environment


@pytest.fixture(scope="session")
def objectives(site: Environment) -> Objectives:
    """What the owner promised."""
    return site.objectives


@pytest.fixture(scope="session")
def tls(clients: Clients) -> Callable[[Endpoint], Found[tls_probe.Handshake]]:
    """Asks a listener for its TLS."""
    return clients.tls


@pytest.fixture(scope="session")
def https(clients: Clients) -> Callable[[Endpoint, str], Found[http.Exchange]]:
    """Asks a listener for a page over HTTPS, at its own address."""
    return clients.https


@pytest.fixture(scope="session")
def plain_http(clients: Clients) -> Callable[[Endpoint, str], Found[http.Exchange]]:
    """Asks the plain twin of a listener for a page; redirects are not followed."""
    return clients.plain_http


@pytest.fixture(scope="session")
def host(clients: Clients) -> Callable[[Machine], Any]:
    """A machine in testinfra's vocabulary: `host(machine).service("chrony").is_running`."""
    return clients.host


@pytest.fixture(scope="session")
def services(clients: Clients) -> Callable[[Machine], Found[dict[str, host_probe.ServiceState]]]:
    """The declared units of a machine, by name."""
    return clients.services


@pytest.fixture(scope="session")
def clock(clients: Clients) -> Callable[[Machine], Found[host_probe.ClockState]]:
    """What a machine's chronyd says."""
    return clients.clock


@pytest.fixture(scope="session")
def clock_offset(clients: Clients) -> Callable[[Machine], Found[host_probe.ClockOffset]]:
    """How far a machine's clock is from the one that looks."""
    return clients.clock_offset


@pytest.fixture(scope="session")
def sockets(clients: Clients) -> Callable[[Machine], Found[tuple[network.Socket, ...]]]:
    """The sockets of a machine that listen."""
    return clients.sockets


@pytest.fixture(scope="session")
def addresses(clients: Clients) -> Callable[[Machine], Found[tuple[str, ...]]]:
    """The addresses that a machine holds."""
    return clients.addresses


@pytest.fixture(scope="session")
def balancer_status(
    clients: Clients,
) -> Callable[[BalancerNode], Found[tuple[haproxy.Server, ...]]]:
    """The servers behind a balancer as it sees them."""
    return clients.balancer_status


@pytest.fixture(scope="session")
def rotation(clients: Clients) -> Callable[[Backend, Endpoint], Found[Rotation]]:
    """Asks one address of a balancer until every machine behind it has answered."""
    return clients.rotation


@pytest.fixture(scope="session")
def reachability(clients: Clients) -> Callable[[], Seen]:
    """Scans from every vantage point at once, where that is permitted."""
    return clients.reachability


@pytest.fixture(scope="session")
def postgres(clients: Clients) -> Callable[[Member], Found[ServerState]]:
    """The state of a database member."""
    return clients.postgres


@pytest.fixture(scope="session")
def patroni(clients: Clients) -> Callable[[Member], Found[patroni_probe.MemberReading]]:
    """What a member's automation says."""
    return clients.patroni


@pytest.fixture(scope="session")
def consensus(clients: Clients) -> Callable[[StoreMember], Found[etcd.MemberReading]]:
    """What a member of the consensus store says."""
    return clients.etcd


@pytest.fixture
def canary(run: Run, clients: Clients) -> Callable[[Cluster], Found[CanaryRow]]:
    """Writes a synthetic row and waits for it on every standby."""

    def write(cluster: Cluster) -> Found[CanaryRow]:
        permit = mint(run)
        target_lease.hold(run, cluster.database)
        row = write_canary(run, permit, cluster)
        return clients.look.note(cluster.id, "synthetic row", row)

    return write


@dataclass(frozen=True)
class Drilled:
    """The trials of a drill, each in the record; the control trial stands apart."""

    control: Found[Trial]
    trials: tuple[Found[Trial], ...]


@pytest.fixture(scope="session")
def failover_drill(run: Run, clients: Clients) -> Callable[[Cluster], Drilled]:
    """Cuts the primary off and measures; done once for all checks that judge it."""

    def drill(cluster: Cluster) -> Drilled:
        key = ("failover", cluster.id)
        if key not in run.remembered:
            permit = mint(run)
            target_lease.hold(run, cluster.database)
            clients.look.forget()
            view = ClusterView(clients, cluster)
            trials = FailoverDrill(run, permit, cluster.database, view).trials()
            clients.look.forget()
            control, *cuts = [
                clients.look.note(cluster.id, f"failover trial {one.number}", one) for one in trials
            ]
            run.remembered[key] = Drilled(control, tuple(cuts))
        remembered: Drilled = run.remembered[key]
        return remembered

    return drill


@pytest.fixture
def confidence(run: Run) -> Callable[[int, str], None]:
    """Notes how many trials went well, all of them; the judge asks whether it is enough."""

    def note(trials: int, limit: str) -> None:
        if run.case is not None:
            run.writer.write(
                "confidence",
                case=run.case.key,
                trials=trials,
                under=trials,
                sentence=sentence(trials, limit),
            )

    return note


@pytest.fixture(scope="session")
def replay(clients: Clients) -> Callable[[Member], Found[ReplayProgress]]:
    """Waits until a standby has replayed what the primary has written by now."""
    return clients.replay


@pytest.fixture(scope="session")
def look(clients: Clients) -> Look:
    """What this run has seen so far; notes readings that no probe made."""
    return clients.look
