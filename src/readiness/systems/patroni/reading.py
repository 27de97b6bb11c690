"""What each Patroni member says about itself, its cluster and the cluster's configuration.

Only GET requests (Patroni REST API: /patroni, /cluster, /config, /history). A member that answers
503 to /patroni still tells its state; that is an answer, not an error.
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Annotated, Any, Final

from readiness.model.errors import NotUnderstood
from readiness.site.subjects import AUTOMATED_MEMBER, Member
from readiness.systems.answer import RestAnswer
from readiness.systems.marks import BOUNDED, VOLATILE
from readiness.systems.token import Source

_STATUSES: Final = (200, 503)  # /patroni: running, or not fit for service
_LEADERS: Final = ("leader", "standby_leader", "master", "primary")
_SLOT_LENGTH: Final = 63  # bytes of a name in PostgreSQL


@dataclass(frozen=True)
class Tags:
    """The tags of a member that decide over promotion; `raw` has all of them."""

    nofailover: bool
    failover_priority: int | None  # 0 is as good as nofailover
    nosync: bool
    noloadbalance: bool
    clonefrom: bool
    raw: Mapping[str, Any]

    @property
    def barred_from_promotion(self) -> bool:
        """Whether Patroni would never promote the member (4.x: the older tag wins if both)."""
        if "nofailover" in self.raw:
            return self.nofailover
        return self.failover_priority is not None and self.failover_priority <= 0

    @property
    def never_synchronous(self) -> bool:
        """Whether Patroni would never make the member synchronous (the older tag wins, too)."""
        if "nosync" in self.raw:
            return self.nosync
        priority = _whole(self.raw.get("sync_priority"))
        return priority is not None and priority <= 0


@dataclass(frozen=True)
class MemberStatus:
    """GET /patroni: a member about itself."""

    name: str
    scope: str
    patroni_version: str
    state: Annotated[str, VOLATILE]  # running, starting, stopped, start failed…
    role: Annotated[str, VOLATILE]  # primary, replica, standby_leader; master before Patroni 4
    server_version: int | None  # 150018 is 15.18
    system_identifier: str
    timeline: Annotated[int | None, VOLATILE]
    sync_standby: Annotated[bool, VOLATILE]
    # Streaming, in archive recovery, empty on a primary
    replication_state: Annotated[str, VOLATILE]
    # Bytes of WAL written (primary) or replayed (standby)
    location: Annotated[int | None, VOLATILE]
    received: Annotated[int | None, VOLATILE]  # bytes of WAL received; None on a primary
    replay_paused: bool
    paused: bool  # the cluster is in maintenance mode, as this member knows it
    pending_restart: bool
    cluster_unlocked: bool  # nobody holds the leader lock, as this member knows it
    failsafe: bool
    watchdog_failed: bool  # a watchdog is required and does not work: it is never promoted
    dcs_last_seen: Annotated[int | None, VOLATILE]  # epoch seconds of the last contact with etcd
    tags: Tags
    status: Annotated[int, VOLATILE]  # of the HTTP answer
    # Epoch seconds of its own clock as it answered, whole ones
    clock: Annotated[float | None, VOLATILE] = None

    @property
    def without_store(self) -> float | None:
        """Seconds since its last contact with etcd, by its own clock; None: it does not say."""
        if self.clock is None or self.dcs_last_seen is None:
            return None
        return max(self.clock - self.dcs_last_seen, 0.0)


@dataclass(frozen=True)
class ClusterMember:
    """One member in GET /cluster."""

    name: str
    role: Annotated[str, VOLATILE]  # leader, standby_leader, sync_standby, quorum_standby, replica
    state: Annotated[str, VOLATILE]  # running, streaming, in archive recovery, stopped…
    host: str
    port: int | None
    api_url: str
    timeline: Annotated[int | None, VOLATILE]
    # Bytes behind the leader, received since Patroni 4.1 and replayed before; None: unknown, or the
    # leader itself.
    lag: Annotated[int | None, BOUNDED]
    # Bytes not received yet; both only since Patroni 4.1
    receive_lag: Annotated[int | None, BOUNDED]
    replay_lag: Annotated[int | None, BOUNDED]  # bytes not replayed yet
    pending_restart: bool
    tags: Tags

    @property
    def behind(self) -> int | None:
        """Bytes behind the leader in replay, which is never ahead of what was received."""
        return self.lag if self.replay_lag is None else self.replay_lag

    @property
    def leads(self) -> bool:
        """Whether the member holds the leader lock."""
        return self.role in _LEADERS


@dataclass(frozen=True)
class ClusterView:
    """GET /cluster: the whole cluster as one member sees it in etcd."""

    scope: str
    paused: bool
    members: tuple[ClusterMember, ...]
    scheduled_switchover: Mapping[str, Any] | None

    @property
    def leader(self) -> ClusterMember | None:
        """The member that holds the leader lock, if there is one."""
        return next((member for member in self.members if member.leads), None)

    @property
    def sync_standbys(self) -> tuple[str, ...]:
        """Names of the members that commits wait for: each of them, or some of a quorum."""
        roles = ("sync_standby", "quorum_standby")
        return tuple(member.name for member in self.members if member.role in roles)


@dataclass(frozen=True)
class DynamicConfig:
    """GET /config: what holds for the whole cluster. Times in seconds, None where not set."""

    ttl: float | None
    loop_wait: float | None
    retry_timeout: float | None
    maximum_lag_on_failover: int | None  # bytes; -1 is no limit
    synchronous_mode: str  # on, off or quorum
    synchronous_mode_strict: bool
    synchronous_node_count: int | None
    failsafe_mode: bool
    check_timeline: bool
    primary_start_timeout: float | None
    paused: bool
    parameters: Mapping[str, Any]  # PostgreSQL's, as Patroni sets them
    raw: Mapping[str, Any]

    def bars(self, tags: Tags) -> bool:
        """Whether these tags keep a member from promotion: synchronous mode wants it in step."""
        needs_step = self.synchronous_mode != "off"
        return tags.barred_from_promotion or (needs_step and tags.never_synchronous)


@dataclass(frozen=True)
class Switch:
    """One line of GET /history: a timeline that ended."""

    timeline: int
    position: int  # bytes of WAL at which the next timeline began
    reason: str
    time: str  # as Patroni writes it; empty if it did not
    new_leader: str


@dataclass(frozen=True)
class MemberReading:
    """Everything one member answered."""

    status: MemberStatus
    cluster: ClusterView
    config: DynamicConfig
    history: Annotated[tuple[Switch, ...], VOLATILE]


def read_status(answer: RestAnswer, *, where: str) -> MemberStatus:
    """Read GET /patroni."""
    if answer.status not in _STATUSES:
        raise NotUnderstood(f"{where}: /patroni answered HTTP {answer.status}")
    body = answer.body
    try:
        xlog = body.get("xlog", {})
        return MemberStatus(
            name=body["patroni"].get("name", ""),
            scope=body["patroni"].get("scope", ""),
            patroni_version=body["patroni"]["version"],
            state=body["state"],
            role=body["role"],
            server_version=body.get("server_version"),
            system_identifier=str(body.get("database_system_identifier", "")),
            timeline=body.get("timeline"),
            sync_standby=bool(body.get("sync_standby", False)),
            replication_state=body.get("replication_state", ""),
            location=xlog.get("location", xlog.get("replayed_location")),
            received=xlog.get("received_location"),
            replay_paused=bool(xlog.get("paused", False)),
            paused=bool(body.get("pause", False)),
            pending_restart=bool(body.get("pending_restart", False)),
            cluster_unlocked=bool(body.get("cluster_unlocked", False)),
            failsafe=bool(body.get("failsafe_mode_is_active", False)),
            watchdog_failed=bool(body.get("watchdog_failed", False)),
            dcs_last_seen=body.get("dcs_last_seen"),
            tags=read_tags(body.get("tags", {})),
            status=answer.status,
            clock=answer.date,
        )
    except (KeyError, TypeError, AttributeError) as error:
        raise NotUnderstood(f"{where}: /patroni is unreadable: {error!r}") from error


def read_cluster(body: Any, *, where: str) -> ClusterView:
    """Read GET /cluster."""
    try:
        return ClusterView(
            scope=body.get("scope", ""),
            paused=bool(body.get("pause", False)),
            members=tuple(_read_member(found) for found in body["members"]),
            scheduled_switchover=body.get("scheduled_switchover"),
        )
    except (KeyError, TypeError, AttributeError) as error:
        raise NotUnderstood(f"{where}: /cluster is unreadable: {error!r}") from error


def _read_member(found: Mapping[str, Any]) -> ClusterMember:
    return ClusterMember(
        name=found["name"],
        role=found["role"],
        state=found["state"],
        host=found.get("host", ""),
        port=found.get("port"),
        api_url=found.get("api_url", ""),
        timeline=_whole(found.get("timeline")),
        lag=_whole(found.get("lag")),
        receive_lag=_whole(found.get("receive_lag")),
        replay_lag=_whole(found.get("replay_lag")),
        pending_restart=bool(found.get("pending_restart", False)),
        tags=read_tags(found.get("tags", {})),
    )


def read_config(body: Any, *, where: str) -> DynamicConfig:
    """Read GET /config."""
    if not isinstance(body, Mapping):
        raise NotUnderstood(f"{where}: /config is {type(body).__name__}, expected an object")
    try:
        return DynamicConfig(
            ttl=_number(body.get("ttl")),
            loop_wait=_number(body.get("loop_wait")),
            retry_timeout=_number(body.get("retry_timeout")),
            maximum_lag_on_failover=_whole(body.get("maximum_lag_on_failover")),
            synchronous_mode=_mode(body.get("synchronous_mode")),
            synchronous_mode_strict=_is_on(body.get("synchronous_mode_strict")),
            synchronous_node_count=_whole(body.get("synchronous_node_count")),
            failsafe_mode=_is_on(body.get("failsafe_mode")),
            check_timeline=_is_on(body.get("check_timeline")),
            primary_start_timeout=_number(
                body.get("primary_start_timeout", body.get("master_start_timeout"))
            ),
            paused=_is_on(body.get("pause")),
            parameters=dict((body.get("postgresql") or {}).get("parameters") or {}),
            raw=dict(body),
        )
    except (TypeError, ValueError, AttributeError) as error:
        raise NotUnderstood(f"{where}: /config is unreadable: {error!r}") from error


def read_history(body: Any, *, where: str) -> tuple[Switch, ...]:
    """Read GET /history: lists of timeline, position, reason, time and new leader."""
    try:
        return tuple(_read_switch(line) for line in body)
    except (TypeError, ValueError, IndexError) as error:
        raise NotUnderstood(f"{where}: /history is unreadable: {error!r}") from error


def _read_switch(line: Sequence[Any]) -> Switch:
    timeline, position, reason, *rest = line
    time, leader = (*rest, "", "")[:2]
    return Switch(int(timeline), int(position), str(reason), str(time), str(leader))


def slot_name(member: str) -> str:
    """The replication slot that Patroni keeps for a member (replication slots in its manual)."""
    lower = re.sub("[-.]", "_", member.lower())
    return re.sub("[^a-z0-9_]", lambda odd: f"u{ord(odd[0]):04d}", lower)[:_SLOT_LENGTH]


def read_tags(found: Mapping[str, Any]) -> Tags:
    """Read a member's tags; absent ones are off."""
    return Tags(
        nofailover=_is_on(found.get("nofailover")),
        failover_priority=_whole(found.get("failover_priority")),
        nosync=_is_on(found.get("nosync")),
        noloadbalance=_is_on(found.get("noloadbalance")),
        clonefrom=_is_on(found.get("clonefrom")),
        raw=dict(found),
    )


def _is_on(value: Any) -> bool:
    """Patroni takes PostgreSQL's spellings of a switch, too."""
    return value is True or str(value).lower() in ("true", "on", "yes", "1")


def _mode(value: Any) -> str:
    return "quorum" if value == "quorum" else "on" if _is_on(value) else "off"


def _whole(value: Any) -> int | None:
    """Read a whole number; Patroni writes `unknown` for a lag that it cannot tell."""
    return None if value is None or value == "unknown" else int(value)


def _number(value: Any) -> float | None:
    return None if value is None else float(value)


def says(found: MemberReading) -> str:
    """Who answered, for a person."""
    status = found.status
    return f"reached, Patroni {status.patroni_version}, {status.role} {status.state}"


PATRONI: Final[Source[Member, MemberReading]] = Source(
    "patroni", AUTOMATED_MEMBER, MemberReading, says=says
)
# What a member says of itself, which it does without its store, too.
PATRONI_STATUS: Final[Source[Member, MemberStatus]] = Source(
    "patroni-status", AUTOMATED_MEMBER, MemberStatus
)
SOURCES: Final = (PATRONI, PATRONI_STATUS)
