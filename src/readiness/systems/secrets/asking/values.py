"""Asks a machine for digests of its secrets, and for the logs of whoever gives them new values.

The machine makes a digest of a salt and the value. Here it is put under a key of this process, so
that who saw the salt among the machine's processes can't try values against the record.
"""

import hashlib
import hmac
import secrets
from typing import Final

from readiness.model.errors import AccessDenied, NotUnderstood
from readiness.probes.ssh import ObserveSession
from readiness.site.declared.machine import Machine
from readiness.systems.asker import Connections
from readiness.systems.secrets import questions
from readiness.systems.secrets.asking.open_files import content
from readiness.systems.secrets.declared import secrets_of
from readiness.systems.secrets.declared.values import Value as Declared
from readiness.systems.secrets.published import VALUES
from readiness.systems.secrets.reading.kept import (
    Rotations,
    Value,
    Values,
    read_log,
    read_salted,
)

_KEY: Final = secrets.token_bytes(32)
_SALT: Final = secrets.token_hex(16)
"""One for a run: two places are compared by it."""
_SHOWN: Final = 12


def of_machine(connections: Connections, machine: Machine) -> Values:
    """The secrets that are declared for a machine.

    Raises:
        ProbeError: one of them can't be read, or is empty.
    """
    session = connections.session(machine)
    declared = [one for one in secrets_of(connections.site).values if one.machine == machine.name]
    return Values(tuple(_value(session, one) for one in declared))


def _value(session: ObserveSession, meant: Declared) -> Value:
    answer = session.run(questions.salted(meant.path, meant.user, _SALT), remember=False)
    where = f"{session.where}: {meant.path}"
    if b"sudo:" in answer.stderr:
        raise AccessDenied(f"{where}: sudo does not let us read it as {meant.user}")
    digest = read_salted(answer.text, where)
    known = {_salted(value): source for value, source in VALUES.items()}
    changed = session.run(f"stat -Lc %Y {meant.path}", remember=False)
    if changed.exit_code != 0 or not changed.text.strip().isdigit():
        raise NotUnderstood(f"{where}: when it was changed can't be seen")
    mine = hmac.new(_KEY, digest.encode(), hashlib.sha256).hexdigest()[:_SHOWN]
    return Value(meant.name, mine, known.get(digest, ""), float(changed.text))


def _salted(value: str) -> str:
    return hashlib.sha256(f"{_SALT}{value}".encode()).hexdigest()


def rotations(connections: Connections, machine: Machine) -> Rotations:
    """What the declared logs on a machine say of values.

    Raises:
        ProbeError: one of them can't be read.
    """
    session = connections.session(machine)
    ages = secrets_of(connections.site).ages
    last: dict[str, float] = {}
    for one in ages.rotated if ages else ():
        if one.machine == machine.name:
            said = content(session, one.log, None).decode("utf-8", "replace")
            last |= read_log(said, one.values, f"{session.where}: {one.log}")
    return Rotations(last)
