"""Asks a Grafana for a dashboard and for its data sources, with GET requests only."""

from typing import Final

from readiness.systems.asker import Asker, Askers, Connections
from readiness.systems.grafana.declared import Dashboard
from readiness.systems.grafana.reading import SHOWN, Shown, read
from readiness.systems.interface import get, target


def _shown(connections: Connections, one: Dashboard) -> Shown:
    at = target(connections.site, one.machine, one.server)
    path = f"/api/dashboards/uid/{one.board.uid}"
    board = get(at, one.server, path)
    sources = get(at, one.server, "/api/datasources")
    return read(board.body, sources.body, f"{at}: {path}")


ASKERS: Final[Askers] = (Asker(SHOWN, _shown),)
