"""Looks at what systemd and the kernel show everybody: environments and command lines."""

from collections.abc import Iterator
from typing import Final

from readiness.model.errors import NotUnderstood
from readiness.probes.ssh import ObserveSession
from readiness.systems.secrets.asking.detector import hits
from readiness.systems.secrets.asking.keys import without_value
from readiness.systems.secrets.asking.sent import sent
from readiness.systems.secrets.declared import Secrets
from readiness.systems.secrets.questions import MOST_LISTED, PROCESSES, SERVICES
from readiness.systems.secrets.reading import Secret, ShownToAll
from readiness.systems.secrets.reading.answers import (
    Process,
    Unit,
    read_processes,
    read_units,
)

_BOOTED: Final = "/run/systemd/system"
"""There while systemd is the machine's manager (sd_booted(3))."""


def look(session: ObserveSession, said: Secrets, machine: str) -> ShownToAll:
    """What was found in the environments of units and in all command lines.

    Raises:
        ProbeError: systemd or the process table does not answer.
    """
    units = units_of(session)
    processes = processes_of(session)
    meant = [one for one in said.allowed if one.is_about(machine)]
    secrets: dict[tuple[str, str, str], Secret] = {}
    allowed: set[str] = set()
    for unit, one in (*_of_units(units), *_of_processes(processes)):
        if any(entry.of_unit(unit, one.setting) for entry in meant):
            allowed.add(str(one))
        else:
            secrets.setdefault((one.place, one.setting, one.digest), one)
    return ShownToAll(len(units), len(processes), tuple(secrets.values()), tuple(sorted(allowed)))


def units_of(session: ObserveSession) -> tuple[Unit, ...]:
    """The services that systemd has loaded; none where there is no systemd.

    Raises:
        NotUnderstood: there is one, and it does not answer.
    """
    if session.run(f"test -d {_BOOTED}").exit_code != 0:
        return ()
    answer = session.run(SERVICES)
    units = read_units(answer.text)
    if answer.exit_code != 0 or not units:
        raise NotUnderstood(f"{session.where}: systemctl shows no service")
    return units


def processes_of(session: ObserveSession) -> tuple[Process, ...]:
    """Every process that we can see.

    Raises:
        NotUnderstood: `ps` does not say.
    """
    table = sent(session, PROCESSES, "ps", most=MOST_LISTED).decode("utf-8", "replace")
    processes = read_processes(table)
    if not processes:
        raise NotUnderstood(f"{session.where}: ps shows no process, not even ours")
    return processes


def _of_units(units: tuple[Unit, ...]) -> Iterator[tuple[str, Secret]]:
    for unit in units:
        for hit in hits(unit.environment):
            yield unit.id, without_value(hit, f"{unit.id}, Environment=")
        for command in unit.commands:
            for hit in hits(command):
                yield unit.id, without_value(hit, f"{unit.id}, a command line of the unit")


def _of_processes(processes: tuple[Process, ...]) -> Iterator[tuple[str, Secret]]:
    for one in processes:
        whose = one.unit if one.unit != "-" else f"a process of {one.user}"
        for hit in hits(one.arguments):
            yield one.unit, without_value(hit, f"{whose}, the command line of {one.program}")
