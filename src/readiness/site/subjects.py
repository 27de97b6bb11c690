"""The declared members that facts are about: what a check is repeated for."""

from collections import Counter
from dataclasses import dataclass
from typing import Any, Final

from readiness.site.declared.audit import Audit
from readiness.site.declared.backup import Backup, ListedBackup
from readiness.site.declared.balancer import Balancer, BalancerStatus
from readiness.site.declared.common import Address
from readiness.site.declared.database import ConsensusStore, Database
from readiness.site.declared.listener import AcmeChallenge, Listener
from readiness.site.declared.machine import Machine
from readiness.site.environment import Environment
from readiness.systems.firewall.segmentation import open_zone_pairs, zone_pairs
from readiness.systems.token import Kind, by_id

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
    expect: tuple[int, ...] = ()
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
    def status(self) -> BalancerStatus:
        """Where it tells about its servers."""
        assert self.balancer.status is not None  # noqa: S101 - only those that do are asked
        return self.balancer.status

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
class BackupRepository:
    """The backups of one database: the machine they lie on, and the cluster they are of."""

    backup: Backup
    machine: Machine
    cluster: Cluster

    @property
    def id(self) -> str:
        """The name of the backups."""
        return self.backup.name


@dataclass(frozen=True)
class Home:
    """A folder of a machine that listed backups may lie in, and whose they are there."""

    machine: Machine
    folder: str
    user: str


@dataclass(frozen=True)
class BackupList:
    """Backups of one database that a command lists: where it is asked, and where they may lie."""

    backup: ListedBackup
    machine: Machine
    cluster: Cluster
    homes: tuple[Home, ...]

    @property
    def id(self) -> str:
        """The name of the backups."""
        return self.backup.name


def reached_machines(environment: Environment) -> tuple[Machine, ...]:
    """Every machine that may be reached over SSH."""
    return tuple(one for one in environment.machines if one.ssh)


def moved_addresses(environment: Environment) -> dict[str, tuple[str, ...]]:
    """The addresses that move between machines, by each machine that may hold them."""
    return {
        name: environment.listener(one.listener).shared_addresses
        for one in environment.balancers
        for name in one.may_hold
    }


def address_holders(environment: Environment) -> tuple[Machine, ...]:
    """Every machine that may hold an address that moves, and may be reached over SSH."""
    moved = moved_addresses(environment)
    return tuple(one for one in reached_machines(environment) if one.name in moved)


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


def web_endpoints(environment: Environment) -> tuple[Endpoint, ...]:
    """Every HTTPS listener at every address."""
    return tuple(one for one in endpoints(environment) if one.listener.protocol == "https")


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
    found |= {one.path: WebPage(one.path, (OK,), one.contains) for one in loaded}
    found |= {one.path: WebPage(one.path, (OK,), one.contains) for one in balanced}
    for one in environment.pages:
        if one.listener == name and one.anybody:
            path = environment.filled(one.path)
            found[path] = WebPage(path, one.statuses, one.contains or "")
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


def automated_members(environment: Environment) -> tuple[Member, ...]:
    """Every declared member that an automation promotes."""
    return tuple(one for one in members(environment) if one.database.patroni)


def logging_in_members(environment: Environment) -> tuple[Member, ...]:
    """Every declared member that has a program which tries how replicas log in."""
    return tuple(one for one in members(environment) if one.database.replication_login)


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


def telling_nodes(environment: Environment) -> tuple[BalancerNode, ...]:
    """Every machine of every balancer that tells about its servers."""
    return tuple(one for one in balancer_nodes(environment) if one.balancer.status)


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


def _trail(environment: Environment) -> dict[str, Audit]:
    return {environment.audit.name: environment.audit} if environment.audit else {}


def backup_repositories(environment: Environment) -> tuple[BackupRepository, ...]:
    """Every declared repository of pgBackRest's, with the cluster that it protects."""
    known = {one.id: one for one in clusters(environment)}
    return tuple(
        BackupRepository(one, environment.machine(one.repository.machine), known[one.database])
        for one in environment.backups
        if isinstance(one, Backup)
    )


def backup_lists(environment: Environment) -> tuple[BackupList, ...]:
    """All backups that a command lists, with the cluster that they protect."""
    known = {one.id: one for one in clusters(environment)}
    return tuple(
        BackupList(
            one,
            environment.machine(one.machine),
            known[one.database],
            tuple(Home(environment.machine(at.machine), at.folder, at.user) for at in one.places),
        )
        for one in environment.backups
        if isinstance(one, ListedBackup)
    )


def lists_of(environment: Environment, cluster: Cluster) -> tuple[BackupList, ...]:
    """The declared lists of backups of a cluster."""
    return tuple(one for one in backup_lists(environment) if one.cluster == cluster)


def backups_of(environment: Environment, cluster: Cluster) -> tuple[BackupRepository, ...]:
    """The declared repositories that hold backups of a cluster."""
    return tuple(one for one in backup_repositories(environment) if one.cluster == cluster)


ENVIRONMENT: Final = Kind("environment", "", lambda env: {env.name: env})
MACHINE: Final = Kind("machine", "machines", lambda env: {one.name: one for one in env.machines})
REACHED_MACHINE: Final = Kind("reached_machine", "machines", by_id(reached_machines))
ADDRESS_HOLDER: Final = Kind("address_holder", "balancers", by_id(address_holders))
TLS_LISTENER: Final = Kind("tls_listener", "listeners", by_id(endpoints))
HTTP_LISTENER: Final = Kind("http_listener", "listeners", by_id(web_endpoints))
CHALLENGED_LISTENER: Final = Kind(
    "challenged_listener", "acme_challenges", by_id(challenged_listeners)
)
BACKEND: Final = Kind("backend", "balancers", by_id(backends))
BALANCER_NODE: Final = Kind("balancer_node", "balancers", by_id(telling_nodes))
LOAD_TEST: Final = Kind(
    "load_test", "load_tests", lambda env: {one.name: one for one in env.load_tests}
)
AUDITED_SERVER: Final = Kind("audited_server", "audit", by_id(audited_servers))
AUDIT_TRAIL: Final = Kind("audit_trail", "audit", _trail)
BACKUP_REPOSITORY: Final = Kind("backup_repository", "backups", by_id(backup_repositories))
BACKUP_LIST: Final[Kind[BackupList]] = Kind(
    # Of pgBackRest's and listed ones a site may have either, or both.
    "backup_list",
    "backups",
    by_id(backup_lists),
    instead_of="backups",
)
ZONE_PAIR: Final = Kind("zone_pair", "firewall", zone_pairs)
OPEN_ZONE_PAIR: Final = Kind("open_zone_pair", "firewall", open_zone_pairs)
DATABASE_CLUSTER: Final = Kind("database_cluster", "databases", by_id(clusters))
DATABASE_MEMBER: Final = Kind("database_member", "databases", by_id(members))
AUTOMATED_MEMBER: Final = Kind("automated_member", "databases", by_id(automated_members))
LOGGING_IN_MEMBER: Final = Kind("logging_in_member", "databases", by_id(logging_in_members))
STORE_MEMBER: Final = Kind("store_member", "databases", by_id(store_members))
KINDS: Final[tuple[Kind[Any], ...]] = (
    ENVIRONMENT,
    MACHINE,
    TLS_LISTENER,
    HTTP_LISTENER,
    CHALLENGED_LISTENER,
    BACKEND,
    LOAD_TEST,
    AUDITED_SERVER,
    AUDIT_TRAIL,
    BACKUP_REPOSITORY,
    BACKUP_LIST,
    ZONE_PAIR,
    OPEN_ZONE_PAIR,
    DATABASE_CLUSTER,
    DATABASE_MEMBER,
)
"""Those that checks are repeated for; of the others only sources are."""
