"""Asks the source of a planted attack, those who are told of it, and the doors from here.

Nothing is installed on the source: `python3 -I -` reads the program from its standard input.
"""

import json
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any, Final

from readiness.model.errors import AccessDenied, NotUnderstood
from readiness.probes.ssh import Machines, ScanSession
from readiness.probes.ssh_target import target
from readiness.site.environment import Environment
from readiness.systems.asker import Asker, Askers, Connections
from readiness.systems.interface import get
from readiness.systems.interface import target as interface_target
from readiness.systems.intrusion.asking.source_program import AT_ONCE, UNSENT, knock
from readiness.systems.intrusion.declared import Attack, Attacker, Intrusion
from readiness.systems.intrusion.reading import (
    ATTACKER_LOGIN,
    AttackerUser,
    Attempts,
    DoorAt,
    read_attempts,
    read_entries,
    read_states,
)

_PROGRAM: Final = Path(__file__).with_name("source_program.py")
_GRACE: Final = 15.0  # seconds for the login's shell, and the way back
# What one attempt may take: two connections, and a log-in that hangs.
_ATTEMPT: Final = 15.0


def opened(machines: Machines, site: Environment, intrusion: Intrusion) -> ScanSession:
    """A connection to the source, over the address that it does not attack from."""
    one = intrusion.source
    return machines.scan(target(site, one.name, one.address, one.login))


def attacked(
    session: ScanSession, attack: Attack, speaks: str, pairs: Sequence[tuple[str, str]]
) -> tuple[Attempts, ...]:
    """Attack: each pair is an address of the source and one of a machine.

    Raises:
        ProbeError: the source was not reached, or said nothing that is understood.
    """
    given = {
        "attack": {**attack.model_dump(mode="json"), "speaks": speaks},
        "pairs": [list(one) for one in pairs],
    }
    answer = _run(session, given, attack.most * _ATTEMPT + _GRACE)
    return read_attempts(answer, pairs, session.where)


def knocked(session: ScanSession, doors: Sequence[DoorAt]) -> tuple[str, ...]:
    """What became of a connection from the source to each door, in their order.

    Raises:
        ProbeError: the source was not reached, or said nothing that is understood.
    """
    given = {"doors": [[one.source, one.address, one.port, one.speaks] for one in doors]}
    return read_states(_run(session, given, 3 * _GRACE), len(doors), session.where)


def knocked_here(doors: Sequence[DoorAt]) -> tuple[str, ...]:
    """The same from where the gate runs, whichever of its addresses it leaves by."""
    with ThreadPoolExecutor(AT_ONCE) as pool:
        done = pool.map(lambda one: knock("", one.address, one.port, one.speaks), doors)
        return tuple(done)


def entries(site: Environment, intrusion: Intrusion) -> tuple[str, ...]:
    """What those who are told of attacks list: each entry as one line; empty where nobody is.

    Raises:
        ProbeError: it can't be had.
    """
    alert = intrusion.alert
    if alert is None:
        return ()
    at = interface_target(site, site.machine(alert.machine), alert)
    return read_entries(get(at, alert, alert.listed).body, f"{at}: {alert.listed}")


def _run(session: ScanSession, given: Mapping[str, Any], limit: float) -> Any:
    asked = json.dumps(given)
    program = f"{_PROGRAM.read_text(encoding='utf-8')}\n\nmain({asked!r})\n"
    answer = session.run(program.encode(), timeout=limit)
    if answer.exit_code != 0:
        raise NotUnderstood(f"{session.where}: the program failed: {answer.complaint}")
    try:
        found = json.loads(answer.text)
    except ValueError:
        raise NotUnderstood(f"{session.where}: the program said no JSON") from None
    if not isinstance(found, dict) or found.get("uid") == 0:
        raise AccessDenied(f"{session.where}: root could do harm; an ordinary user is enough")
    return found


def _login(connections: Connections, one: Attacker) -> AttackerUser:
    """Log in, and run the program on nothing."""
    machines = connections.kept("attacking logins", lambda: Machines(connections.note_command))
    session = opened(machines, connections.site, one.intrusion)
    knocked(session, ())
    return AttackerUser(session.user)


ASKERS: Final[Askers] = (Asker(ATTACKER_LOGIN, _login),)
__all__ = ["ASKERS", "UNSENT", "attacked", "entries", "knocked", "knocked_here", "opened"]
