"""What one HAProxy says about the servers behind it: its statistics as CSV.

Field names and states are those of the HAProxy management guide, section 9.1.
"""

from typing import Final

from readiness.model.errors import NotUnderstood
from readiness.probes.rest import RestTarget, fetch
from readiness.site.environment import Environment
from readiness.site.subjects import BalancerNode
from readiness.systems.asker import Asker, Askers, Connections
from readiness.systems.haproxy.reading import SERVERS, Server, read

_OK: Final = 200


def servers(target: RestTarget, path: str) -> tuple[Server, ...]:
    """Every server of every backend.

    Raises:
        ProbeError: it does not answer, refuses us, or answers something else.
    """
    status, body = fetch(target, path, accept="text/csv")
    if status != _OK:
        raise NotUnderstood(f"{target}: {path} answered HTTP {status}, expected 200")
    return read(body.decode(errors="replace"), where=f"{target}: {path}")


def target(site: Environment, node: BalancerNode) -> RestTarget:
    """Where a balancer tells about its servers."""
    status = node.status
    login = status.login
    return RestTarget(
        name=node.machine.name,
        host=node.machine.name,
        address=node.machine.addresses[0],
        port=status.port,
        ca_file=site.path(site.authorities[status.authority]) if status.authority else None,
        login=(login.user, site.secret(login.password)) if login else None,
    )


def _servers(connections: Connections, node: BalancerNode) -> tuple[Server, ...]:
    return servers(target(connections.site, node), node.status.path)


ASKERS: Final[Askers] = (Asker(SERVERS, _servers),)
