"""What suites ask with: one fixture for each kind of thing that can be asked."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Protocol, TypeVar

import pytest

from readiness.drills import target_lease
from readiness.drills.access_trial import AccessTrial, Matrix
from readiness.drills.actions import disturbing
from readiness.drills.alerts import AlertDrill, Alerted, trials_of
from readiness.drills.append_only import Attempts, attempt
from readiness.drills.audit_trial import AuditTrial
from readiness.drills.audit_trial import Trial as AuditedMachine
from readiness.drills.cache_failover import CacheFailoverDrill, CacheTrial
from readiness.drills.cache_view import CacheView
from readiness.drills.canary import CanaryRow, write_canary
from readiness.drills.cluster import ClusterView
from readiness.drills.failover import FailoverDrill
from readiness.drills.guards import require_fresh_backup
from readiness.drills.intrusion import IntrusionDrill, Struck
from readiness.drills.listed import require_listed_backup
from readiness.drills.load import Offered, offer
from readiness.drills.log_lines import CanaryLine, LogTrial
from readiness.drills.log_loss import LogLoss, LossDrill
from readiness.drills.log_rights import LogRights, try_rights
from readiness.drills.log_values import Searched
from readiness.drills.paths import Paths, through_poolers
from readiness.drills.permit import Permit, mint
from readiness.drills.personal_answers import Personal, PersonalAnswers
from readiness.drills.policy_trial import Tried, try_policies
from readiness.drills.pools import Kept, kept_for_the_application
from readiness.drills.restore import Restored, RestoreDrill
from readiness.drills.session_trial import Life, SessionTrial
from readiness.drills.trial import Trial
from readiness.evidence.claim import Found
from readiness.measure.confidence import sentence
from readiness.model.errors import ReadinessError
from readiness.running import pytest_plugin
from readiness.session.clients import Clients
from readiness.session.look import SuiteLook
from readiness.session.run import Run
from readiness.site.declared.audit import Audit
from readiness.site.declared.load import LoadTest
from readiness.site.declared.machine import Machine
from readiness.site.environment import Environment, Objectives
from readiness.site.subjects import (
    AuditedServer,
    BackupRepository,
    Cluster,
)
from readiness.systems.access.declared import Access, AccessAddress
from readiness.systems.alertmanager.asking import received
from readiness.systems.alertmanager.declared import Alerting, AlertReceiver, receivers, servers
from readiness.systems.alertmanager.reading import ALERTMANAGER_SAYS, Notice
from readiness.systems.audit.asking import read_on_the_primary
from readiness.systems.intrusion.declared import Intrusion
from readiness.systems.intrusion.declared import Target as AttackedMachine
from readiness.systems.kubernetes.declared import ClusterSubject
from readiness.systems.logs.declared import LogNode, Logs, LogSource
from readiness.systems.postgres.asking import primary, reached
from readiness.systems.redis.declared import CacheCluster
from readiness.systems.token import Ask

Shown_co = TypeVar("Shown_co", covariant=True)


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
def ask(clients: Clients) -> Ask:
    """Asks a source about a subject: `ask(STATE, cache_node)`."""
    return clients.ask


@pytest.fixture(scope="session")
def host(clients: Clients) -> Callable[[Machine], Any]:
    """A machine in testinfra's vocabulary: `host(machine).service("chrony").is_running`."""
    return clients.host


@pytest.fixture
def canary(run: Run, clients: Clients) -> Callable[[Cluster], Found[CanaryRow]]:
    """Writes a synthetic row and waits for it on every standby."""

    def write(cluster: Cluster) -> Found[CanaryRow]:
        permit = mint(run)
        target_lease.hold(run, cluster.database)
        row = write_canary(run, permit, cluster)
        return clients.look.note(cluster.id, "synthetic row", row)

    return write


@pytest.fixture
def client_paths(run: Run, clients: Clients) -> Callable[[Cluster], Found[Paths]]:
    """Asks the primary directly and through every pooler what a session there runs with."""

    def ask(cluster: Cluster) -> Found[Paths]:
        found = through_poolers(run, mint(run), cluster)
        return clients.look.note(cluster.id, "sessions through poolers", found)

    return ask


@pytest.fixture
def kept_sessions(run: Run, clients: Clients) -> Callable[[Cluster], Found[Kept]]:
    """Asks the sessions that poolers keep for the application what they run with."""

    def ask(cluster: Cluster) -> Found[Kept]:
        found = kept_for_the_application(run, mint(run), cluster)
        return clients.look.note(cluster.id, "sessions kept for the application", found)

    return ask


@dataclass(frozen=True)
class Drilled:
    """The trials of a drill, each in the record; the control trial stands apart."""

    control: Found[Trial]
    trials: tuple[Found[Trial], ...]


@pytest.fixture(scope="session")
def failover_drill(run: Run, clients: Clients) -> Callable[[Cluster], Drilled]:
    """Cuts the primary off and measures; done once for all checks that judge it."""

    def cut(cluster: Cluster) -> Drilled:
        permit = mint(run)
        target_lease.hold(run, cluster.database)
        clients.look.forget()
        require_fresh_backup(clients, cluster)
        require_listed_backup(clients, cluster)
        view = ClusterView(clients, cluster)
        try:
            trials = FailoverDrill(run, permit, cluster.database, view).trials()
        finally:
            clients.look.forget()
        control, *cuts = [
            clients.look.note(cluster.id, f"failover trial {one.number}", one) for one in trials
        ]
        return Drilled(control, tuple(cuts))

    def drill(cluster: Cluster) -> Drilled:
        return run.once.do("failover drill", cluster.id, lambda: cut(cluster))

    return drill


def hold_every_lease(run: Run) -> None:
    """Keep other gates from the whole site: what disturbs more than a database has no row there."""
    for database in run.environment.databases:
        if database.rows_schema:
            target_lease.hold(run, database)


@dataclass(frozen=True)
class CacheDrilled:
    """The trials of a cache's failover drill; the control trial stands apart."""

    control: Found[CacheTrial]
    trials: tuple[Found[CacheTrial], ...]


@pytest.fixture(scope="session")
def cache_failover(run: Run, clients: Clients) -> Callable[[CacheCluster], CacheDrilled]:
    """Cuts a cache's master off and measures; done once for all checks that judge it."""

    def cut(cluster: CacheCluster) -> CacheDrilled:
        permit = mint(run)
        hold_every_lease(run)
        clients.look.forget()
        view = CacheView(clients, cluster)
        try:
            trials = CacheFailoverDrill(run, permit, view, view.reached()).trials()
        finally:
            clients.look.forget()
        control, *cuts = [
            clients.look.note(cluster.id, f"failover trial {one.number}", one) for one in trials
        ]
        return CacheDrilled(control, tuple(cuts))

    def drill(cluster: CacheCluster) -> CacheDrilled:
        return run.once.do("cache failover drill", cluster.id, lambda: cut(cluster))

    return drill


@pytest.fixture(scope="session")
def alert_drill(
    run: Run, clients: Clients
) -> Callable[[AlertReceiver], tuple[Found[Alerted], ...]]:
    """Makes the declared fault and waits for its alerts; done once for all checks and receivers."""

    def act(alerting: Alerting) -> list[dict[str, Found[Alerted]]]:
        everyone, permit = receivers(run.environment), mint(run)

        def listed(one: AlertReceiver) -> tuple[Notice, ...]:
            return received(run.environment, one)

        def trial(number: int) -> dict[str, Found[Alerted]]:
            clients.look.forget()
            said = [clients.ask(ALERTMANAGER_SAYS, one).reading for one in servers(run.environment)]
            try:
                found = AlertDrill(run, permit, alerting, everyone, listed).done(said)
            finally:
                clients.look.forget()
            source = f"alert drill {number}"
            return {key: clients.look.note(key, source, one) for key, one in found.items()}

        return [trial(number) for number in range(1, (trials_of(alerting)) + 1)]

    def told(one: AlertReceiver) -> tuple[Found[Alerted], ...]:
        done = run.once.do("alert drill", run.environment.name, lambda: act(one.alerting))
        return tuple(each[one.id] for each in done)

    return told


@pytest.fixture(scope="session")
def planted_attack(
    run: Run, clients: Clients
) -> Callable[[AttackedMachine], tuple[Found[Struck], ...]]:
    """Plants the declared attack and waits for what follows; done once for all machines."""

    def act(intrusion: Intrusion) -> list[dict[str, Found[Struck]]]:
        permit = mint(run)
        hold_every_lease(run)

        def trial(number: int) -> dict[str, Found[Struck]]:
            clients.look.forget()
            try:
                found = IntrusionDrill(run, permit, intrusion).done()
            finally:
                clients.look.forget()
            source = f"planted attack {number}"
            return {key: clients.look.note(key, source, one) for key, one in found.items()}

        return [trial(number) for number in range(1, intrusion.trials + 1)]

    def struck(one: AttackedMachine) -> tuple[Found[Struck], ...]:
        done = run.once.do("planted attack", run.environment.name, lambda: act(one.intrusion))
        return tuple(each[one.id] for each in done)

    return struck


@pytest.fixture(scope="session")
def load(run: Run, clients: Clients) -> Callable[[LoadTest], Found[Offered]]:
    """Offers a declared load; done once for all checks that judge it."""

    def act(test: LoadTest) -> Found[Offered]:
        permit = mint(run)
        hold_every_lease(run)
        try:
            reading = offer(run, permit, test)
        finally:
            clients.look.forget()
        return clients.look.note(test.name, "load", reading)

    def offered(test: LoadTest) -> Found[Offered]:
        return run.once.do("load", test.name, lambda: act(test))

    return offered


@pytest.fixture(scope="session")
def audit_trial(run: Run, clients: Clients) -> Callable[[AuditedServer], Found[AuditedMachine]]:
    """Reads a canary's record through every application machine; done once for all checks."""

    def ask(server: AuditedServer) -> Found[AuditedMachine]:
        done = _audit_trial(run, clients, server.audit)
        source = "audit trial"
        return clients.look.at(server.id, source, lambda: done.trials[server.machine.name])

    return ask


@pytest.fixture(scope="session")
def access_trial(run: Run, clients: Clients) -> Callable[[AccessAddress], Found[Matrix]]:
    """Asks every route as each identity, at every address; done once for all checks."""
    return _at_each_address(run, clients, ("access trial", "routes with logins"), AccessTrial)


@pytest.fixture(scope="session")
def session_trial(run: Run, clients: Clients) -> Callable[[AccessAddress], Found[Life]]:
    """Follows a session of each role from sign-in to sign-out; done once for all addresses."""
    return _at_each_address(run, clients, ("session trial", "sessions"), SessionTrial)


@pytest.fixture(scope="session")
def personal_answers(run: Run, clients: Clients) -> Callable[[AccessAddress], Found[Personal]]:
    """Asks for what is somebody's own, and then without a login; done once for all addresses."""
    names = ("personal answers", "personal answers")
    return _at_each_address(run, clients, names, PersonalAnswers)


class _Trial(Protocol[Shown_co]):
    """A trial of one application."""

    def run(self) -> Mapping[str, Shown_co]:
        """What each address showed, by its id."""


def _at_each_address(
    run: Run,
    clients: Clients,
    names: tuple[str, str],
    trial: Callable[[Clients, Permit, Access], _Trial[Shown_co]],
) -> Callable[[AccessAddress], Found[Shown_co]]:
    """Asks what a trial showed at an address; `names` are the trial's and its source's."""
    done, source = names

    def ask(place: AccessAddress) -> Found[Shown_co]:
        def act() -> Mapping[str, Shown_co]:
            return trial(clients, mint(run), place.access).run()

        shown = run.once.do(done, place.access.listener, act)
        return clients.look.at(place.id, source, lambda: shown[place.id])

    return ask


@pytest.fixture(scope="session")
def append_only(run: Run, clients: Clients) -> Callable[[Audit], Found[Attempts]]:
    """Tries to change a canary's event as application and as owner, always taken back."""

    def ask(audit: Audit) -> Found[Attempts]:
        requests = _audit_trial(run, clients, audit).requests
        writable = primary(clients, audit.trail.database)

        def there() -> list[str]:
            return [
                str(one.parts["request"]) for one in read_on_the_primary(clients, audit, requests)
            ]

        def act() -> Found[Attempts]:
            permit = mint(run)
            with reached(clients, writable, audit.append_only.tester) as target:
                found = attempt(run.environment, permit, audit, target, there)
            return clients.look.note(audit.name, "append-only attempts", found)

        return run.once.do("append-only attempts", audit.name, act)

    return ask


@dataclass(frozen=True)
class AuditTried:
    """What each machine left in the trail, and the ids of the requests, which leave no process."""

    trials: dict[str, AuditedMachine]
    requests: tuple[str, ...]


def _audit_trial(run: Run, clients: Clients, audit: Audit) -> AuditTried:
    def act() -> AuditTried:
        permit = mint(run)
        database = run.environment.database(audit.trail.database)
        if database.rows_schema is not None:
            target_lease.hold(run, database)
        trial = AuditTrial(
            run.environment, permit, audit, lambda ids: read_on_the_primary(clients, audit, ids)
        )
        return AuditTried(trial.run(), trial.requests)

    return run.once.do("audit trial", audit.name, act)


@dataclass(frozen=True)
class LogTried:
    """What became of each machine's line, and what each node finds that must be in no line."""

    lines: dict[str, CanaryLine | ReadinessError]
    searched: dict[str, Searched | ReadinessError]


def _log_trial(run: Run, clients: Clients, logs: Logs) -> LogTried:
    def act() -> LogTried:
        permit = mint(run)
        with disturbing(run) as machines:
            return LogTried(*LogTrial(clients, permit, logs, machines).run())

    return run.once.do("log trial", logs.id, act)


@pytest.fixture(scope="session")
def canary_line(run: Run, clients: Clients) -> Callable[[LogSource], Found[CanaryLine]]:
    """Writes a line on every machine that ships and looks for it; done once for all of them."""

    def ask(source: LogSource) -> Found[CanaryLine]:
        def line() -> CanaryLine:
            found = _log_trial(run, clients, source.logs).lines[source.machine.name]
            if isinstance(found, ReadinessError):
                raise found
            return found

        return clients.look.at(source.id, "canary line", line)

    return ask


@pytest.fixture(scope="session")
def searched_lines(run: Run, clients: Clients) -> Callable[[Logs, LogNode], Found[Searched]]:
    """Searches every line for what must be in none, and for what was written to be found."""

    def ask(logs: Logs, node: LogNode) -> Found[Searched]:
        def search() -> Searched:
            found = _log_trial(run, clients, logs).searched[node.id]
            if isinstance(found, ReadinessError):
                raise found
            return found

        return clients.look.at(node.id, "searched lines", search)

    return ask


@pytest.fixture
def log_rights(run: Run, clients: Clients) -> Callable[[LogNode], Found[LogRights]]:
    """Tries what who reads and who ships must not be able to do."""

    def ask(node: LogNode) -> Found[LogRights]:
        found = try_rights(clients, mint(run), node)
        return clients.look.note(node.id, "rights at a central log", found)

    return ask


@pytest.fixture
def log_drill(run: Run, clients: Clients) -> Callable[[Logs], Found[LogLoss]]:
    """Stops collectors and store while numbered lines are written."""

    def drill(logs: Logs) -> Found[LogLoss]:
        clients.look.forget()
        try:
            found = LossDrill(run, mint(run), clients, logs).result()
        finally:
            clients.look.forget()
        return clients.look.note(logs.id, "log drill", found)

    return drill


@pytest.fixture(scope="session")
def restore_drill(run: Run, clients: Clients) -> Callable[[BackupRepository], Found[Restored]]:
    """Restores the newest backup elsewhere and compares; done once for all checks."""

    def restore(one: BackupRepository) -> Found[Restored]:
        permit = mint(run)
        target_lease.hold(run, one.cluster.database)
        clients.look.forget()
        try:
            found = RestoreDrill(run, permit, clients, one).restored()
        finally:
            clients.look.forget()
        return clients.look.note(one.id, "restore drill", found)

    def drill(one: BackupRepository) -> Found[Restored]:
        return run.once.do("restore drill", one.id, lambda: restore(one))

    return drill


@pytest.fixture
def policies(run: Run, clients: Clients) -> Callable[[ClusterSubject], Found[Tried]]:
    """Tries from pods of our own which connections a cluster lets through."""

    def tried(cluster: ClusterSubject) -> Found[Tried]:
        try:
            found = try_policies(run, mint(run), clients, cluster)
        finally:
            clients.look.forget()
        return clients.look.note(cluster.id, "network policies", found)

    return tried


@pytest.fixture
def confidence(run: Run) -> Callable[[int, str], None]:
    """Notes how many trials went well, all of them; the judge asks whether it is enough."""

    def note(trials: int, how: str) -> None:
        if run.case is not None:
            run.writer.write(
                "confidence",
                case=run.case.key,
                trials=trials,
                under=trials,
                sentence=sentence(trials, how),
            )

    return note


@pytest.fixture(scope="session")
def look(clients: Clients) -> SuiteLook:
    """What this run has seen so far; notes readings that no probe made."""
    return SuiteLook(clients.look)
