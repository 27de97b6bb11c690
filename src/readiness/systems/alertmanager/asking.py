"""Asks an Alertmanager and those who are told, with GET requests only."""

import time
from typing import Final

from readiness.site.environment import Environment
from readiness.systems.alertmanager.declared import Alertmanager, AlertReceiver
from readiness.systems.alertmanager.reading import (
    ALERTMANAGER_SAYS,
    RECEIVED,
    Notice,
    Telling,
    read_notices,
    read_telling,
)
from readiness.systems.asker import Asker, Askers, Connections
from readiness.systems.interface import get, target


def _says(connections: Connections, one: Alertmanager) -> Telling:
    at = target(connections.site, one.machine, one.server)
    status = get(at, one.server, "/api/v2/status")
    silences = get(at, one.server, "/api/v2/silences")
    alerts = get(at, one.server, "/api/v2/alerts")
    now = alerts.date or time.time()
    return read_telling(status.body, silences.body, alerts.body, now, f"{at}: /api/v2")


def received(site: Environment, one: AlertReceiver) -> tuple[Notice, ...]:
    """What a receiver has got so far.

    Raises:
        ProbeError: it does not say.
    """
    at = target(site, one.machine, one.receiver)
    answer = get(at, one.receiver, one.receiver.listed)
    now = answer.date or time.time()
    return read_notices(answer.body, now, f"{at}: {one.receiver.listed}")


def _received(connections: Connections, one: AlertReceiver) -> tuple[Notice, ...]:
    return received(connections.site, one)


ASKERS: Final[Askers] = (Asker(ALERTMANAGER_SAYS, _says), Asker(RECEIVED, _received))
