"""How Redis and Sentinel treat somebody without a login, on every machine and address."""

from collections.abc import Callable

from readiness.catalogue import check
from readiness.claim import Found, holds
from readiness.errors import NotRun
from readiness.model import Severity
from readiness.probes.door import Door, Wire
from readiness.probes.redis import RedisState
from readiness.subjects import CacheMachine, CacheNode, CachePort, SentinelNode

Knock = Callable[[CachePort], Found[Door]]
Asked = Callable[[CacheNode], Found[RedisState]]


def ports(machine: CacheMachine) -> tuple[CachePort, ...]:
    """The ports of that machine, of which there is at least one."""
    if not machine.ports:
        raise NotRun(f"{machine.id}: neither Redis nor Sentinel is declared there")
    return machine.ports


@check(
    "CACHE-009",
    "Every Redis and every Sentinel refuses who has no login or a wrong password",
    clauses=("infra.cache/authentication",),
    each="cache_machine",
    severity=Severity.CRITICAL,
    risk="Whoever reaches the port reads and forges sessions, or makes another machine master.",
    reads=(
        "PING without a login, AUTH as each user with a wrong password, at each of its addresses",
        "ACL DRYRUN of every command for the user default, at Sentinel",
    ),
    rights="a user with +acl|users, +acl|dryrun and +command",
    remedy="turn the user default off (at Sentinel `reset`) and give each program a user and a "
    "password of its own",
)
def test_nobody_gets_in_without_a_login(cache_machine: CacheMachine, door: Knock) -> None:
    """A stranger must log in, no wrong password is accepted, Sentinel gives default no rights."""
    for port in ports(cache_machine):
        found = door(port)
        assert holds(found.fact("answer to a stranger", found.reading.stranger), "==", "NOAUTH")
        accepted = found.fact("wrong logins accepted", found.reading.accepted)
        assert holds(accepted, "==", ())
        if isinstance(port.node, SentinelNode):
            runs = found.fact("commands that the user default may run", found.reading.default_runs)
            assert holds(runs, "==", ())


@check(
    "CACHE-010",
    "Every Redis and every Sentinel speaks over TLS only",
    clauses=("infra.cache/tls",),
    each="cache_machine",
    severity=Severity.HIGH,
    risk="Passwords and sessions travel in the clear inside the network.",
    reads=(
        "a TLS connection, and a PING without TLS, at each address of the machine",
        "INFO server: tcp_port, which is a plain one where both are open",
    ),
    rights="a Redis user with +info, +command, +acl|whoami and +acl|dryrun only",
    remedy="set port 0 and tls-port, for Sentinel too",
)
def test_tls_only(
    cache_machine: CacheMachine, wire: Callable[[CachePort], Found[Wire]], redis: Asked
) -> None:
    """Each port agrees on TLS with us and answers nothing in the clear; no plain one is open."""
    for port in ports(cache_machine):
        found = wire(port)
        clear = found.fact("answer in the clear", found.reading.clear or "none")
        assert holds(clear, "==", "none")
        assert holds(found.fact("TLS version", found.reading.tls), "in", ["TLSv1.2", "TLSv1.3"])
        if isinstance(port.node, CacheNode):
            assert holds(
                redis(port.node).fact("port", redis(port.node).reading.port), "==", port.port
            )
