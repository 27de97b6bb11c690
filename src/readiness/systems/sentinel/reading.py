"""What one Sentinel says about the master it watches, its replicas, and the other Sentinels.

Fields and flags are those of the Sentinel documentation of Redis 7.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Annotated, Any, Final

from readiness.model.errors import NotUnderstood
from readiness.systems.marks import BOUNDED, VOLATILE
from readiness.systems.redis.declared import SENTINEL_NODE, SentinelNode
from readiness.systems.redis.reading import Refusal, Reply, fields
from readiness.systems.token import Source


@dataclass(frozen=True)
class Seen:
    """One server as a Sentinel sees it: the master, a replica, or another Sentinel."""

    address: str
    port: int
    run_id: str
    # Master, slave or sentinel; s_down, o_down, disconnected…
    flags: Annotated[tuple[str, ...], BOUNDED]
    answered_ms_ago: Annotated[int, VOLATILE]  # its last right answer to a ping


@dataclass(frozen=True)
class SeenReplica:
    """What a Sentinel knows besides about a replica."""

    seen: Annotated[Seen, VOLATILE]
    link: Annotated[str, BOUNDED]  # ok or err
    priority: int
    reported: Annotated[str, BOUNDED]  # the role that it says it has


@dataclass(frozen=True)
class Watched:
    """The master that a Sentinel watches, with what it will do about it."""

    seen: Annotated[Seen, VOLATILE]
    reported: Annotated[str, BOUNDED]
    quorum: int
    down_after_ms: int
    failover_timeout_ms: int


@dataclass(frozen=True)
class Named:
    """One master by the name that a Sentinel has for it."""

    name: str
    address: Annotated[str, VOLATILE]
    port: Annotated[int, VOLATILE]


@dataclass(frozen=True)
class SentinelState:
    """One Sentinel; `watched` is None when it watches no master of that name."""

    run_id: str
    tilt: Annotated[bool, BOUNDED]  # its clock jumped: it only looks on
    simulates: str  # failures that it was told to play
    names: tuple[str, ...]  # of every master that it watches
    watched: Watched | None
    replicas: tuple[SeenReplica, ...]
    others: tuple[Seen, ...]
    quorum: Annotated[str, BOUNDED]  # its answer to CKQUORUM
    masters: tuple[Named, ...] | None = None  # every one that it watches, and where it is


def read(name: str, answers: Mapping[str, Reply], *, where: str) -> SentinelState:
    """Read the answers; a name that it does not know leaves everything about it empty."""
    try:
        said = fields(str(answers["info"]))
        masters = [_pairs(one) for one in _list(answers["masters"])]
        mine = [one for one in masters if one["name"] == name]
        quorum = answers["ckquorum"]
        return SentinelState(
            run_id=str(answers["myid"]),
            tilt=said["sentinel_tilt"] != "0",
            simulates=said["sentinel_simulate_failure_flags"],
            names=tuple(one["name"] for one in masters),
            watched=_watched(mine[0]) if mine else None,
            replicas=tuple(_replica(_pairs(one)) for one in _known(answers["replicas"], mine)),
            others=tuple(_seen(_pairs(one)) for one in _known(answers["sentinels"], mine)),
            quorum=quorum.text if isinstance(quorum, Refusal) else str(quorum),
            masters=tuple(Named(one["name"], one["ip"], int(one["port"])) for one in masters),
        )
    except (KeyError, ValueError, TypeError, IndexError) as error:
        raise NotUnderstood(f"{where}: Sentinel's answer is unreadable: {error!r}") from error


def _known(answer: Reply, mine: list[dict[str, str]]) -> list[Any]:
    """The list about a master; nothing where no master of the name is watched."""
    return _list(answer) if mine else []


def _list(answer: Reply) -> list[Any]:
    if not isinstance(answer, list):
        raise TypeError(answer.text if isinstance(answer, Refusal) else "no list")
    return answer


def _pairs(flat: list[str]) -> dict[str, str]:
    return dict(zip(flat[::2], flat[1::2], strict=True))


def _seen(said: Mapping[str, str]) -> Seen:
    return Seen(
        address=said["ip"],
        port=int(said["port"]),
        run_id=said["runid"],
        flags=tuple(said["flags"].split(",")),
        answered_ms_ago=int(said["last-ok-ping-reply"]),
    )


def _replica(said: Mapping[str, str]) -> SeenReplica:
    return SeenReplica(
        seen=_seen(said),
        link=said["master-link-status"],
        priority=int(said["slave-priority"]),
        reported=said["role-reported"],
    )


def _watched(said: Mapping[str, str]) -> Watched:
    return Watched(
        seen=_seen(said),
        reported=said["role-reported"],
        quorum=int(said["quorum"]),
        down_after_ms=int(said["down-after-milliseconds"]),
        failover_timeout_ms=int(said["failover-timeout"]),
    )


def says(found: SentinelState) -> str:
    """Who answered, for a person."""
    return f"reached (only looks), watches {', '.join(found.names) or 'nothing'}"


SENTINEL: Final[Source[SentinelNode, SentinelState]] = Source(
    "sentinel", SENTINEL_NODE, SentinelState, says=says
)
SOURCES: Final = (SENTINEL,)
