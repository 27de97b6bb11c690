"""The declared members that facts are about: what a check is repeated for."""

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass

from readiness.environment import Address, Database, Environment, Listener, Machine


@dataclass(frozen=True)
class Endpoint:
    """One listener at one address of one node."""

    id: str
    listener: Listener
    node: str
    address: str

    @property
    def family(self) -> str:
        """`v4` or `v6`."""
        return Address(ip=self.address).family

    @property
    def names(self) -> tuple[str, ...]:
        """Names that the certificate presented here must carry."""
        own = (self.node,) if self.listener.own_name else ()
        return self.listener.names + own


@dataclass(frozen=True)
class Member:
    """One declared member of a database cluster."""

    id: str
    database: Database
    machine: Machine


Subject = Environment | Machine | Endpoint | Database | Member


def endpoints(environment: Environment) -> tuple[Endpoint, ...]:
    """Every TLS listener at every address it is declared on, each node apart."""
    places = [
        (listener, node, address)
        for listener in environment.listeners
        for node, addresses in (
            *((name, environment.machine(name).addresses) for name in listener.machines),
            ("shared", listener.shared_addresses),
        )
        for address in addresses
    ]
    label = [f"{one.name}/{node}/{Address(ip=ip).family}" for one, node, ip in places]
    count = Counter(label)
    return tuple(
        Endpoint(name if count[name] == 1 else f"{name}/{ip}", one, node, ip)
        for name, (one, node, ip) in zip(label, places, strict=True)
    )


def members(environment: Environment) -> tuple[Member, ...]:
    """Every declared member of every database."""
    return tuple(
        Member(f"{database.name}/{name}", database, environment.machine(name))
        for database in environment.databases
        for name in database.members
    )


def _machines(environment: Environment, wanted: Callable[[Machine], bool]) -> dict[str, Subject]:
    return {machine.name: machine for machine in environment.machines if wanted(machine)}


KINDS: dict[str, Callable[[Environment], dict[str, Subject]]] = {
    "environment": lambda env: {env.name: env},
    "machine": lambda env: _machines(env, lambda machine: bool(machine.services)),
    "clock": lambda env: _machines(env, lambda machine: machine.clock),
    "tls_listener": lambda env: {one.id: one for one in endpoints(env)},
    "http_listener": lambda env: {
        one.id: one for one in endpoints(env) if one.listener.protocol == "https"
    },
    "database_cluster": lambda env: {one.name: one for one in env.databases},
    "database_member": lambda env: {one.id: one for one in members(env)},
    "failover_cluster": lambda env: {one.name: one for one in env.databases if one.failover},
}


def subjects(environment: Environment, kind: str) -> dict[str, Subject]:
    """The declared subjects of a kind, by id; empty when the environment has none."""
    return KINDS[kind](environment)
