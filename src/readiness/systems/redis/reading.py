"""What one Redis says about itself, and what the user that asks may do there.

Fields of INFO and ROLE are those of the Redis 7 documentation; there a replica is a `slave`.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Annotated, Any, Final

from readiness.model.errors import NotUnderstood
from readiness.systems.marks import BOUNDED, COMES_AND_GOES, VOLATILE
from readiness.systems.redis.declared import NODE, PORT, CacheNode, CachePort
from readiness.systems.token import Source

# The heading of the section that lists the databases; an empty server has nothing below it.
_KEYSPACE: Final = "# Keyspace"
_DATABASE: Final = re.compile(r"db\d+")


@dataclass(frozen=True)
class Refusal:
    """An error that the server answered; `code` is its first word, such as NOAUTH."""

    text: str

    @property
    def code(self) -> str:
        """The kind of error."""
        return self.text.partition(" ")[0]


Reply = str | int | None | Refusal | list[Any]


@dataclass(frozen=True)
class Follower:
    """One replica as its master sees it."""

    address: str
    port: int
    state: str  # online, wait_bgsave, send_bulk
    offset: int  # of its last acknowledgement
    lag: int  # seconds since that


@dataclass(frozen=True)
class Link:
    """A replica's link to its master."""

    address: Annotated[str, VOLATILE]
    port: Annotated[int, VOLATILE]
    status: Annotated[str, BOUNDED]  # up or down
    # Seconds since the master said something; -1 when the link is down
    idle: Annotated[int, VOLATILE]
    syncing: Annotated[bool, VOLATILE]
    offset: Annotated[int, VOLATILE]
    priority: int  # 0: Sentinel never promotes it
    read_only: bool
    announced: bool


@dataclass(frozen=True)
class RedisState:
    """One Redis; `link` is None for a master. Sizes in bytes."""

    version: str
    run_id: Annotated[str, VOLATILE]
    port: int  # of plain TCP where that is open beside TLS
    up_seconds: Annotated[int, VOLATILE]
    role: Annotated[str, VOLATILE]  # master or slave
    history: Annotated[str, VOLATILE]  # what a master and its replicas share (master_replid)
    offset: Annotated[int, VOLATILE]
    followers: Annotated[tuple[Follower, ...], VOLATILE]
    link: Annotated[Link | None, COMES_AND_GOES]
    # None: the master would take writes without any replica
    good_replicas: Annotated[int | None, BOUNDED]
    loading: Annotated[bool, BOUNDED]
    aof_enabled: bool
    aof_last_write: Annotated[str, BOUNDED]
    aof_last_rewrite: Annotated[str, BOUNDED]
    rdb_last_save: Annotated[str, BOUNDED]
    # At its start a server counts from then, whether there is a file or not (7.0); one that is idle
    # has nothing to save and saves nothing.
    rdb_saved_seconds_ago: Annotated[int | None, VOLATILE]
    unsaved_changes: Annotated[int, VOLATILE]
    policy: str
    most_memory: int  # 0: no limit
    used_memory: Annotated[int, BOUNDED]
    machine_memory: Annotated[int, BOUNDED]
    evicted: Annotated[int, BOUNDED]
    # Snapshots since its start; None: it does not say
    rdb_saves: Annotated[int | None, VOLATILE] = None
    # Of the snapshot that it read last; None: it does not say
    rdb_loaded_keys: Annotated[int | None, VOLATILE] = None
    # How long a snapshot is being written; None: none is
    rdb_saving_seconds: Annotated[int | None, VOLATILE] = None
    keys: Annotated[int | None, VOLATILE] = None  # in all databases; None: it does not say

    @property
    def has_snapshot(self) -> bool | None:
        """Whether it wrote or read a snapshot since its start; None: nothing tells of one."""
        return True if self.rdb_saves or self.rdb_loaded_keys else None

    @property
    def never_written(self) -> bool:
        """Whether it is empty and nobody has changed anything since its start.

        Changes are counted until a snapshot has them, so that one without a snapshot has counted
        each, and also those whose keys have run out.
        """
        return self.keys == 0 and not self.unsaved_changes and not self.rdb_saves

    @property
    def seconds_unsaved(self) -> int | None:
        """How long the oldest change that no snapshot has may be waiting; 0 where all are saved."""
        if self.rdb_saving_seconds is not None:
            return self.rdb_saving_seconds
        return self.rdb_saved_seconds_ago if self.unsaved_changes else 0


@dataclass(frozen=True)
class Door:
    """What somebody without a login tried over TLS at one address of a port."""

    stranger: str  # what a PING without a login was answered
    accepted: tuple[str, ...]  # logins with a wrong password that were accepted
    default_runs: tuple[str, ...]  # commands that the user `default` could run
    default_lacks: tuple[str, ...]  # changes of any key that it could not make
    promoter_lacks: tuple[str, ...] | None = None  # Sentinel's orders that its user may not give
    follower_lacks: tuple[str, ...] | None = None  # a replica's words that its user may not say
    users: tuple[str, ...] | None = None  # every user that there is, by name


@dataclass(frozen=True)
class Admission:
    """What became of a program's own login at a port, and what its user may run there."""

    user: str
    answer: str  # to AUTH with the declared password: OK, or the code of the error
    runs: tuple[str, ...]  # commands that the user may run; on which keys is not known
    lacks: tuple[str, ...]  # the server's other commands


@dataclass(frozen=True)
class Admissions:
    """The declared programs at one port."""

    clients: tuple[Admission, ...]


@dataclass(frozen=True)
class Wire:
    """How one address of a port speaks."""

    clear: str  # what a PING without TLS was answered; empty: nothing
    tls: str  # the version agreed on with who has the authority; empty: no TLS


def read_commands(answer: Any, *, where: str) -> dict[str, int]:
    """Read COMMAND: every command (`config|set`) with the words it needs beside its name."""
    found: dict[str, int] = {}
    try:
        for name, arity, *rest in answer:
            below = rest[-1] if rest and isinstance(rest[-1], list) else []
            subcommands = [one for one in below if isinstance(one, list)]
            if not subcommands:
                found[name.lower()] = abs(int(arity)) - 1
            for inner, count, *_ in subcommands:
                found[inner.lower()] = abs(int(count)) - 2
    except (TypeError, ValueError, AttributeError) as error:
        raise NotUnderstood(f"{where}: COMMAND is unreadable: {error!r}") from error
    if not found:
        raise NotUnderstood(f"{where}: COMMAND lists nothing")
    return found


def fields(text: str) -> dict[str, str]:
    """INFO's lines: `key:value`, headings begin with #."""
    lines = (line.partition(":") for line in text.splitlines() if not line.startswith("#"))
    return {key: value for key, colon, value in lines if colon}


def read(text: str, *, where: str) -> RedisState:
    """Read INFO of all sections."""
    said = fields(text)
    try:
        return _state(said | dict.fromkeys({_KEYSPACE} & set(text.splitlines()), ""))
    except (KeyError, ValueError) as error:
        raise NotUnderstood(f"{where}: INFO lacks or garbles {error}") from error


def _state(said: Mapping[str, str]) -> RedisState:
    followers = (said[f"slave{n}"] for n in range(int(said["connected_slaves"])))
    good = said.get("min_slaves_good_slaves")
    saved = int(said["rdb_last_save_time"])
    return RedisState(
        version=said["redis_version"],
        run_id=said["run_id"],
        port=int(said["tcp_port"]),
        up_seconds=int(said["uptime_in_seconds"]),
        role=said["role"],
        history=said["master_replid"],
        offset=int(said["master_repl_offset"]),
        followers=tuple(_follower(one) for one in followers),
        link=_link(said) if said["role"] == "slave" else None,
        good_replicas=None if good is None else int(good),
        loading=said["loading"] != "0" or said["async_loading"] != "0",
        aof_enabled=said["aof_enabled"] == "1",
        aof_last_write=said["aof_last_write_status"],
        aof_last_rewrite=said["aof_last_bgrewrite_status"],
        rdb_last_save=said["rdb_last_bgsave_status"],
        rdb_saved_seconds_ago=int(said["server_time_usec"]) // 1_000_000 - saved if saved else None,
        unsaved_changes=int(said["rdb_changes_since_last_save"]),
        policy=said["maxmemory_policy"],
        most_memory=int(said["maxmemory"]),
        used_memory=int(said["used_memory"]),
        machine_memory=int(said["total_system_memory"]),
        evicted=int(said["evicted_keys"]),
        rdb_saves=_whole(said.get("rdb_saves")),
        rdb_loaded_keys=_whole(said.get("rdb_last_load_keys_loaded")),
        rdb_saving_seconds=_whole(said["rdb_current_bgsave_time_sec"]),
        keys=_keys(said) if _KEYSPACE in said else None,
    )


def _keys(said: Mapping[str, str]) -> int:
    """The keys of each database that has any: `db0:keys=5,expires=2,avg_ttl=0`."""
    databases = (one for name, one in said.items() if _DATABASE.fullmatch(name))
    return sum(int(one.partition(",")[0].removeprefix("keys=")) for one in databases)


def _whole(text: str | None) -> int | None:
    """A number; Redis writes -1 for none."""
    return None if text in (None, "-1") else int(text)


def _follower(text: str) -> Follower:
    said = dict(pair.split("=", 1) for pair in text.split(","))
    return Follower(
        address=said["ip"],
        port=int(said["port"]),
        state=said["state"],
        offset=int(said["offset"]),
        lag=int(said["lag"]),
    )


def _link(said: Mapping[str, str]) -> Link:
    return Link(
        address=said["master_host"],
        port=int(said["master_port"]),
        status=said["master_link_status"],
        idle=int(said["master_last_io_seconds_ago"]),
        syncing=said["master_sync_in_progress"] != "0",
        offset=int(said["slave_repl_offset"]),
        priority=int(said["slave_priority"]),
        read_only=said["slave_read_only"] == "1",
        announced=said["replica_announced"] == "1",
    )


def read_names(answer: Reply, *, where: str) -> tuple[str, ...]:
    """Read ACL USERS: every user that there is; `default` always is."""
    if not isinstance(answer, list) or "default" not in answer:
        raise NotUnderstood(f"{where}: ACL USERS lists no user default")
    return tuple(sorted(map(str, answer)))


def says(found: RedisState) -> str:
    """Who answered, for a person."""
    role = "replica" if found.link else "master"
    return f"reached (only looks), Redis {found.version}, {role}"


STATE: Final[Source[CacheNode, RedisState]] = Source("redis", NODE, RedisState, says=says)
DOOR: Final[Source[CachePort, Door]] = Source("door", PORT, Door)
ADMISSIONS: Final[Source[CachePort, Admissions]] = Source("admissions", PORT, Admissions)
WIRE: Final[Source[CachePort, Wire]] = Source("wire", PORT, Wire)
SOURCES: Final = (STATE, DOOR, ADMISSIONS, WIRE)
