"""What each Patroni member says about itself, its cluster and the cluster's configuration.

Only GET requests (Patroni REST API: /patroni, /cluster, /config, /history). A member that answers
503 to /patroni still tells its state; that is an answer, not an error.
"""

from typing import Final

from readiness.model.errors import ProbeError
from readiness.probes.rest import RestTarget, ask, require_ok
from readiness.site.environment import Environment
from readiness.site.needs import demand
from readiness.site.subjects import Member
from readiness.systems.asker import Asker, Askers, Connections
from readiness.systems.patroni.reading import (
    PATRONI,
    PATRONI_STATUS,
    ClusterView,
    DynamicConfig,
    MemberReading,
    MemberStatus,
    Switch,
    read_cluster,
    read_config,
    read_history,
    read_status,
)


def member(target: RestTarget) -> MemberReading:
    """Ask one member all four questions; raises ProbeError.

    One that has lost its store tells its status at once (4.1), and nothing that it would ask the
    store for.
    """
    own = status(target)
    try:
        return MemberReading(own, cluster(target), config(target), history(target))
    except ProbeError as error:
        if not own.cluster_unlocked:
            raise
        why = "by /patroni it knows of no leader: it has lost its consensus store, or there is none"
        raise type(error)(f"{error}; {why}") from error


def status(target: RestTarget) -> MemberStatus:
    """GET /patroni."""
    return read_status(ask(target, "/patroni"), where=str(target))


def cluster(target: RestTarget) -> ClusterView:
    """GET /cluster."""
    return read_cluster(require_ok(target, "/cluster", ask(target, "/cluster")), where=str(target))


def config(target: RestTarget) -> DynamicConfig:
    """GET /config."""
    return read_config(require_ok(target, "/config", ask(target, "/config")), where=str(target))


def history(target: RestTarget) -> tuple[Switch, ...]:
    """GET /history, oldest first."""
    return read_history(require_ok(target, "/history", ask(target, "/history")), where=str(target))


def target(site: Environment, one: Member) -> RestTarget:
    """Where a member's automation answers.

    Raises:
        NotRun: no Patroni is declared.
    """
    demand(site, "automation", one)
    patroni = one.database.patroni
    assert patroni is not None  # noqa: S101 - demanded above
    return RestTarget(
        name=one.machine.name,
        host=one.machine.name,
        address=one.machine.addresses[0],
        port=patroni.port,
        ca_file=site.path(site.authorities[patroni.authority]),
    )


def _member(connections: Connections, one: Member) -> MemberReading:
    return member(target(connections.site, one))


def _status(connections: Connections, one: Member) -> MemberStatus:
    return status(target(connections.site, one))


ASKERS: Final[Askers] = (Asker(PATRONI, _member), Asker(PATRONI_STATUS, _status))
