"""Asks Redis, and any port of a cache, over TLS."""

from typing import Final

from readiness.model.errors import NotUnderstood
from readiness.site.environment import Environment
from readiness.systems.asker import Asker, Askers, Connections
from readiness.systems.redis.asking import door
from readiness.systems.redis.asking.login import log_in_harmless
from readiness.systems.redis.asking.resp import Conversation, RespTarget
from readiness.systems.redis.declared import (
    CacheNode,
    CachePort,
    SentinelNode,
    cache_nodes,
    first_port,
    sentinel_nodes,
)
from readiness.systems.redis.reading import (
    ADMISSIONS,
    DOOR,
    STATE,
    WIRE,
    Admissions,
    Door,
    RedisState,
    Wire,
    read,
)


def state(target: RespTarget, user: str, password: str) -> RedisState:
    """Ask one Redis, as a user that may do no harm.

    Raises:
        OverPrivileged: the user could do more than look.
        ProbeError: it does not answer, refuses us, or answers something else.
    """
    with Conversation(target) as talk:
        log_in_harmless(talk, user, password)
        text = talk.require("INFO")
    if not isinstance(text, str):
        raise NotUnderstood(f"{target}: INFO is no text")
    return read(text, where=str(target))


def target(
    connections: Connections, node: CacheNode | SentinelNode, address: str, port: int
) -> RespTarget:
    """Where a Redis or a Sentinel answers."""
    return RespTarget(
        name=node.id,
        host=node.machine.name,
        address=address,
        port=port,
        authority_pem=connections.authority_pem(node.cache.authority),
    )


def _at(connections: Connections, port: CachePort) -> RespTarget:
    return target(connections, port.node, port.address, port.port)


def _state(connections: Connections, node: CacheNode) -> RedisState:
    login = node.cache.login
    where = _at(connections, first_port(node))
    return state(where, login.user, connections.site.secret(login.password))


def _door(connections: Connections, port: CachePort) -> Door:
    node, cache = port.node, port.node.cache
    promoter = cache.sentinel.promotes_as if cache.sentinel else None
    login, users = cache.login, (promoter, cache.replicates_as)
    if isinstance(node, SentinelNode):
        login, users = node.sentinels.login, (None, None)
    password = connections.site.secret(login.password)
    return door.knock(_at(connections, port), (login.user, password), *users)


def _admissions(connections: Connections, port: CachePort) -> Admissions:
    node = port.node
    part = node.cache if isinstance(node, CacheNode) else node.sentinels
    own, *clients = (
        (login.user, connections.site.secret(login.password))
        for login in (part.login, *part.clients)
    )
    return door.admit(_at(connections, port), own, clients)


def _first_ports(site: Environment) -> tuple[CachePort, ...]:
    redis, sentinels = map(first_port, cache_nodes(site)), map(first_port, sentinel_nodes(site))
    return (*redis, *sentinels)


def _wire(connections: Connections, port: CachePort) -> Wire:
    return door.listen(_at(connections, port))


ASKERS: Final[Askers] = (
    Asker(STATE, _state),
    Asker(DOOR, _door),
    Asker(ADMISSIONS, _admissions, together=_first_ports),
    Asker(WIRE, _wire),
)
