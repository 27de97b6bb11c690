"""What kind of thing each field of an observation is, for comparing two runs.

*Fixed* fields change when somebody changes the system: any difference is drift. *Bounded* ones move
within limits that the checks know: only a claim that no longer holds is drift. *Volatile* ones
move by themselves: who leads, process ids, serials, positions, times.
"""

from collections.abc import Iterator
from enum import StrEnum
from fnmatch import fnmatchcase
from functools import cache
from typing import Any, Final


class Kind(StrEnum):
    """How a field may differ between two runs."""

    FIXED = "fixed"
    BOUNDED = "bounded"
    VOLATILE = "volatile"


# The first pattern that fits decides; `[]` stands for any place in a list. By source.
_VOLATILE: Final = (
    "tls.access*", "tls.asked_at", "tls.chain[[]].fingerprint", "tls.chain[[]].serial",
    # Whom a certificate is for is in its names; an intermediate is chosen anew at each renewal.
    "tls.chain[[]].issuer", "tls.chain[[]].subject", "tls.chain[[]].not_before",
    "tls-scan.deployed*", "tls-scan.scanner", "tls-scan.unknown*", "revocation.*",
    "tls.protocol_reasons.*", "tls.further*", "tls.kinds_answered", "tls.by_name[[]].reason",
    "http*.headers*", "http*.body_*", "http*.json*",
    "alpn.headers*", "alpn.body_*", "alpn.json*",
    "systemd.*.main_pid", "systemd.*.processes", "systemd.*.since", "systemd.*.up",
    "chrony.sources[[]].*", "chrony.tracking.*",
    "etcd.status.leader_id", "etcd.status.raft_*", "etcd.status.db_size", "etcd.health.reason",
    "patroni.history*", "patroni.cluster.members[[]].role", "patroni.cluster.members[[]].state",
    "patroni.cluster.members[[]].timeline", "patroni?status.dcs_last_seen",
    "patroni?status.location", "patroni?status.received", "patroni?status.role",
    "patroni?status.replication_state", "patroni?status.sync_standby", "patroni?status.timeline",
    "patroni.status.clock", "patroni-status.clock", "patroni?status.state", "patroni?status.status",
    "postgresql.receiver*", "postgresql.replicas*", "postgresql.slots[[]].*",
    "postgresql.current", "postgresql.received", "postgresql.replayed", "postgresql.in_recovery",
    "postgresql.last_replayed_commit", "postgresql.replay_pause", "postgresql.server_clock",
    "postgresql.started", "postgresql.timeline", "postgresql.checkpoint_timeline",
    "postgresql.settings.*.source", "postgresql.settings.primary_conninfo.value",
    "postgresql.settings.synchronous_standby_names.value",
    "archiving.clock", "archiving.current", "archiving.in_recovery", "archiving.last_*",
    "archiving.segments*", "archiving.size",
    "redis.followers*", "redis.history", "redis.link", "redis.link.address", "redis.link.idle",
    "redis.link.offset", "redis.link.port", "redis.link.syncing", "redis.offset", "redis.role",
    "redis.run_id", "redis.rdb_saved_seconds_ago", "redis.rdb_saves", "redis.rdb_loaded_keys",
    "redis.rdb_saving_seconds", "redis.keys", "redis.unsaved_changes", "redis.up_seconds",
    "repository.asked", "repository.files*", "repository.headers*", "repository.histories*",
    "repository.segments*", "repository*.backups[[]].archive", "repository*.backups[[]].*_wal",
    "repository*.backups[[]].label", "repository*.backups[[]].kind",
    "repository*.backups[[]].st*", "repository*.backups[[]].size",
    "repository*.backups[[]].repository", "repository*.repositories[[]].last_wal",
    "sentinel.watched.seen.*", "sentinel.replicas[[]].seen.*",
    "sentinel.masters[[]].address", "sentinel.masters[[]].port",
    "sentinel.others[[]].answered_ms_ago", "timer.last", "timer.next", "timer.service_state",
    "rotation.requests", "rotation.shares[[]].answers", "rotation.shares[[]].right",
    "keepalived.log.read_at", "keepalived.log.process", "keepalived.log.whole",
    "keepalived.runs_something", "keepalived.processes",
    "addresses[[]]",  # a virtual address moves; LB-003 says whether that is well
    "scan.began", "scan.seconds",
    "restart.server_clock", "restart.logins[[]].*",
    "replication-logins.*",  # who tries whom follows from who leads; PG-027 says what is refused
    "clock.taken", "clock.samples", "replay.wanted", "replay.replayed", "replay.looks",
)  # fmt: skip
_BOUNDED: Final = (
    "tls-profile.*",  # a later scanner brings a later profile
    "tls.chain[[]].days_left", "tls.chain[[]].not_after", "systemd.*.restarts", "systemd.*.result",
    "clock.value", "clock.error", "replay.behind", "replay.seconds*", "replay.reached",
    "scan.connections", "scan.towards[[]].*",
    "patroni.cluster.members[[]].lag", "patroni.cluster.members[[]].*_lag",
    "redis.aof_last_*", "redis.rdb_last_save", "redis.loading", "redis.evicted",
    "redis.used_memory", "redis.good_replicas", "redis.link.status", "redis.machine_memory",
    "repository*.backups[[]].error", "repository*.status", "repository*.message",
    "sentinel.quorum", "sentinel.tilt", "sentinel.*.reported", "sentinel.*.link",
    "sentinel.others[[]].flags*", "timer.result",
    "keepalived.log.scripts.*", "keepalived.unchanged",
    "haproxy[[]].status", "haproxy[[]].check",
    "rotation.unanswered", "rotation.problem", "rotation.shares[[]].problem",
)  # fmt: skip
_FIXED: Final = (
    "tls-scan.*",
    "environment*", "tls.address", "tls.family", "tls.port", "tls.server_name", "tls.answers",
    "tls.tls_offered", "tls.problem", "tls.trust*", "tls.version", "tls.name_matches.*",
    "tls.protocols.*", "tls.chain[[]].*_names[[]]", "tls.by_name[[]].*",
    "tls.chain[[]].key*", "tls.chain[[]].signature_hash",
    "http*.address", "http*.family", "http*.port", "http*.host", "http*.url", "http*.status",
    "http*.location", "http*.problem", "http*.answers", "http*.hsts.*", "http*.contains",
    "http*.protocol", "alpn.*", "acme.*",
    "systemd.*.active", "systemd.*.enabled", "systemd.*.freezer", "systemd.*.kind",
    "systemd.*.load", "systemd.*.started_by*", "systemd.*.sub", "systemd.*.unit",
    "systemd.*.starts*", "systemd.*.stopped",
    "systemd.*.listening*", "systemd.*.id",
    "chrony.answers", "chrony.problem",
    "keepalived.*",
    "admissions.*", "archiving.*", "door.*", "redis.*", "repository*.cipher", "repository.mount.*",
    "repository.below*", "repository*.repositories[[]].key",
    "repository*.repositories[[]].archive",
    "repository*.backups[[]].system_identifier", "repository*.backups[[]].databases*",
    "sentinel.*", "storage.*", "timer.*", "trail.*", "wire.*",
    "haproxy[[]].*", "rotation.address", "rotation.shares[[]].served_by", "sockets[[]].*",
    "etcd.members[[]].*", "etcd.status.cluster_id", "etcd.status.member_id",
    "etcd.status.learner", "etcd.status.version", "etcd.health.healthy", "etcd.alarms*",
    "patroni.config.*", "patroni.cluster.scope", "patroni.cluster.paused",
    "patroni.cluster.scheduled_switchover*", "patroni.cluster.members[[]].*",
    "patroni.status.*", "patroni-status.*",
    "postgresql.settings.*", "postgresql.overrides*", "postgresql.version*",
    "restart.*",
    "postgresql.system_identifier", "postgresql.database", "postgresql.user",
)  # fmt: skip
_TABLE: Final = (
    (_VOLATILE, Kind.VOLATILE), (_BOUNDED, Kind.BOUNDED), (_FIXED, Kind.FIXED),
)  # fmt: skip


_SOURCES: Final = frozenset(
    pattern.partition(".")[0].partition("[")[0].rstrip("*")
    for patterns, _ in _TABLE
    for pattern in patterns
) | {"https"}


def declared_kind(path: str) -> Kind | None:
    """What the table says about a field, given as `source.field.sub[]`; None when nothing."""
    for patterns, kind in _TABLE:
        if any(fnmatchcase(path, pattern) for pattern in patterns):
            return kind
    return None


@cache
def kind_of(path: str) -> Kind:
    """The kind of a field; one that nobody typed is fixed, so that it is seen.

    What a site's own checks read is for their claims to judge: we can't know what of it moves.
    """
    ours = path.partition(".")[0].partition("[")[0] in _SOURCES
    return declared_kind(path) or (Kind.FIXED if ours else Kind.BOUNDED)


def leaves(source: str, reading: Any) -> Iterator[tuple[str, Any]]:
    """Every value of a reading with its path, lists without their places."""
    if isinstance(reading, dict):
        for name, value in reading.items():
            yield from leaves(f"{source}.{name}", value)
    elif isinstance(reading, list):
        for value in reading:
            yield from leaves(f"{source}[]", value)
    else:
        yield source, reading
