"""How Redis and Sentinel treat somebody without a login, on every machine and address."""

from readiness import Ask, NotRun, Severity, check, holds
from readiness.systems.redis.declared import (
    CACHE_MACHINE,
    CacheMachine,
    CacheNode,
    CachePort,
    SentinelNode,
)
from readiness.systems.redis.reading import DOOR, STATE, WIRE


def ports(machine: CacheMachine) -> tuple[CachePort, ...]:
    """The ports of that machine, of which there is at least one."""
    if not machine.ports:
        raise NotRun(f"{machine.id}: neither Redis nor Sentinel is declared there")
    return machine.ports


@check(
    "CACHE-009",
    "Every Redis and every Sentinel refuses who has no login or a wrong password",
    clauses=("infra.cache/authentication",),
    each=CACHE_MACHINE,
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
def test_nobody_gets_in_without_a_login(cache_machine: CacheMachine, ask: Ask) -> None:
    """A stranger must log in, no wrong password is accepted, Sentinel gives default no rights."""
    for port in ports(cache_machine):
        found = ask(DOOR, port)
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
    each=CACHE_MACHINE,
    severity=Severity.HIGH,
    risk="Passwords and sessions travel in the clear inside the network.",
    reads=(
        "a TLS connection, and a PING without TLS, at each address of the machine",
        "INFO server: tcp_port, which is a plain one where both are open",
    ),
    rights="a Redis user with +info, +command, +acl|whoami and +acl|dryrun only",
    remedy="set port 0 and tls-port, for Sentinel too",
)
def test_tls_only(cache_machine: CacheMachine, ask: Ask) -> None:
    """Each port agrees on TLS with us and answers nothing in the clear; no plain one is open."""
    for port in ports(cache_machine):
        found = ask(WIRE, port)
        clear = found.fact("answer in the clear", found.reading.clear or "none")
        assert holds(clear, "==", "none")
        assert holds(found.fact("TLS version", found.reading.tls), "in", ["TLSv1.2", "TLSv1.3"])
        if isinstance(port.node, CacheNode):
            assert holds(
                ask(STATE, port.node).fact("port", ask(STATE, port.node).reading.port),
                "==",
                port.port,
            )
