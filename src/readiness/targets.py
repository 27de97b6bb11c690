"""Where the declared parts of a site answer, as the probes take it."""

from typing import Final

from readiness.declared.audit import Audit
from readiness.environment import Environment
from readiness.needs import demand
from readiness.probes import acme, audit_trail
from readiness.probes.rest import RestTarget
from readiness.subjects import (
    BalancerNode,
    ChallengedListener,
    Endpoint,
    Member,
    StoreMember,
    members,
    serving,
)

DEFAULT_PLAIN_PORT: Final = 80


def web_place(endpoint: Endpoint, public: int) -> acme.Place:
    """Where an HTTPS listener serves what the world knows as port 80 or 443."""
    plain = endpoint.listener.plain_http
    if public != acme.PORTS["http"]:
        return endpoint.address, endpoint.listener.port
    return endpoint.address, plain.port if plain else DEFAULT_PLAIN_PORT


def challenge_route(site: Environment, listener: ChallengedListener) -> acme.Route:
    """Where a redirect of a challenge leads: to the same address, or to another declared name's."""
    own = {one.lower() for one in listener.names}

    def route(host: str, public: int) -> acme.Place | None:
        endpoint = listener.endpoint
        led = endpoint if host in own else serving(site, host, endpoint.family)
        return web_place(led, public) if led else None

    return route


def trail_table(audit: Audit) -> audit_trail.Table:
    """The audit trail's table with the columns that are declared."""
    columns = audit.trail.columns.model_dump(exclude_none=True)
    return audit_trail.Table(audit.trail.db_schema, audit.trail.table, columns)


def trail_members(site: Environment, audit: Audit) -> tuple[Member, ...]:
    """Every member of the database that the trail is in."""
    return tuple(one for one in members(site) if one.database.name == audit.trail.database)


def haproxy_target(site: Environment, node: BalancerNode) -> RestTarget:
    """Where a balancer tells about its servers."""
    status = node.balancer.status
    login = status.login
    return RestTarget(
        name=node.machine.name,
        host=node.machine.name,
        address=node.machine.addresses[0],
        port=status.port,
        ca_file=site.path(site.authorities[status.authority]) if status.authority else None,
        login=(login.user, site.secret(login.password)) if login else None,
    )


def patroni_target(site: Environment, member: Member) -> RestTarget:
    """Where a member's automation answers.

    Raises:
        NotRun: no Patroni is declared.
    """
    demand(site, "automation", member)
    patroni = member.database.patroni
    assert patroni is not None  # noqa: S101 - demanded above
    return RestTarget(
        name=member.machine.name,
        host=member.machine.name,
        address=member.machine.addresses[0],
        port=patroni.port,
        ca_file=site.path(site.authorities[patroni.authority]),
    )


def etcd_target(site: Environment, store: StoreMember) -> RestTarget:
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
