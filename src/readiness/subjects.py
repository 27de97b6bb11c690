"""The declared members that facts are about: what a check is repeated for."""

from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Final

from readiness.declared.audit import Audit
from readiness.declared.backup import Backup
from readiness.declared.balancer import Balancer
from readiness.declared.cache import Cache, Sentinels
from readiness.declared.common import Address
from readiness.declared.database import ConsensusStore, Database
from readiness.declared.listener import AcmeChallenge, Listener
from readiness.declared.load import LoadTest
from readiness.declared.machine import Machine
from readiness.environment import Environment
from readiness.errors import NotRun
from readiness.segmentation import ZonePair, open_zone_pairs, zone_pairs

SHARED: Final = "shared"
"""Stands for the machine of an endpoint whose address moves."""
OK: Final = 200


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
class ChallengedListener:
    """One listener at one address, with the files that lie where its challenges are answered."""

    endpoint: Endpoint
    challenges: tuple[AcmeChallenge, ...]

    @property
    def id(self) -> str:
        """The endpoint's."""
        return self.endpoint.id

    @property
    def names(self) -> tuple[str, ...]:
        """Names that an authority asks for here; it asks for no wildcard over HTTP."""
        shared = self.endpoint.node == SHARED
        names = self.endpoint.listener.names if shared else self.endpoint.names
        return tuple(one for one in names if not one.startswith("*."))


@dataclass(frozen=True)
class WebPage:
    """One page of a listener. Without a status nobody declared what a right answer is."""

    path: str
    status: int | None = None
    contains: str = ""


@dataclass(frozen=True)
class Cluster:
    """One database with the machines that it and its consensus store run on."""

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
        """Every declared member of the consensus store, if the automation leans on one."""
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

    @property
    def store(self) -> ConsensusStore:
        """The store that it is a member of, as declared."""
        assert self.database.consensus is not None  # noqa: S101 - it has no member elsewhere
        return self.database.consensus


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


@dataclass(frozen=True)
class AuditedServer:
    """One application machine whose reads of records are audited."""

    audit: Audit
    machine: Machine

    @property
    def id(self) -> str:
        """Trail and machine."""
        return f"{self.audit.name}/{self.machine.name}"


@dataclass(frozen=True)
class CacheNode:
    """One Redis of a cache."""

    cache: Cache
    machine: Machine

    @property
    def id(self) -> str:
        """Cache and machine."""
        return f"{self.cache.name}/{self.machine.name}"


@dataclass(frozen=True)
class SentinelNode:
    """One Sentinel of a cache."""

    cache: Cache
    machine: Machine

    @property
    def id(self) -> str:
        """Cache and machine."""
        return f"{self.cache.name}/sentinel/{self.machine.name}"

    @property
    def sentinels(self) -> Sentinels:
        """What it is one of, as declared."""
        assert self.cache.sentinel is not None  # noqa: S101 - there is no such node elsewhere
        return self.cache.sentinel


@dataclass(frozen=True)
class CachePort:
    """A Redis or a Sentinel of a cache at one address, as anybody meets it."""

    node: CacheNode | SentinelNode
    address: str

    @property
    def id(self) -> str:
        """The node and the address."""
        return f"{self.node.id} at {self.address}"

    @property
    def port(self) -> int:
        """Where it listens."""
        node = self.node
        return node.cache.port if isinstance(node, CacheNode) else node.sentinels.port


def first_port(node: CacheNode | SentinelNode) -> CachePort:
    """A Redis or a Sentinel at the address of its machine that is asked first."""
    return CachePort(node, node.machine.addresses[0])


@dataclass(frozen=True)
class CacheMachine:
    """One machine of a cache, with the ports of Redis and Sentinel at each of its addresses."""

    cache: Cache
    machine: Machine
    ports: tuple[CachePort, ...]

    @property
    def id(self) -> str:
        """Cache and machine."""
        return f"{self.cache.name}/{self.machine.name}"


@dataclass(frozen=True)
class CacheCluster:
    """One cache with every Redis and every Sentinel that is declared for it."""

    cache: Cache
    nodes: tuple[CacheNode, ...]
    sentinels: tuple[SentinelNode, ...]

    @property
    def id(self) -> str:
        """The cache's name."""
        return self.cache.name

    @property
    def watch(self) -> Sentinels:
        """What watches over it, as declared.

        Raises:
            NotRun: no Sentinel is declared.
        """
        if self.cache.sentinel is None:
            raise NotRun(f"{self.id}: no Sentinel is declared")
        return self.cache.sentinel


@dataclass(frozen=True)
class BackupRepository:
    """The backups of one database: the machine they lie on, and the cluster they are of."""

    backup: Backup
    machine: Machine
    cluster: Cluster

    @property
    def id(self) -> str:
        """The name of the backups."""
        return self.backup.name


Subject = (
    Environment
    | Machine
    | Endpoint
    | ChallengedListener
    | Cluster
    | Member
    | Backend
    | LoadTest
    | AuditedServer
    | Audit
    | CacheCluster
    | CacheNode
    | CacheMachine
    | BackupRepository
    | ZonePair
)


def endpoints(environment: Environment) -> tuple[Endpoint, ...]:
    """Every TLS listener at every address it is declared on, each node apart."""
    places = [
        (listener, node, address)
        for listener in environment.listeners
        for node, addresses in (
            *((name, environment.machine(name).addresses) for name in listener.machines),
            (SHARED, listener.shared_addresses),
        )
        for address in addresses
    ]
    label = [f"{one.name}/{node}/{Address(ip=ip).family}" for one, node, ip in places]
    count = Counter(label)
    return tuple(
        Endpoint(name if count[name] == 1 else f"{name}/{ip}", one, node, ip)
        for name, (one, node, ip) in zip(label, places, strict=True)
    )


def challenged_listeners(environment: Environment) -> tuple[ChallengedListener, ...]:
    """Every listener whose challenges are declared, at every address."""
    found = (
        (one, tuple(of for of in environment.acme_challenges if of.listener == one.listener.name))
        for one in endpoints(environment)
    )
    return tuple(ChallengedListener(one, files) for one, files in found if files)


def serving(environment: Environment, name: str, family: str) -> Endpoint | None:
    """Where somebody ends up who asks for a web page of that name; None where nobody declares it.

    Of several addresses a shared one, of that family: as a resolver would choose.
    """
    found = [
        one
        for one in endpoints(environment)
        if one.listener.protocol == "https" and name in {each.lower() for each in one.names}
    ]
    return min(found, key=lambda one: (one.family != family, one.node != SHARED), default=None)


def names_beside(environment: Environment, endpoint: Endpoint) -> tuple[str, ...]:
    """Its names, and those of other listeners that are declared at its address and port."""
    port = endpoint.listener.port
    alike = [one for one in environment.listeners if one.port == port]
    if alike == [endpoint.listener]:
        return endpoint.names
    here = (one for one in endpoints(environment) if one.listener in alike)
    names = (name for one in here if one.address == endpoint.address for name in one.names)
    return tuple(dict.fromkeys(names))


def pages(environment: Environment, listener: Listener) -> tuple[WebPage, ...]:
    """The pages of an HTTPS listener that anybody may ask, as far as they are declared.

    Each path once: what `pages` says of it comes first, then what a balancer or a load test does.
    """
    name = listener.name
    plain = listener.plain_http.paths if listener.plain_http else ()
    found = {path: WebPage(path) for path in (listener.path, *plain)}
    loaded = (
        page
        for test in environment.load_tests
        if test.listener == name
        for page in test.pages
        if not page.logged_in
    )
    balanced = (one.page for one in environment.balancers if one.listener == name)
    found |= {one.path: WebPage(one.path, OK, one.contains) for one in loaded}
    found |= {one.path: WebPage(one.path, OK, one.contains) for one in balanced}
    declared = (one for one in environment.pages if one.listener == name)
    found |= {one.path: WebPage(one.path, one.status, one.contains) for one in declared}
    return tuple(found.values())


def clusters(environment: Environment) -> tuple[Cluster, ...]:
    """Every declared database with its machines."""
    return tuple(
        Cluster(
            database,
            tuple(environment.machine(name) for name in database.members),
            tuple(
                environment.machine(name)
                for name in (database.consensus.members if database.consensus else ())
            ),
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
                if place.listener.name == one.listener and place.node in {*one.machines, SHARED}
            ),
        )
        for one in environment.balancers
        for name in one.servers
    )


def audited_servers(environment: Environment) -> tuple[AuditedServer, ...]:
    """Every machine behind the balancer whose application keeps the audit trail."""
    audit = environment.audit
    return tuple(
        AuditedServer(audit, environment.machine(name))
        for one in environment.balancers
        if audit is not None and one.name == audit.balancer
        for name in one.servers
    )


def caches(environment: Environment) -> tuple[CacheCluster, ...]:
    """Every declared cache with its members."""
    return tuple(
        CacheCluster(
            one,
            tuple(CacheNode(one, environment.machine(name)) for name in one.members),
            tuple(
                SentinelNode(one, environment.machine(name))
                for name in (one.sentinel.machines if one.sentinel else ())
            ),
        )
        for one in environment.caches
    )


def cache_of(environment: Environment, node: CacheNode) -> CacheCluster:
    """The cache that a node belongs to."""
    return next(one for one in caches(environment) if one.id == node.cache.name)


def cache_nodes(environment: Environment) -> tuple[CacheNode, ...]:
    """Every declared Redis of every cache."""
    return tuple(node for one in caches(environment) for node in one.nodes)


def sentinel_nodes(environment: Environment) -> tuple[SentinelNode, ...]:
    """Every declared Sentinel of every cache."""
    return tuple(node for one in caches(environment) for node in one.sentinels)


def cache_machines(environment: Environment) -> tuple[CacheMachine, ...]:
    """Every machine with a Redis or a Sentinel of a cache."""
    nodes: tuple[CacheNode | SentinelNode, ...] = (
        *cache_nodes(environment),
        *sentinel_nodes(environment),
    )
    places = dict.fromkeys((one.cache.name, one.machine.name) for one in nodes)
    found = []
    for place in places:
        here = [one for one in nodes if (one.cache.name, one.machine.name) == place]
        cache, machine = here[0].cache, here[0].machine
        ports = tuple(CachePort(one, address) for one in here for address in machine.addresses)
        found.append(CacheMachine(cache, machine, ports))
    return tuple(found)


def backup_repositories(environment: Environment) -> tuple[BackupRepository, ...]:
    """Every declared repository, with the cluster that it protects."""
    known = {one.id: one for one in clusters(environment)}
    return tuple(
        BackupRepository(one, environment.machine(one.repository.machine), known[one.database])
        for one in environment.backups
    )


def backups_of(environment: Environment, cluster: Cluster) -> tuple[BackupRepository, ...]:
    """The declared repositories that hold backups of a cluster."""
    return tuple(one for one in backup_repositories(environment) if one.cluster == cluster)


KINDS: dict[str, Callable[[Environment], Mapping[str, Subject]]] = {
    "environment": lambda env: {env.name: env},
    "machine": lambda env: {one.name: one for one in env.machines},
    "tls_listener": lambda env: {one.id: one for one in endpoints(env)},
    "http_listener": lambda env: {
        one.id: one for one in endpoints(env) if one.listener.protocol == "https"
    },
    "challenged_listener": lambda env: {one.id: one for one in challenged_listeners(env)},
    "backend": lambda env: {one.id: one for one in backends(env)},
    "load_test": lambda env: {one.name: one for one in env.load_tests},
    "audited_server": lambda env: {one.id: one for one in audited_servers(env)},
    "audit_trail": lambda env: {env.audit.name: env.audit} if env.audit else {},
    "cache": lambda env: {one.id: one for one in caches(env)},
    "cache_node": lambda env: {one.id: one for one in cache_nodes(env)},
    "cache_machine": lambda env: {one.id: one for one in cache_machines(env)},
    "backup_repository": lambda env: {one.id: one for one in backup_repositories(env)},
    "zone_pair": zone_pairs,
    "open_zone_pair": open_zone_pairs,
    "database_cluster": lambda env: {one.id: one for one in clusters(env)},
    "database_member": lambda env: {one.id: one for one in members(env)},
}


def subjects(environment: Environment, kind: str) -> Mapping[str, Subject]:
    """The declared subjects of a kind, by id; empty when the environment has none."""
    return KINDS[kind](environment)
