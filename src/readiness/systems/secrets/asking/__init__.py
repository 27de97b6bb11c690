"""Looks on each machine for secrets that everybody can read there, over one observing session.

The search runs on the machine; lines that may hold a secret cross the encrypted session and are
judged in the gate's memory. What leaves this package has digests in the values' place.
"""

from typing import Final

from readiness.site.declared.machine import Machine
from readiness.systems.asker import Asker, Askers, Connections
from readiness.systems.secrets.asking import (
    declared_files,
    kept,
    open_files,
    published_logins,
    shown,
    shown_keys,
    values,
)
from readiness.systems.secrets.declared import secrets_of
from readiness.systems.secrets.reading import FILES, SHOWN, OpenFiles, ShownToAll
from readiness.systems.secrets.reading.kept import LOGINS, ROTATIONS, SSH_KEYS, TLS_KEYS, VALUES


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


ASKERS: Final[Askers] = (
    Asker(FILES, _files),
    Asker(SHOWN, _shown),
    # Guards count attempts: one member after the other.
    Asker(LOGINS, published_logins.try_all, at_once=1),
    Asker(SSH_KEYS, shown_keys.of_machine),
    Asker(TLS_KEYS, shown_keys.of_listener),
    Asker(VALUES, values.of_machine),
    Asker(ROTATIONS, values.rotations),
)
