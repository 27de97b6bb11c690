"""What each etcd member says about itself and its cluster, over etcd's JSON gateway.

The questions are GET /health and the read-only calls Status, MemberList and Alarm(GET), which the
gateway takes as POST (etcd API v3). Ids are hexadecimal as etcdctl prints them.
"""

from dataclasses import dataclass
from typing import Annotated, Any, Final

from readiness.model.errors import NotUnderstood
from readiness.site.subjects import STORE_MEMBER, StoreMember
from readiness.systems.answer import RestAnswer
from readiness.systems.marks import VOLATILE
from readiness.systems.token import Pin, Source

STATUS_PATH: Final = "/v3/maintenance/status"
MEMBERS_PATH: Final = "/v3/cluster/member/list"
ALARM_PATH: Final = "/v3/maintenance/alarm"


@dataclass(frozen=True)
class Health:
    """GET /health: whether the member can commit a write now."""

    healthy: bool
    reason: Annotated[str, VOLATILE]


@dataclass(frozen=True)
class Status:
    """Maintenance.Status: the member about itself."""

    member_id: str
    cluster_id: str
    leader_id: Annotated[str, VOLATILE]  # empty: the member knows no leader
    version: str
    raft_term: Annotated[int, VOLATILE]
    raft_index: Annotated[int, VOLATILE]
    raft_applied_index: Annotated[int, VOLATILE]
    db_size: Annotated[int, VOLATILE]  # bytes
    learner: bool
    errors: tuple[str, ...]

    @property
    def leads(self) -> bool:
        """Whether this member is the leader."""
        return self.leader_id == self.member_id


@dataclass(frozen=True)
class ListedMember:
    """One member as the cluster lists it."""

    member_id: str
    name: str  # empty: added, but never started
    peer_urls: tuple[str, ...]
    client_urls: tuple[str, ...]
    learner: bool


@dataclass(frozen=True)
class Alarm:
    """One raised alarm."""

    member_id: str
    kind: str  # NOSPACE, CORRUPT


@dataclass(frozen=True)
class MemberReading:
    """Everything one member answered."""

    health: Health
    status: Status
    members: tuple[ListedMember, ...]
    alarms: tuple[Alarm, ...]


def read_health(answer: RestAnswer, *, where: str) -> Health:
    """Read GET /health: etcd 3.4 writes the flag as a string."""
    try:
        flag = answer.body["health"]
        return Health(str(flag).lower() == "true", str(answer.body.get("reason", "")))
    except (KeyError, TypeError, AttributeError) as error:
        raise NotUnderstood(f"{where}: /health is unreadable: {error!r}") from error


def read_status(body: Any, *, where: str) -> Status:
    """Read Maintenance.Status; the gateway leaves out what is zero or false."""
    try:
        header = body["header"]
        return Status(
            member_id=_id(header["member_id"]),
            cluster_id=_id(header["cluster_id"]),
            leader_id=_id(body["leader"]) if int(body.get("leader", 0)) else "",
            version=body["version"],
            raft_term=int(body["raftTerm"]),
            raft_index=int(body["raftIndex"]),
            raft_applied_index=int(body.get("raftAppliedIndex", 0)),
            db_size=int(body.get("dbSize", 0)),
            learner=bool(body.get("isLearner", False)),
            errors=tuple(str(error) for error in body.get("errors", ())),
        )
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise NotUnderstood(f"{where}: {STATUS_PATH} is unreadable: {error!r}") from error


def read_members(body: Any, *, where: str) -> tuple[ListedMember, ...]:
    """Read Cluster.MemberList."""
    try:
        found = [
            ListedMember(
                member_id=_id(one["ID"]),
                name=one.get("name", ""),
                peer_urls=tuple(one.get("peerURLs", ())),
                client_urls=tuple(one.get("clientURLs", ())),
                learner=bool(one.get("isLearner", False)),
            )
            for one in body["members"]
        ]
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise NotUnderstood(f"{where}: {MEMBERS_PATH} is unreadable: {error!r}") from error
    return tuple(sorted(found, key=lambda one: (one.name, one.member_id)))


def read_alarms(body: Any, *, where: str) -> tuple[Alarm, ...]:
    """Read Maintenance.Alarm: no list at all means no alarm."""
    try:
        return tuple(
            Alarm(_id(one["memberID"]), str(one["alarm"])) for one in body.get("alarms", ())
        )
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise NotUnderstood(f"{where}: {ALARM_PATH} is unreadable: {error!r}") from error


def _id(value: str | int) -> str:
    """An id as etcdctl prints it; the gateway writes decimals."""
    return f"{int(value):x}"


def says(found: MemberReading) -> str:
    """Who answered, for a person."""
    role = "leader" if found.status.leads else "follower"
    return f"reached, etcd {found.status.version}, {role}, cluster {found.status.cluster_id}"


ETCD: Final[Source[StoreMember, MemberReading]] = Source(
    "etcd",
    STORE_MEMBER,
    MemberReading,
    says=says,
    pin=Pin(lambda store: store.database.name, lambda found: found.status.cluster_id),
)
SOURCES: Final = (ETCD,)
