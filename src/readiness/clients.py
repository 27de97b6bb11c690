"""The connections of a run, and the questions that suites ask over them.

One connection per machine and per database member, opened when first needed, all machines at once.
Everything that is asked goes through `Look`: recorded, and remembered until the next disturbance.
"""

import time
from collections.abc import Callable, Sequence
from contextlib import ExitStack, suppress
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from threading import Lock
from typing import Any, Final, TypeVar

from readiness.claim import Found
from readiness.declared.audit import Audit
from readiness.declared.common import Login
from readiness.declared.listener import AcmeChallenge
from readiness.declared.machine import Machine
from readiness.environment import Environment
from readiness.errors import NotRun, OverPrivileged, ProbeError, ReadinessError, Unreachable
from readiness.look import Look
from readiness.needs import demand
from readiness.probes import (
    acme,
    audit_trail,
    haproxy,
    mounts,
    network,
    pgbackrest,
    postgres_archive,
    postgres_restart,
    replication_login,
)
from readiness.probes import alpn as alpn_probe
from readiness.probes import etcd as etcd_probe
from readiness.probes import host as host_probe
from readiness.probes import http as http_probe
from readiness.probes import keepalived as keepalived_probe
from readiness.probes import patroni as patroni_probe
from readiness.probes import postgres as postgres_probe
from readiness.probes import rotation as rotation_probe
from readiness.probes import timer as timer_probe
from readiness.probes import tls as tls_probe
from readiness.probes.postgres_state import SETTINGS, ServerState
from readiness.probes.revocation import Revocation
from readiness.probes.ssh import Command, Machines, ObserveSession, SshTarget
from readiness.probes.testinfra_backend import testinfra_host
from readiness.probes.tls_scan import Deployed, Profile, Scan
from readiness.run import Run
from readiness.scanning import Scanning, Seen
from readiness.subjects import (
    Backend,
    BackupRepository,
    BalancerNode,
    ChallengedListener,
    Endpoint,
    Member,
    StoreMember,
    balancer_nodes,
    endpoints,
    members,
    names_beside,
    pages,
    store_members,
)
from readiness.systems.asking import asker_of
from readiness.systems.token import R, S, Source
from readiness.targets import (
    challenge_route,
    etcd_target,
    haproxy_target,
    patroni_target,
    trail_members,
    trail_table,
    web_place,
)
from readiness.tls_scans import TlsScans

T = TypeVar("T")
AT_ONCE_TLS: Final = 16  # a listener is asked some ten handshakes, one after the other


class Clients:
    """Everything a run looks through; close it at the end."""

    def __init__(self, run: Run) -> None:
        self.run = run
        self.site: Environment = run.environment
        self.look = Look(run, also=self._forget)
        self._stack = ExitStack()
        self._machines = self._stack.enter_context(Machines(self._note_command))
        self._ssh: dict[str, ObserveSession | ReadinessError] = {}
        self._connecting = Lock()
        self.scanning = Scanning(run, self._machines, self)
        self.tls_scans = TlsScans(run, lambda: self.look, self.tls_question)
        self._stack.callback(self.tls_scans.close)
        self._postgres: dict[str, postgres_probe.Session] = {}

    def close(self) -> None:
        """Close every connection."""
        self._stack.close()
        self._close_databases()

    def _forget(self) -> None:
        """Answers over connections end, that there is none too, and what a login may do."""
        for name, session in list(self._ssh.items()):
            if isinstance(session, ObserveSession):
                session.forget()
            else:
                del self._ssh[name]
        self.tls_scans.close()
        self._close_databases()

    def _close_databases(self) -> None:
        while self._postgres:
            self._postgres.popitem()[1].close()

    def ask(self, source: Source[S, R], subject: S) -> Found[R]:
        """What a source says about a subject; the first question asks all of its kind at once.

        Raises:
            ProbeError: it could not be found out, now or when it was first asked.
            NotRun: something is not declared, not permitted or not installed.
        """
        asker = asker_of(source)
        if not self.look.knows(subject.id, source.key):
            ask = partial(asker.ask, self)
            self.look.ahead(source.key, asker.everyone(self.site), ask, asker.at_once)
        return self.look.at(subject.id, source.key, lambda: asker.ask(self, subject))

    def _note_command(self, command: Command) -> None:
        self.run.writer.write(
            "command", machine=command.machine, user=command.user, command=command.command
        )

    # TLS and HTTP

    def tls_question(self, endpoint: Endpoint) -> tls_probe.Question:
        """How to ask one endpoint for its TLS."""
        listener = endpoint.listener
        return tls_probe.Question(
            address=endpoint.address,
            port=listener.port,
            authority_pem=self.authority_pem(listener.authority),
            server_name=endpoint.names[0],
            required_names=endpoint.names,
            fallback_names=names_beside(self.site, endpoint),
            nameless=not listener.names_only,
            starttls="postgresql" if listener.protocol == "postgresql" else None,
            client_certificate=self._client_certificate(endpoint),
        )

    def _client_certificate(self, endpoint: Endpoint) -> tuple[str, str] | None:
        """The files of chain and key, where a listener asks its clients for a certificate."""
        files = endpoint.listener.client_certificate
        if files is None:
            return None
        return str(self.site.path(files.certificate)), str(self.site.path(files.key))

    def tls(self, endpoint: Endpoint) -> Found[tls_probe.Handshake]:
        """What a listener presents; the first question asks all of them at once."""

        def ask(one: Endpoint) -> tls_probe.Handshake:
            return tls_probe.ask_question(self.tls_question(one), datetime.now(UTC))

        self.look.ahead("tls", endpoints(self.site), ask, AT_ONCE_TLS)
        return self.look.at(endpoint.id, "tls", lambda: ask(endpoint))

    def tls_scan(self, endpoint: Endpoint) -> Found[Scan]:
        """What a listener accepts and presents; all of them are scanned at once."""
        return self.tls_scans.scan(endpoint)

    def tls_profile(self, endpoint: Endpoint) -> Found[Profile]:
        """The profile that a listener is declared to comply with."""
        return self.tls_scans.profile(endpoint)

    def revocation(self, deployed: Deployed) -> Found[Revocation]:
        """What is said of the revocation of a certificate that some listener presents."""
        return self.tls_scans.revocation(deployed)

    def https(self, endpoint: Endpoint, path: str) -> Found[http_probe.Exchange]:
        """What a listener answers over HTTPS at its own address; looks for what is declared."""
        question = self._page_question(endpoint, path)
        source = f"https {path}"
        return self.look.at(endpoint.id, source, lambda: http_probe.ask_question(question))

    def as_browsers(self, endpoint: Endpoint, path: str) -> Found[http_probe.Exchange]:
        """The same asked as browsers do, over HTTP/2 where the listener agrees to that."""
        question = self._page_question(endpoint, path)
        source = f"alpn {path}"
        return self.look.at(endpoint.id, source, lambda: alpn_probe.ask_question(question))

    def _page_question(self, endpoint: Endpoint, path: str) -> http_probe.Question:
        declared = pages(self.site, endpoint.listener)
        return http_probe.Question(
            address=endpoint.address,
            port=endpoint.listener.port,
            host=endpoint.names[0],
            path=path,
            authority_pem=self.authority_pem(endpoint.listener.authority),
            client_certificate=self._client_certificate(endpoint),
            contains=next((one.contains for one in declared if one.path == path), ""),
        )

    def plain_http(self, endpoint: Endpoint, path: str) -> Found[http_probe.Exchange]:
        """What the plain twin of an HTTPS listener answers; redirects are not followed."""
        address, port = web_place(endpoint, acme.PORTS["http"])
        question = http_probe.Question(
            address=address,
            port=port,
            host=endpoint.names[0],
            path=path,
        )
        source = f"http {path}"
        return self.look.at(endpoint.id, source, lambda: http_probe.ask_question(question))

    def challenge(
        self, listener: ChallengedListener, name: str, file: AcmeChallenge
    ) -> Found[acme.Challenge]:
        """What an ACME authority meets that asks a listener for this file under this name."""
        asked = acme.Asked(
            *web_place(listener.endpoint, acme.PORTS["http"]), name, file.path, file.content
        )
        route = challenge_route(self.site, listener)
        source = f"acme {name}{file.path}"
        return self.look.at(listener.id, source, lambda: acme.ask(asked, route))

    def authority(self, name: str) -> Path:
        """The file of a declared authority."""
        return self.site.path(self.site.authorities[name])

    def authority_pem(self, name: str) -> bytes:
        """What the file of a declared authority holds.

        Raises:
            UsageError: the file is missing or unreadable.
        """
        return self.site.content(self.site.authorities[name])

    # Balancers

    def balancer_status(self, node: BalancerNode) -> Found[tuple[haproxy.Server, ...]]:
        """The servers as one balancer sees them; the first question asks all balancers at once."""

        def ask(one: BalancerNode) -> tuple[haproxy.Server, ...]:
            status = one.balancer.status
            return haproxy.servers(haproxy_target(self.site, one), status.path)

        self.look.ahead("haproxy", balancer_nodes(self.site), ask)
        return self.look.at(node.id, "haproxy", lambda: ask(node))

    def rotation(self, backend: Backend, endpoint: Endpoint) -> Found[rotation_probe.Rotation]:
        """Who answers a user at one address of a balancer; the first question asks all of them."""
        balancer = backend.balancer

        def ask(one: Endpoint) -> rotation_probe.Rotation:
            question = http_probe.Question(
                address=one.address,
                port=one.listener.port,
                host=one.names[0],
                path=balancer.page.path,
                authority_pem=self.authority_pem(one.listener.authority),
                client_certificate=self._client_certificate(one),
                contains=balancer.page.contains,
            )
            once = partial(http_probe.ask_question, question)
            return rotation_probe.ask(one.address, once, balancer.page.served_by, balancer.servers)

        self.look.ahead(f"rotation {balancer.name}", backend.endpoints, ask)
        return self.look.at(endpoint.id, f"rotation {balancer.name}", lambda: ask(endpoint))

    # Machines

    def session(self, machine: Machine) -> ObserveSession:
        """An observing SSH connection.

        Raises:
            ProbeError: the machine is not reached.
            NotRun: no SSH is declared for it.
        """
        self._connect()
        found = self._ssh.get(machine.name) or NotRun(f"{machine.name}: no SSH is declared for it")
        if isinstance(found, ReadinessError):
            raise found
        return found

    def _connect(self) -> None:
        """Connect to every machine that was not tried since the last disturbance."""
        with self._connecting:
            wanted = [one for one in self.site.machines if one.ssh and one.name not in self._ssh]
            if wanted and self.site.ssh:
                self._ssh |= self._machines.connect([self._ssh_target(one) for one in wanted])

    def _ssh_target(self, machine: Machine) -> SshTarget:
        ssh = self.site.ssh
        if ssh is None:
            raise NotRun("the environment declares no SSH")
        return SshTarget(
            name=machine.name,
            address=machine.addresses[0],
            user=ssh.observe.user,
            key_file=self.site.path(ssh.observe.key) if ssh.observe.key else None,
            known_hosts=self.site.path(ssh.known_hosts),
            config_file=self.site.path(ssh.config) if ssh.config else None,
        )

    def host(self, machine: Machine) -> Any:
        """A machine in testinfra's vocabulary: `host(m).service("chrony").is_running`."""
        return testinfra_host(self.session(machine))

    def _of_machine(self, machine: Machine, source: str, ask: Callable[[Machine], T]) -> Found[T]:
        """A fact of a machine; the first question asks all machines at once."""
        if not self.look.knows(machine.id, source):
            self._connect()
            self.look.ahead(source, tuple(one for one in self.site.machines if one.ssh), ask)
        return self.look.at(machine.id, source, lambda: ask(machine))

    def services(self, machine: Machine) -> Found[dict[str, host_probe.ServiceState]]:
        """The declared units of a machine, by name."""
        return self._of_machine(
            machine, "systemd", lambda one: host_probe.services(self.session(one), one.services)
        )

    def clock(self, machine: Machine) -> Found[host_probe.ClockState]:
        """What a machine's chronyd says."""
        return self._of_machine(machine, "chrony", lambda one: host_probe.clock(self.session(one)))

    def clock_offset(self, machine: Machine) -> Found[host_probe.ClockOffset]:
        """How far a machine's clock is from the one that looks."""
        return self._of_machine(machine, "clock", lambda one: host_probe.offset(self.session(one)))

    def sockets(self, machine: Machine) -> Found[tuple[network.Socket, ...]]:
        """The sockets of a machine that listen."""
        return self._of_machine(machine, "sockets", lambda one: network.sockets(self.session(one)))

    def addresses(self, machine: Machine) -> Found[tuple[str, ...]]:
        """The addresses that a machine holds."""
        return self._of_machine(
            machine, "addresses", lambda one: network.addresses(self.session(one))
        )

    def keepalived(self, machine: Machine) -> Found[keepalived_probe.Keepalived]:
        """What moves shared addresses on a machine; the first question asks all that may hold one.

        Raises:
            ProbeError: it could not be found out.
            NotRun: no SSH is declared for it.
        """
        moving = {
            name: self.site.listener(one.listener).shared_addresses
            for one in self.site.balancers
            for name in one.may_hold
        }
        everyone = tuple(one for one in self.site.machines if one.ssh and one.name in moving)

        def ask(one: Machine) -> keepalived_probe.Keepalived:
            return keepalived_probe.keepalived(self.session(one), moving.get(one.name, ()))

        if not self.look.knows(machine.id, "keepalived"):
            self._connect()
            self.look.ahead("keepalived", everyone, ask)
        return self.look.at(machine.id, "keepalived", lambda: ask(machine))

    def reachability(self) -> Seen:
        """What every vantage point can connect to; the first question scans from all of them."""
        return self.scanning.seen()

    # Databases

    def postgres_session(self, member: Member) -> postgres_probe.Session:
        """A read-only session with one member, as a login that can do no harm.

        Raises:
            OverPrivileged: the login given for looking could do harm.
            ProbeError: the member is not reached or refuses us.
        """
        return self.reading_session(member, member.database.logins.observe)

    def reading_session(self, member: Member, login: Login) -> postgres_probe.Session:
        """A read-only session with one member as that login, refused where it could do harm.

        Raises:
            OverPrivileged: the login given for looking could do harm.
            ProbeError: the member is not reached or refuses us.
        """
        key = f"{member.id} {login.user}"
        if key not in self._postgres:
            database = member.database
            target = postgres_probe.PostgresTarget(
                name=member.machine.name,
                host=member.machine.name,
                address=member.machine.addresses[0],
                port=database.port,
                dbname=database.database,
                user=login.user,
                ca_file=self.authority(database.authority),
            )
            with ExitStack() as refused:
                session = postgres_probe.connect(target, self.site.secret(login.password))
                refused.enter_context(session)
                dangerous = postgres_probe.rights(session).dangerous
                if dangerous:
                    raise OverPrivileged(
                        f"{member.id}: the observe login {login.user} could do harm and is "
                        f"refused: {', '.join(dangerous[:5])}; give one that only reads"
                    )
                refused.pop_all()
            self._postgres[key] = session
        return self._postgres[key]

    def postgres(self, member: Member) -> Found[ServerState]:
        """The state of one member; the first question asks every member at once."""

        def ask(one: Member) -> ServerState:
            return postgres_probe.state(self.postgres_session(one), SETTINGS)

        self.look.ahead("postgresql", members(self.site), ask)
        return self.look.at(member.id, "postgresql", lambda: ask(member))

    def storage(self, member: Member) -> Found[mounts.Storage]:
        """The file systems that one member's data lie on, as its machine says over SSH."""
        folder = self.postgres(member).reading.settings["data_directory"].value
        return self.look.at(
            member.id, "storage", lambda: mounts.storage(self.session(member.machine), folder)
        )

    def primary(self, database: str) -> Member:
        """The member that accepts writes, as all of them say.

        Raises:
            Unreachable: none or more than one does.
        """
        everyone = [one for one in members(self.site) if one.database.name == database]
        found = [one for one in everyone if not self.postgres(one).reading.in_recovery]
        if len(found) != 1:
            raise Unreachable(f"{database}: {len(found)} members accept writes, expected one")
        return found[0]

    def trail_rights(self, audit: Audit, member: Member) -> Found[audit_trail.TrailRights]:
        """Who could change the audit trail, as one member has it; the first asks all members."""
        table, application = trail_table(audit), audit.append_only.application

        def ask(one: Member) -> audit_trail.TrailRights:
            session = self.reading_session(one, audit.trail.reader)
            return audit_trail.rights(session, table, application)

        self.look.ahead("trail", trail_members(self.site, audit), ask)
        return self.look.at(member.id, "trail", lambda: ask(member))

    def events(self, audit: Audit, requests: Sequence[str]) -> tuple[audit_trail.Event, ...]:
        """The audit events of some requests, read on the primary; they are not remembered."""
        session = self.reading_session(self.primary(audit.trail.database), audit.trail.reader)
        return audit_trail.events(session, trail_table(audit), requests)

    def archiving(self, member: Member) -> Found[postgres_archive.Archiving]:
        """How one member archives; the first question asks every member at once."""

        def ask(one: Member) -> postgres_archive.Archiving:
            return postgres_archive.archiving(self.postgres_session(one))

        self.look.ahead("archiving", members(self.site), ask)
        return self.look.at(member.id, "archiving", lambda: ask(member))

    def restart(self, member: Member) -> Found[postgres_restart.Restart]:
        """What a restart of one member would meet; the first question asks every member."""

        def ask(one: Member) -> postgres_restart.Restart:
            return postgres_restart.restart(self.postgres_session(one))

        self.look.ahead("restart", members(self.site), ask)
        return self.look.at(member.id, "restart", lambda: ask(member))

    def replication_logins(self, member: Member) -> Found[replication_login.ReplicationLogins]:
        """What new replication connections of one member meet; the first question asks all."""

        def ask(one: Member) -> replication_login.ReplicationLogins:
            demand(self.site, "replication login", one)
            declared = one.database.replication_login
            user = declared.user if declared else ""
            return replication_login.replication_logins(self.session(one.machine), user)

        wanted = [one for one in members(self.site) if one.database.replication_login]
        self.look.ahead("replication-logins", wanted, ask)
        return self.look.at(member.id, "replication-logins", lambda: ask(member))

    def replay(self, standby: Member) -> Found[postgres_probe.ReplayProgress]:
        """Whether a standby replays what the primary has written by now.

        The primary is asked anew, just before the standby: of answers that came at once a segment
        that was completed between them would look like 16 MiB of lag.

        Raises:
            Unreachable: not exactly one member is the primary.
        """
        primary = self.primary(standby.database.name)

        def ask() -> postgres_probe.ReplayProgress:
            goal = postgres_probe.written(self.postgres_session(primary))
            session, limit = self.postgres_session(standby), standby.database.lag_time
            return postgres_probe.replays_up_to(session, goal, within=limit)

        return self.look.at(standby.id, "replay", ask)

    def patroni(self, member: Member) -> Found[patroni_probe.MemberReading]:
        """What one member's automation says; the first question asks every member at once.

        Raises:
            NotRun: no Patroni is declared.
        """

        def ask(one: Member) -> patroni_probe.MemberReading:
            return patroni_probe.member(patroni_target(self.site, one))

        demand(self.site, "automation", member)
        self.look.ahead("patroni", self._automated(), ask)
        return self.look.at(member.id, "patroni", lambda: ask(member))

    def patroni_status(self, member: Member) -> Found[patroni_probe.MemberStatus]:
        """What one member's automation says of itself, which it does without its store, too.

        Raises:
            NotRun: no Patroni is declared.
        """

        def ask(one: Member) -> patroni_probe.MemberStatus:
            return patroni_probe.status(patroni_target(self.site, one))

        demand(self.site, "automation", member)
        self.look.ahead("patroni-status", self._automated(), ask)
        return self.look.at(member.id, "patroni-status", lambda: ask(member))

    def _automated(self) -> tuple[Member, ...]:
        return tuple(one for one in members(self.site) if one.database.patroni)

    def etcd(self, store: StoreMember) -> Found[etcd_probe.MemberReading]:
        """What one member of a consensus store says; the first question asks all at once."""

        def ask(one: StoreMember) -> etcd_probe.MemberReading:
            return etcd_probe.member(etcd_target(self.site, one))

        self.look.ahead("etcd", store_members(self.site), ask)
        return self.look.at(store.id, "etcd", lambda: ask(store))

    # Backups

    def repository(self, one: BackupRepository) -> Found[pgbackrest.RepositoryReading]:
        """What a repository holds, after every member has said what it archived.

        The order counts: what a server called archived before must lie in the repository now, and
        what the timer's service had ended by then.
        """
        for member in one.cluster.members:
            with suppress(ProbeError):
                self.archiving(member)
        with suppress(ProbeError):
            self.timer(one.machine, one.backup.timer)
        home = one.backup.repository
        return self.look.at(
            one.id,
            "repository",
            lambda: pgbackrest.repository(
                self.session(one.machine), home.user, home.stanza, home.path, time.time()
            ),
        )

    def repository_answer(self, one: BackupRepository, member: Member) -> Found[pgbackrest.Stanza]:
        """What the repository answers a member, by that member's own settings and certificate."""
        home = one.backup.repository

        def ask(asking: Member) -> pgbackrest.Stanza:
            return pgbackrest.info(self.session(asking.machine), home.user, home.stanza)

        source = f"repository-answer {one.id}"
        self.look.ahead(source, one.cluster.members, ask)
        return self.look.at(member.id, source, lambda: ask(member))

    def timer(self, machine: Machine, unit: str) -> Found[timer_probe.Timer]:
        """When a systemd timer of a machine elapses next, and how its service last ended."""
        return self.look.at(
            machine.name, f"timer {unit}", lambda: timer_probe.timer(self.session(machine), unit)
        )
