"""Scanning: one login at every vantage point, all of them at once, only where it is permitted."""

from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any

from readiness.evidence.claim import Fact, Found, derive
from readiness.measure.reachability import Reachability
from readiness.model.errors import NotRun, ProbeError, ReadinessError
from readiness.model.words import Permission
from readiness.probes import scan as scan_probe
from readiness.probes.ssh import Machines
from readiness.probes.ssh_target import SshTarget
from readiness.session.run import Run
from readiness.site.declared.machine import Machine
from readiness.site.segmentation import Segmentation, Vantage
from readiness.systems.hosts.reading import SOCKETS
from readiness.systems.hosts.reading.network import Socket

SOURCE = "scan"


@dataclass(frozen=True)
class Seen:
    """What every vantage point found, what listens on every machine, and what is missing."""

    reachability: Reachability
    ports: frozenset[int]
    founds: tuple[Found[Any], ...]
    problems: tuple[ReadinessError, ...]

    def fact(self, name: str, subject: str, value: Any) -> Fact[Any]:
        """A fact that rests on everything that was seen."""
        return derive(name, subject, value, *self.founds)


class Scanning:
    """The vantage points of one environment, asked through the clients of a run."""

    def __init__(self, run: Run, machines: Machines, clients: Any) -> None:
        self.run, self.clients, self._machines = run, clients, machines
        # What no look remembers: nothing was found out, because it is not allowed or not ours.
        self._refused: dict[str, ReadinessError] = {}
        self._declared: Segmentation | None = None
        self._last: tuple[tuple[int, ...], Seen] | None = None

    def seen(self) -> Seen:
        """Scan from everywhere at once, the first time; then what was found.

        Raises:
            NotRun: no firewall is declared, or what listens on a machine can't be known.
        """
        declared = self._declared = self._declared or Segmentation(self.run.environment)
        listening, problems = self._listening()
        ports = declared.declared_ports() | {
            one.port
            for found in listening
            for one in found.reading
            if one.protocol == "tcp" and one.reachable
        }
        self._ahead(declared, ports)
        scans: dict[str, Found[scan_probe.Scan]] = {}
        missing: dict[str, str] = {}
        for vantage in declared.vantages:
            try:
                scans[vantage.name] = self.scan(declared, vantage, ports)
            except ReadinessError as error:
                missing[vantage.name] = str(error)
        founds: tuple[Found[Any], ...] = (*scans.values(), *listening)
        numbers = tuple(found.number for found in founds)
        if self._last is None or self._last[0] != numbers:
            readings = {name: found.reading for name, found in scans.items()}
            sockets = {found.subject: found.reading for found in listening}
            worked_out = Reachability(declared, readings, missing, sockets)
            self._last = numbers, Seen(worked_out, ports, founds, tuple(problems))
        return self._last[1]

    def _listening(self) -> tuple[list[Found[tuple[Socket, ...]]], list[ReadinessError]]:
        """What listens on every machine; one that can't be asked must at least be declared."""
        found, problems = [], []
        for machine in self.run.environment.machines:
            try:
                if machine.ssh:
                    found.append(self.clients.ask(SOCKETS, machine))
                else:
                    _must_declare(machine)
            except ReadinessError as error:
                problems.append(error)
        return found, problems

    def _ahead(self, declared: Segmentation, ports: frozenset[int]) -> None:
        """All at once: an address is only known to be alive while others are closed there."""
        look = self.clients.look
        missing = [
            one
            for one in declared.vantages
            if not look.knows(one.id, SOURCE) and one.id not in self._refused
        ]
        if not missing:
            return

        def answer(one: Vantage) -> object:
            try:
                return self._ask(declared, one, ports)
            except ReadinessError as error:
                return error

        with ThreadPoolExecutor(len(missing)) as pool:
            answers = list(pool.map(answer, missing))
        for one, found in zip(missing, answers, strict=True):
            if isinstance(found, ReadinessError) and not isinstance(found, ProbeError):
                self._refused[one.id] = found
            else:
                look.expect(one.id, SOURCE, found)

    def scan(
        self, declared: Segmentation, vantage: Vantage, ports: frozenset[int]
    ) -> Found[scan_probe.Scan]:
        """What one vantage point could connect to."""
        if vantage.id in self._refused:
            raise self._refused[vantage.id]
        found: Found[scan_probe.Scan] = self.clients.look.at(
            vantage.id, SOURCE, lambda: self._ask(declared, vantage, ports)
        )
        return found

    def _ask(
        self, declared: Segmentation, vantage: Vantage, ports: frozenset[int]
    ) -> scan_probe.Scan:
        if Permission.SCAN not in self.run.plan.permissions:
            raise NotRun(f"needs --{Permission.SCAN}")
        asked = question(declared, vantage, ports)
        most = declared.firewall.most_connections
        if asked.connections > most:
            raise NotRun(
                f"{vantage.name}: {asked.connections} connections are more than "
                f"firewall.most_connections allows ({most})"
            )
        session = self._machines.scan(self.target(declared, vantage))
        return scan_probe.ask(session, asked)

    def target(self, declared: Segmentation, vantage: Vantage) -> SshTarget:
        """Where and as whom a vantage point is logged in to."""
        site, login = self.run.environment, declared.firewall.login
        if site.ssh is None:
            raise NotRun("the environment declares no SSH")
        return SshTarget(
            name=vantage.name,
            address=vantage.addresses[0],
            user=login.user,
            key_file=site.path(login.key) if login.key else None,
            known_hosts=site.path(site.ssh.known_hosts),
            config_file=site.path(site.ssh.config) if site.ssh.config else None,
        )

    def greet(self, vantage: Vantage) -> str:
        """Log in, run the program on nothing, and say as whom."""
        declared = Segmentation(self.run.environment)
        session = self._machines.scan(self.target(declared, vantage))
        scan_probe.ask(session, scan_probe.Asked({}, {}, rate=1))
        return f"reached as {session.user} (an ordinary user, runs Python)"


def question(declared: Segmentation, vantage: Vantage, ports: frozenset[int]) -> scan_probe.Asked:
    """What a vantage point is to try at every address that is not its own."""
    known: dict[str, tuple[int, ...]] = {}
    others: dict[str, tuple[int, ...]] = {}
    for target in declared.targets:
        if target.address in vantage.addresses:
            continue
        may_be_open = declared.may_be_open(vantage, target)
        known[target.address] = tuple(sorted(may_be_open))
        others[target.address] = tuple(sorted(ports - may_be_open))
    return scan_probe.Asked(known, others, declared.firewall.rate)


def _must_declare(machine: Machine) -> Mapping[str, object]:
    if machine.listens is None:
        raise NotRun(f"{machine.name}: neither SSH nor its listening ports are declared")
    return {}
