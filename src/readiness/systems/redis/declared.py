"""A Redis that keeps sessions, its replicas, and what makes one of them the master."""

from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated, ClassVar, Final, Literal, Self

from pydantic import Field, model_validator

from readiness.model.errors import NotRun
from readiness.model.quantities import Duration, Size
from readiness.model.words import Tier
from readiness.site.declared.common import Login, Port
from readiness.site.declared.machine import Machine
from readiness.site.declared.section import Section
from readiness.site.written import At, Name, Text, UsedBy, Written, distinct, wrong
from readiness.systems.token import Kind, by_id

if TYPE_CHECKING:
    from readiness.site.environment import Environment

# Policies of allkeys-* may throw away anything, so none of them fits sessions (redis.conf).
Eviction = Literal["noeviction", "volatile-lru", "volatile-lfu", "volatile-random", "volatile-ttl"]


class Sentinels(Written):
    """The Sentinels that choose the master, each on a machine of its own."""

    machines: Annotated[tuple[Name, ...], Field(min_length=1)]
    port: Port = 26379
    watches: Text = Field(description="What they call the master (`sentinel monitor NAME`).")
    quorum: Annotated[int, Field(ge=1)]
    down_after: Duration = Field(description="A silent master is given up after this, at most.")
    login: Login
    promotes_as: Text | None = Field(
        default=None, description="The user that they are at Redis (`sentinel auth-user`)."
    )
    clients: tuple[Login, ...] = Field(
        default=(),
        description="As whom programs ask for the master: tried at each, nothing but AUTH is sent.",
    )

    @model_validator(mode="after")
    def _consistent(self) -> Self:
        distinct("machine", self.machines, ("machines",))
        distinct("client", [one.user for one in self.clients], ("clients",), "user")
        everyone = len(self.machines)
        majority = everyone // 2 + 1
        if not majority <= self.quorum <= everyone:
            expected = f"a majority, {majority} to {everyone}"
            raise wrong(expected, ("quorum",), str(self.quorum))
        return self


class CacheFailover(Written):
    """How a failover drill cuts the master off, and what it writes."""

    login: Annotated[Login, UsedBy(Tier.DISRUPT)] = Field(
        description="A user that may get, set and delete keys of the prefix, and look; one that "
        "could do more is refused."
    )
    prefix: Text = Field(
        default="readiness:", description="What all keys begin with that the drill writes."
    )
    recovery_time: Duration = Field(
        description="Within this the cache has to take writes again after its master is lost."
    )
    trials: Annotated[int, Field(ge=2, le=59)] = Field(
        default=3, description="Cuts; after two of them each node has followed a new master."
    )
    expiry: Duration = Field(description="After this the cut undoes itself on the target.")
    baseline: Duration = 12.0


class Cache(Section):
    """One Redis over TLS only: a single one, or a master with replicas."""

    CALLED: ClassVar[str] = "cache"

    name: Name
    members: Annotated[tuple[Name, ...], Field(min_length=1)]
    port: Port = 6379
    authority: Name
    login: Login = Field(description="A user that looks; one that could do more is refused.")
    clients: tuple[Login, ...] = Field(
        default=(),
        description="As whom programs log in: tried at each, nothing but AUTH is sent.",
    )
    lag_bytes: Size
    lag_time: Duration
    persistence: Literal["aof", "snapshots"] = "aof"
    snapshot_age: Duration | None = Field(
        default=None, description="With snapshots: how long a change may wait for one."
    )
    eviction: tuple[Eviction, ...] = ("noeviction",)
    memory_used: Annotated[float, Field(gt=0, lt=100)] = Field(
        default=80.0, description="At most this share of maxmemory may be in use, in percent."
    )
    good_replicas: Annotated[int, Field(ge=1)] = Field(
        default=1, description="With fewer good replicas a master refuses writes."
    )
    replicates_as: Text | None = Field(
        default=None, description="The user that a replica is at its master (`masteruser`)."
    )
    automation: Literal["none"] | None = Field(
        default=None,
        description="`none`: nothing promotes a replica by itself. What does is declared instead.",
    )
    sentinel: Sentinels | None = None
    failover: CacheFailover | None = None

    @model_validator(mode="after")
    def _consistent(self) -> Self:
        distinct("member", self.members, ("members",))
        distinct("client", [one.user for one in self.clients], ("clients",), "user")
        if self.automation and self.sentinel:
            raise wrong("no `sentinel` beside automation: none", ("sentinel",))
        if self.persistence == "snapshots" and self.snapshot_age is None:
            raise wrong("snapshot_age beside persistence: snapshots", ("persistence",))
        if self.failover and not self.sentinel:
            raise wrong("`sentinel` beside a failover drill", ("failover",))
        # One member alone is a finding and no slip: its checks say what would not take over.
        if self.good_replicas > max(len(self.members) - 1, 1):
            expected = f"at most {len(self.members) - 1}, one member being the master"
            raise wrong(expected, ("good_replicas",), str(self.good_replicas))
        return self

    def fits(self, site: "Environment", at: At) -> None:
        """Its machines and its authority are declared."""
        site.require_machines(self.members, (*at, "members"))
        if self.sentinel is not None:
            site.require_machines(self.sentinel.machines, (*at, "sentinel", "machines"))
        site.require_authority(self.authority, (*at, "authority"))


class Sections(Written):
    """What the room declares in an environment."""

    caches: tuple[Cache, ...] = ()


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


def caches(environment: "Environment") -> tuple[CacheCluster, ...]:
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


def cache_of(environment: "Environment", node: CacheNode) -> CacheCluster:
    """The cache that a node belongs to."""
    return next(one for one in caches(environment) if one.id == node.cache.name)


def cache_nodes(environment: "Environment") -> tuple[CacheNode, ...]:
    """Every declared Redis of every cache."""
    return tuple(node for one in caches(environment) for node in one.nodes)


def sentinel_nodes(environment: "Environment") -> tuple[SentinelNode, ...]:
    """Every declared Sentinel of every cache."""
    return tuple(node for one in caches(environment) for node in one.sentinels)


def cache_machines(environment: "Environment") -> tuple[CacheMachine, ...]:
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


def cache_ports(environment: "Environment") -> tuple[CachePort, ...]:
    """Every port of every cache at every address of its machines."""
    return tuple(port for one in cache_machines(environment) for port in one.ports)


CACHE: Final = Kind("cache", "caches", by_id(caches))
NODE: Final = Kind("cache_node", "caches", by_id(cache_nodes))
CACHE_MACHINE: Final = Kind("cache_machine", "caches", by_id(cache_machines))
SENTINEL_NODE: Final = Kind("sentinel_node", "caches", by_id(sentinel_nodes))
PORT: Final = Kind("cache_port", "caches", by_id(cache_ports))
KINDS: Final = (CACHE, NODE, CACHE_MACHINE)
