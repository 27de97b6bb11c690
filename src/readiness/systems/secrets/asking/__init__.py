"""Looks on each machine for secrets that everybody can read there, over one observing session.

The search runs on the machine; lines that may hold a secret cross the encrypted session and are
judged in the gate's memory. What leaves this package has digests in the values' place.
"""

from typing import Final

from readiness.site.declared.machine import Machine
from readiness.systems.asker import Asker, Askers, Connections
from readiness.systems.secrets.asking import declared_files, kept, open_files, shown
from readiness.systems.secrets.declared import secrets_of
from readiness.systems.secrets.reading import FILES, SHOWN, OpenFiles, ShownToAll


def _files(connections: Connections, machine: Machine) -> OpenFiles:
    session, said = connections.session(machine), secrets_of(connections.site)
    here = open_files.search(session, said, machine.name)
    places = tuple(kept.place(session, one) for one in said.kept_in if one.is_about(machine.name))
    more = [
        declared_files.look(session, one, said, machine.name)
        for one in said.files
        if one.is_about(machine.name)
    ]
    return open_files.together(here, more, places)


def _shown(connections: Connections, machine: Machine) -> ShownToAll:
    return shown.look(connections.session(machine), secrets_of(connections.site), machine.name)


ASKERS: Final[Askers] = (Asker(FILES, _files), Asker(SHOWN, _shown))
