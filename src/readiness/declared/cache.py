"""A Redis that keeps sessions, its replicas, and what makes one of them the master."""

from typing import Annotated, Literal, Self

from pydantic import Field, model_validator

from readiness.declared.common import Login, Port
from readiness.quantities import Duration, Size
from readiness.written import Name, Text, Written, distinct, wrong

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


class Cache(Written):
    """One Redis over TLS only: a single one, or a master with replicas."""

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

    @model_validator(mode="after")
    def _consistent(self) -> Self:
        distinct("member", self.members, ("members",))
        distinct("client", [one.user for one in self.clients], ("clients",), "user")
        if self.automation and self.sentinel:
            raise wrong("no `sentinel` beside automation: none", ("sentinel",))
        if self.persistence == "snapshots" and self.snapshot_age is None:
            raise wrong("snapshot_age beside persistence: snapshots", ("persistence",))
        # One member alone is a finding and no slip: its checks say what would not take over.
        if self.good_replicas > max(len(self.members) - 1, 1):
            expected = f"at most {len(self.members) - 1}, one member being the master"
            raise wrong(expected, ("good_replicas",), str(self.good_replicas))
        return self
