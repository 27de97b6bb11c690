"""Asks a machine how its services run, over one observing session."""

from readiness.model.errors import NotUnderstood
from readiness.probes.ssh import ObserveSession
from readiness.site.declared.machine import Machine
from readiness.systems.asker import Connections
from readiness.systems.hardening import software_questions as questions
from readiness.systems.hardening.asking.whole import whole
from readiness.systems.hardening.reading import services as reading


def services(connections: Connections, machine: Machine) -> reading.Services:
    """Every loaded service, with its process and who may write what it leans on.

    Raises:
        ProbeError: systemd does not answer, or what runs can't be seen.
    """
    session = connections.session(machine)
    shown = reading.read_units(whole(session, questions.SERVICES), session.where)
    processes = _processes(session, sorted({reading.pid_of(one) for one in shown} - {0}))
    accounts = whole(session, questions.ACCOUNTS)
    rows = [line.split(":") for line in accounts.splitlines()]
    names = {int(row[2]): row[0] for row in reversed(rows) if len(row) > 2 and row[2].isdigit()}  # noqa: PLR2004
    units = tuple(reading.unit(one, processes.get(reading.pid_of(one)), names) for one in shown)
    members = reading.read_members(whole(session, questions.GROUPS), accounts)
    asked = reading.with_folders(
        path for one in units if one.starts_as_root for path in one.files if questions.fits(path)
    )
    rights: dict[str, reading.Rights] = {}
    for begin in range(0, len(asked), questions.AT_ONCE):
        command = questions.rights(asked[begin : begin + questions.AT_ONCE])
        # It ends with 1 where one of them is not there: an argument that only looks like a path.
        rights |= reading.read_rights(session.run(command, remember=False).text)
    return reading.Services(units, reading.writable(units, rights, members), len(rights))


def _processes(session: ObserveSession, pids: list[int]) -> dict[int, reading.Process]:
    found: dict[int, reading.Process] = {}
    for begin in range(0, len(pids), questions.AT_ONCE):
        command = questions.processes(pids[begin : begin + questions.AT_ONCE])
        found |= reading.read_processes(session.run(command, remember=False).text)
    if pids and not found:
        raise NotUnderstood(f"{session.where}: /proc shows none of the services' processes")
    return found
