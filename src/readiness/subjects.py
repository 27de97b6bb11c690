"""The declared members that facts are about: what a check is repeated for."""

from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from readiness.declared.balancer import Balancer
from readiness.declared.common import Address
from readiness.declared.database import Database
from readiness.declared.listener import Listener
from readiness.declared.machine import Machine
from readiness.environment import Environment
from readiness.segmentation import ZonePair, open_zone_pairs, zone_pairs


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
class Cluster:
    """One replicated database with the machines it runs on."""

    database: Database
    machines: tuple[Machine, ...]
    store_machines: tuple[Machine, ...]

    @property
    def id(self) -> str:
        """The database's name."""
        return self.database.name

    @property
    def members(self) -> tuple["Member", ...]:
        """Every declared member."""
        return tuple(Member(self, machine) for machine in self.machines)

    @property
    def store(self) -> tuple["StoreMember", ...]:
        """Every declared member of the consensus store that the automation leans on."""
        return tuple(StoreMember(self, machine) for machine in self.store_machines)


@dataclass(frozen=True)
class Member:
    """One declared member of a database cluster."""

    cluster: Cluster
    machine: Machine

    @property
    def id(self) -> str:
        """Cluster and machine."""
        return f"{self.cluster.id}/{self.machine.name}"

    @property
    def database(self) -> Database:
        """What it is a member of, as declared."""
        return self.cluster.database


@dataclass(frozen=True)
class StoreMember:
    """One declared member of the consensus store of a cluster."""

    cluster: Cluster
    machine: Machine

    @property
    def id(self) -> str:
        """Cluster and machine."""
        return f"{self.cluster.id}/etcd/{self.machine.name}"

    @property
    def database(self) -> Database:
        """The database whose automation leans on it."""
        return self.cluster.database


@dataclass(frozen=True)
class BalancerNode:
    """One machine of a balancer."""

    balancer: Balancer
    machine: Machine

    @property
    def id(self) -> str:
        """Balancer and machine."""
        return f"{self.balancer.name}/{self.machine.name}"


@dataclass(frozen=True)
class Backend:
    """One machine behind a balancer, with the balancer's machines and the addresses users ask."""

    balancer: Balancer
    machine: Machine
    nodes: tuple[BalancerNode, ...]
    endpoints: tuple[Endpoint, ...]

    @property
    def id(self) -> str:
        """Balancer and machine."""
        return f"{self.balancer.name}/{self.machine.name}"


Subject = Environment | Machine | Endpoint | Cluster | Member | Backend | ZonePair


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


def clusters(environment: Environment) -> tuple[Cluster, ...]:
    """Every declared database with its machines."""
    return tuple(
        Cluster(
            database,
            tuple(environment.machine(name) for name in database.members),
            tuple(environment.machine(name) for name in database.consensus.members),
        )
        for database in environment.databases
    )


def members(environment: Environment) -> tuple[Member, ...]:
    """Every declared member of every database."""
    return tuple(member for cluster in clusters(environment) for member in cluster.members)


def store_members(environment: Environment) -> tuple[StoreMember, ...]:
    """Every declared member of every consensus store."""
    return tuple(member for cluster in clusters(environment) for member in cluster.store)


def balancer_nodes(environment: Environment) -> tuple[BalancerNode, ...]:
    """Every machine of every balancer."""
    return tuple(
        BalancerNode(one, environment.machine(name))
        for one in environment.balancers
        for name in one.machines
    )


def backends(environment: Environment) -> tuple[Backend, ...]:
    """Every machine behind every balancer."""
    nodes = balancer_nodes(environment)
    return tuple(
        Backend(
            one,
            environment.machine(name),
            tuple(node for node in nodes if node.balancer is one),
            tuple(
                place
                for place in endpoints(environment)
                if place.listener.name == one.listener and place.node in {*one.machines, "shared"}
            ),
        )
        for one in environment.balancers
        for name in one.servers
    )


KINDS: dict[str, Callable[[Environment], Mapping[str, Subject]]] = {
    "environment": lambda env: {env.name: env},
    "machine": lambda env: {one.name: one for one in env.machines},
    "tls_listener": lambda env: {one.id: one for one in endpoints(env)},
    "http_listener": lambda env: {
        one.id: one for one in endpoints(env) if one.listener.protocol == "https"
    },
    "backend": lambda env: {one.id: one for one in backends(env)},
    "zone_pair": zone_pairs,
    "open_zone_pair": open_zone_pairs,
    "database_cluster": lambda env: {one.id: one for one in clusters(env)},
    "database_member": lambda env: {one.id: one for one in members(env)},
}


def subjects(environment: Environment, kind: str) -> Mapping[str, Subject]:
    """The declared subjects of a kind, by id; empty when the environment has none."""
    return KINDS[kind](environment)
