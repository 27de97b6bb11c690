"""What each etcd member says about itself and its cluster, over etcd's JSON gateway.

The questions are GET /health and the read-only calls Status, MemberList and Alarm(GET), which the
gateway takes as POST (etcd API v3). Ids are hexadecimal as etcdctl prints them.
"""

from collections.abc import Mapping
from typing import Any, Final

from readiness.model.errors import AccessDenied
from readiness.probes.rest import RestTarget, ask, require_ok
from readiness.site.environment import Environment
from readiness.site.subjects import StoreMember
from readiness.systems.asker import Asker, Askers, Connections
from readiness.systems.etcd.reading import (
    ALARM_PATH,
    ETCD,
    MEMBERS_PATH,
    STATUS_PATH,
    Alarm,
    Health,
    ListedMember,
    MemberReading,
    Status,
    read_alarms,
    read_health,
    read_members,
    read_status,
)

_UNAUTHENTICATED: Final = (7, 16)  # gRPC: PERMISSION_DENIED, UNAUTHENTICATED


def member(target: RestTarget) -> MemberReading:
    """Ask one member everything; raises ProbeError."""
    return MemberReading(health(target), status(target), members(target), alarms(target))


def health(target: RestTarget) -> Health:
    """GET /health; 503 with a reason is an answer."""
    return read_health(ask(target, "/health"), where=str(target))


def status(target: RestTarget) -> Status:
    """Maintenance.Status."""
    return read_status(_call(target, STATUS_PATH, {}), where=str(target))


def members(target: RestTarget) -> tuple[ListedMember, ...]:
    """Cluster.MemberList, sorted by name."""
    return read_members(_call(target, MEMBERS_PATH, {}), where=str(target))


def alarms(target: RestTarget) -> tuple[Alarm, ...]:
    """Maintenance.Alarm with the action GET, which only lists."""
    return read_alarms(_call(target, ALARM_PATH, {"action": "GET"}), where=str(target))


def _call(target: RestTarget, path: str, document: Mapping[str, Any]) -> Any:
    answer = ask(target, path, post=dict(document))
    if isinstance(answer.body, Mapping) and answer.body.get("code") in _UNAUTHENTICATED:
        raise AccessDenied(f"{target}: {path}: {answer.body.get('message', 'refused')}")
    return require_ok(target, path, answer)


def target(site: Environment, store: StoreMember) -> RestTarget:
    """Where a member of the consensus store answers."""
    consensus = store.store
    client = consensus.client_certificate
    return RestTarget(
        name=store.machine.name,
        host=store.machine.name,
        address=store.machine.addresses[0],
        port=consensus.port,
        ca_file=site.path(site.authorities[consensus.authority]),
        certificate=site.path(client.certificate) if client else None,
        key=site.path(client.key) if client else None,
    )


def _member(connections: Connections, store: StoreMember) -> MemberReading:
    return member(target(connections.site, store))


ASKERS: Final[Askers] = (Asker(ETCD, _member),)
