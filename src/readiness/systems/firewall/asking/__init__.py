"""Scans from vantage points over SSH, all of them at once, only where it is permitted.

Nothing is installed: `python3 -I -` reads the program from its standard input. A login that could
do harm is refused by what the program says about itself.
"""

import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from readiness.model.errors import NotRun, NotUnderstood
from readiness.model.words import Permission
from readiness.probes.ssh import Machines, ScanSession
from readiness.probes.ssh_target import target
from readiness.site.subjects import reached_machines
from readiness.systems.asker import Asker, Askers, Connections
from readiness.systems.firewall.reading import SCAN, SCAN_LOGIN, ScanUser, answers
from readiness.systems.firewall.reading.scan import Asked, Scan, question, read
from readiness.systems.firewall.segmentation import Segmentation, Vantage
from readiness.systems.hosts.reading import SOCKETS

# An address is only known to be alive while others are closed there, so nobody waits for a thread.
EVERYBODY: Final = sys.maxsize
_PROGRAM: Final = Path(__file__).with_name("scan_program.py")
_GRACE: Final = 15.0  # seconds beyond a scan's limit, for the login's shell and the way back


@dataclass(frozen=True)
class _Tried:
    """The declared matrix, and every port that is tried: declared, or listening anywhere."""

    declared: Segmentation
    ports: frozenset[int]

    def close(self) -> None:
        """End nothing: what is kept is no connection."""


def _tried(connections: Connections) -> _Tried:
    """One for all vantage points, as they ask at once."""

    def known() -> _Tried:
        declared = Segmentation(connections.site)
        found = answers(connections.ask, SOCKETS, reached_machines(connections.site))
        listening = {
            one.port
            for sockets in found.readings.values()
            for one in sockets
            if one.protocol == "tcp" and one.reachable
        }
        return _Tried(declared, declared.declared_ports() | listening)

    return connections.kept("scanned ports", known)


def _scan(connections: Connections, vantage: Vantage) -> Scan:
    if Permission.SCAN not in connections.permissions:
        raise NotRun(f"needs --{Permission.SCAN}")
    tried = _tried(connections)
    asked = question(tried.declared, vantage, tried.ports)
    most = tried.declared.firewall.most_connections
    if asked.connections > most:
        raise NotRun(
            f"{vantage.name}: {asked.connections} connections are more than "
            f"firewall.most_connections allows ({most})"
        )
    return scan(_session(connections, vantage), asked)


def _login(connections: Connections, vantage: Vantage) -> ScanUser:
    """Log in, and run the program on nothing."""
    session = _session(connections, vantage)
    scan(session, Asked({}, {}, rate=1))
    return ScanUser(session.user)


def _session(connections: Connections, vantage: Vantage) -> ScanSession:
    """A connection of its own: whoever scans is another user than whoever looks."""
    site = connections.site
    machines = connections.kept("scanning logins", lambda: Machines(connections.note_command))
    login = Segmentation(site).firewall.login
    return machines.scan(target(site, vantage.name, vantage.addresses[0], login))


def program(asked: Asked) -> bytes:
    """The program with what it is to do, as a vantage point reads it."""
    return f"{_PROGRAM.read_text()}\n\nmain({asked.as_json()!r})\n".encode()


def scan(session: ScanSession, asked: Asked) -> Scan:
    """Scan from a vantage point.

    Raises:
        AccessDenied: the login could do harm; it is not used any more.
        ProbeError: it was not reached, has no Python, or did not answer everything.
    """
    answer = session.run(program(asked), timeout=asked.limit + _GRACE)
    if answer.exit_code != 0:
        raise NotUnderstood(f"{session.where}: the scan failed: {answer.complaint}")
    return read(answer.text, asked, where=session.where)


ASKERS: Final[Askers] = (
    Asker(SCAN, _scan, at_once=EVERYBODY),
    Asker(SCAN_LOGIN, _login),
)
