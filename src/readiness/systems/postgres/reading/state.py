"""The one question that tells a PostgreSQL server's state, and how its answer is read."""

import re
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Annotated, Any, Final, Self

from readiness.model.errors import AccessDenied, NotUnderstood
from readiness.systems.marks import VOLATILE, VolatileOf

_LSN_SHIFT: Final = 32
_LSN_BITS: Final = 64
_MILLISECONDS: Final = 1000  # in a second; wal_sender_timeout counts them
# Our sessions turn it on for themselves, after they began.
READ_ONLY: Final = "default_transaction_read_only"
# Any of these ends replay before the WAL does (PostgreSQL 15, 20.5.6).
RECOVERY_TARGETS: Final = (
    "recovery_target",
    "recovery_target_lsn",
    "recovery_target_name",
    "recovery_target_time",
    "recovery_target_xid",
)
# Patroni gives a server these on its command line, which nothing else does with all of them (its
# manual, "PostgreSQL parameters controlled by Patroni").
GIVEN_BY_PATRONI: Final = (
    "cluster_name",
    "max_locks_per_transaction",
    "max_prepared_transactions",
    "track_commit_timestamp",
    "wal_log_hints",
)
# What the checks go by.
SETTINGS: Final = (
    *GIVEN_BY_PATRONI,
    "data_directory",
    "data_sync_retry",
    READ_ONLY,
    "fsync",
    "full_page_writes",
    "ignore_checksum_failure",
    "primary_conninfo",
    "recovery_min_apply_delay",
    "recovery_target_timeline",
    *RECOVERY_TARGETS,
    "synchronous_commit",
    "synchronous_standby_names",
    "wal_level",
    "wal_receiver_status_interval",
    "wal_sender_timeout",
    "wal_sync_method",
    "zero_damaged_pages",
)


# FIRST 2 (a, b), ANY 1 (a, b) and 2 (a, b); a list alone means FIRST 1 (PostgreSQL 15, 20.6.2).
_WAITED_FOR: Final = re.compile(
    r"\s*(?:(?:first|any)\s+)?(\d+)\s*\(.*\)\s*", re.IGNORECASE | re.DOTALL
)


class Lsn(int):
    """A position in the write-ahead log: bytes since its beginning, written as `16/B374D848`."""

    @classmethod
    def parse(cls, text: str) -> Self:
        """Read PostgreSQL's notation; ValueError for anything else."""
        high, slash, low = text.partition("/")
        value = (int(high, 16) << _LSN_SHIFT) + int(low, 16)
        if not slash or value.bit_length() > _LSN_BITS or len(low) > _LSN_SHIFT // 4:
            raise ValueError(f"{text!r} is not a WAL position")
        return cls(value)

    @property
    def text(self) -> str:
        """PostgreSQL's notation."""
        return f"{int(self) >> _LSN_SHIFT:X}/{int(self) & (2**_LSN_SHIFT - 1):X}"

    def __str__(self) -> str:
        """PostgreSQL's notation."""
        return self.text


@dataclass(frozen=True)
class Setting:
    """One line of pg_settings as a session of ours begins with it."""

    name: str
    value: Annotated[str, VolatileOf(("primary_conninfo", "synchronous_standby_names"))]
    unit: str  # what a bare number counts: ms, s, 8kB…; empty for others
    # Default, configuration file, command line, database, user, client…
    source: Annotated[str, VOLATILE]
    pending_restart: bool


@dataclass(frozen=True)
class Override:
    """A setting given to a role, a database or both by ALTER ROLE or ALTER DATABASE … SET."""

    role: str  # empty: every role
    database: str  # empty: every database
    name: str
    value: str
    writes: bool | None = None  # it makes sessions read-only that may write; None for other names

    @property
    def off(self) -> bool:
        """Whether it says off, in any spelling that PostgreSQL keeps as it was written."""
        word = self.value.lower()
        return word in {"0", "off", "of", "no", "n", "false", "fals", "fal", "fa", "f"}


@dataclass(frozen=True)
class Replica:
    """One line of pg_stat_replication: a standby as its sender sees it. Lags in seconds."""

    application_name: str
    client_address: str
    state: str  # startup, catchup, streaming (for a minute after a cut, too), backup, stopping
    sync_state: str  # async, potential, sync, quorum
    sent: Lsn | None
    written: Lsn | None
    flushed: Lsn | None
    replayed: Lsn | None
    write_lag: float | None
    flush_lag: float | None
    replay_lag: float | None
    reply_time: float | None  # epoch seconds on the standby's clock


@dataclass(frozen=True)
class Receiver:
    """pg_stat_wal_receiver: whom a standby follows. Times in epoch seconds."""

    status: str  # streaming, waiting, stopped…
    sender_host: str
    sender_port: int | None
    slot: str
    timeline: int | None
    written: Lsn | None
    flushed: Lsn | None
    last_message: float | None  # when the last message came in
    latest_end: Lsn | None  # the sender's last position that it told us
    latest_end_time: float | None


@dataclass(frozen=True)
class Slot:
    """One line of pg_replication_slots."""

    name: str
    kind: str  # physical, logical
    active: bool
    restart: Lsn | None
    wal_status: str  # reserved, extended, unreserved, lost


@dataclass(frozen=True)
class ServerState:
    """A PostgreSQL server at one moment. Times in epoch seconds of the server's clock."""

    system_identifier: str
    version: str
    version_number: int  # 150018 is 15.18
    database: str
    user: str
    server_clock: Annotated[float, VOLATILE]
    started: Annotated[float, VOLATILE]
    in_recovery: Annotated[bool, VOLATILE]
    timeline: Annotated[int, VOLATILE]  # being written, or being followed
    checkpoint_timeline: Annotated[int, VOLATILE]
    current: Annotated[Lsn | None, VOLATILE]  # written so far; None on a standby
    received: Annotated[Lsn | None, VOLATILE]  # None on a primary
    replayed: Annotated[Lsn | None, VOLATILE]  # None on a primary that was never a standby
    # Commit time of the last replayed transaction
    last_replayed_commit: Annotated[float | None, VOLATILE]
    # Not paused, pause requested, paused; empty on a primary
    replay_pause: Annotated[str, VOLATILE]
    receiver: Annotated[Receiver | None, VOLATILE]
    replicas: Annotated[tuple[Replica, ...], VOLATILE]
    slots: Annotated[tuple[Slot, ...], VOLATILE]
    settings: Mapping[str, Setting]
    overrides: tuple[Override, ...]

    def value(self, setting: str) -> str | None:
        """What a session of ours begins with; None where the server told nothing of that name."""
        found = self.settings.get(setting)
        return None if found is None else found.value

    @property
    def run_by_patroni(self) -> bool | None:
        """Whether Patroni started it; None: it does not say where its settings come from."""
        given = [self.settings.get(name) for name in GIVEN_BY_PATRONI]
        if None in given:
            return None
        return all(one is not None and one.source == "command line" for one in given)

    @property
    def commits_wait_for(self) -> int | None:
        """How many standbys a commit waits for, by synchronous_standby_names; None: not told.

        Of a quorum (`ANY 1 (a, b)`) each counts as one that may be waited for, and one is.
        """
        names = self.value("synchronous_standby_names")
        if names is None:
            return None
        counted = _WAITED_FOR.fullmatch(names)
        return int(counted[1]) if counted else int(bool(names.strip()))

    def word_due(self, sender: "ServerState") -> float | None:
        """Seconds within which this standby gives its sender a word, when nothing happens.

        It does so each wal_receiver_status_interval; where that is 0, when it is asked for one,
        after half of the sender's wal_sender_timeout (20.6.1, 20.6.3). None: it owes none, ever.
        """
        interval = self.value("wal_receiver_status_interval")
        timeout = sender.value("wal_sender_timeout")
        if interval is None or timeout is None:
            return None
        return float(interval) or float(timeout) / _MILLISECONDS / 2 or None


@dataclass(frozen=True)
class Silence:
    """How long a standby has not been heard by whoever sends to it, and how long it may be silent.

    Both ends say `streaming` for a minute after their link was cut on an idle site; this tells
    sooner. Its words carry its own clock, so that is what they are compared with.
    """

    sender: str
    seconds: float | None  # None: it has not said anything yet
    due: float | None  # None: it owes no word, ever, or nobody knows


def silence(
    standby: ServerState, addresses: Collection[str], everyone: Mapping[str, ServerState]
) -> Silence | None:
    """The silence of a standby at these addresses; None where nobody lists it as a replica."""
    lines = [
        (one.reply_time or 0.0, name, one.reply_time)
        for name, sender in everyone.items()
        for one in sender.replicas
        if one.client_address in addresses
    ]
    if not lines:
        return None
    # A link that was cut and is up again may be listed beside the dead one.
    _, name, said = max(lines, key=lambda line: line[:2])
    seconds = None if said is None else standby.server_clock - said
    return Silence(name, seconds, standby.word_due(everyone[name]))


# On a primary the timeline comes from the log being written: the control file's lags behind a
# promotion until the next checkpoint. On a standby a receiver knows best, then the control file.
QUESTION: Final = """
SELECT json_build_object(
  'system_identifier', (SELECT system_identifier::text FROM pg_control_system()),
  'version', current_setting('server_version'),
  'version_number', current_setting('server_version_num')::int,
  'database', current_database(),
  'user', session_user,
  'monitors', pg_has_role(session_user, 'pg_read_all_stats', 'USAGE')
          AND pg_has_role(session_user, 'pg_read_all_settings', 'USAGE'),
  'server_clock', extract(epoch FROM clock_timestamp()),
  'started', extract(epoch FROM pg_postmaster_start_time()),
  'in_recovery', r.recovering,
  'checkpoint_timeline', (SELECT timeline_id FROM pg_control_checkpoint()),
  'wal_file', CASE WHEN NOT r.recovering THEN pg_walfile_name(pg_current_wal_lsn()) END,
  'recovery_timeline', (SELECT min_recovery_end_timeline FROM pg_control_recovery()),
  'current', CASE WHEN NOT r.recovering THEN pg_current_wal_lsn()::text END,
  'received', pg_last_wal_receive_lsn()::text,
  'replayed', pg_last_wal_replay_lsn()::text,
  'last_replayed_commit', extract(epoch FROM pg_last_xact_replay_timestamp()),
  'replay_pause', CASE WHEN r.recovering THEN pg_get_wal_replay_pause_state() END,
  'receiver', (SELECT json_build_object(
      'status', status, 'sender_host', sender_host, 'sender_port', sender_port,
      'slot', slot_name, 'timeline', received_tli, 'written', written_lsn::text,
      'flushed', flushed_lsn::text, 'latest_end', latest_end_lsn::text,
      'last_message', extract(epoch FROM last_msg_receipt_time),
      'latest_end_time', extract(epoch FROM latest_end_time)) FROM pg_stat_wal_receiver),
  'replicas', (SELECT json_agg(json_build_object(
      'application_name', application_name, 'client_address', client_addr, 'state', state,
      'sync_state', sync_state, 'sent', sent_lsn::text, 'written', write_lsn::text,
      'flushed', flush_lsn::text, 'replayed', replay_lsn::text,
      'write_lag', extract(epoch FROM write_lag), 'flush_lag', extract(epoch FROM flush_lag),
      'replay_lag', extract(epoch FROM replay_lag), 'reply_time', extract(epoch FROM reply_time)
    ) ORDER BY application_name, pid) FROM pg_stat_replication),
  'slots', (SELECT json_agg(json_build_object(
      'name', slot_name, 'kind', slot_type, 'active', active, 'restart', restart_lsn::text,
      'wal_status', wal_status) ORDER BY slot_name) FROM pg_replication_slots),
  'settings', (SELECT json_agg(json_build_object(
      'name', name, 'value', reset_val, 'unit', unit, 'source', source,
      'pending_restart', pending_restart) ORDER BY name)
    FROM pg_settings WHERE name = ANY(%(settings)s)),
  'overrides', (SELECT json_agg(json_build_object(
      'role', o.rolname, 'database', d.datname, 'name', split_part(c.line, '=', 1),
      'value', substr(c.line, strpos(c.line, '=') + 1),
      'writes', CASE WHEN c.line LIKE 'default_transaction_read_only=%%' THEN
        s.setrole = 0 OR EXISTS (
          SELECT FROM pg_class t JOIN pg_namespace n ON n.oid = t.relnamespace CROSS JOIN pg_roles h
          WHERE t.relkind IN ('r', 'p') AND n.nspname !~ '^(pg_|information_schema$)'
            AND pg_has_role(s.setrole, h.oid, 'MEMBER')
            AND has_table_privilege(h.oid, t.oid, 'INSERT, UPDATE, DELETE')) END
      ) ORDER BY c.line)
    FROM pg_db_role_setting s
    CROSS JOIN LATERAL unnest(s.setconfig) AS c(line)
    LEFT JOIN pg_roles o ON o.oid = s.setrole
    LEFT JOIN pg_database d ON d.oid = s.setdatabase
    WHERE split_part(c.line, '=', 1) = ANY(%(settings)s)))
FROM (SELECT pg_is_in_recovery() AS recovering) r
"""


def read_state(answer: Mapping[str, Any], *, where: str) -> ServerState:
    """Read the answer to QUESTION; AccessDenied when the role may not see what was asked."""
    if not answer.get("monitors"):
        raise AccessDenied(f"{where}: the role is not a member of pg_monitor, it sees too little")
    try:
        return _read(answer)
    except (KeyError, TypeError, ValueError) as error:
        raise NotUnderstood(f"{where}: the server's state is unreadable: {error!r}") from error


def _read(answer: Mapping[str, Any]) -> ServerState:
    receiver = _receiver(answer["receiver"]) if answer["receiver"] else None
    settings = [_setting(row) for row in answer["settings"] or ()]
    return ServerState(
        system_identifier=str(answer["system_identifier"]),
        version=str(answer["version"]),
        version_number=int(answer["version_number"]),
        database=str(answer["database"]),
        user=str(answer["user"]),
        server_clock=float(answer["server_clock"]),
        started=float(answer["started"]),
        in_recovery=bool(answer["in_recovery"]),
        timeline=_timeline(answer, receiver),
        checkpoint_timeline=int(answer["checkpoint_timeline"]),
        current=_lsn(answer["current"]),
        received=_lsn(answer["received"]),
        replayed=_lsn(answer["replayed"]),
        last_replayed_commit=_number(answer["last_replayed_commit"]),
        replay_pause=answer["replay_pause"] or "",
        receiver=receiver,
        replicas=tuple(_replica(row) for row in answer["replicas"] or ()),
        slots=tuple(_slot(row) for row in answer["slots"] or ()),
        settings={setting.name: setting for setting in settings},
        overrides=tuple(_override(row) for row in answer["overrides"] or ()),
    )


def _timeline(answer: Mapping[str, Any], receiver: Receiver | None) -> int:
    if answer["wal_file"]:
        return int(answer["wal_file"][:8], 16)
    if receiver and receiver.timeline:
        return receiver.timeline
    return max(int(answer["checkpoint_timeline"]), int(answer["recovery_timeline"] or 0))


def _receiver(row: Mapping[str, Any]) -> Receiver:
    return Receiver(
        status=row["status"] or "",
        sender_host=row["sender_host"] or "",
        sender_port=row["sender_port"],
        slot=row["slot"] or "",
        timeline=row["timeline"],
        written=_lsn(row["written"]),
        flushed=_lsn(row["flushed"]),
        last_message=_number(row["last_message"]),
        latest_end=_lsn(row["latest_end"]),
        latest_end_time=_number(row["latest_end_time"]),
    )


def _replica(row: Mapping[str, Any]) -> Replica:
    return Replica(
        application_name=row["application_name"] or "",
        client_address=row["client_address"] or "",
        state=row["state"] or "",
        sync_state=row["sync_state"] or "",
        sent=_lsn(row["sent"]),
        written=_lsn(row["written"]),
        flushed=_lsn(row["flushed"]),
        replayed=_lsn(row["replayed"]),
        write_lag=_number(row["write_lag"]),
        flush_lag=_number(row["flush_lag"]),
        replay_lag=_number(row["replay_lag"]),
        reply_time=_number(row["reply_time"]),
    )


def _slot(row: Mapping[str, Any]) -> Slot:
    return Slot(
        name=row["name"],
        kind=row["kind"],
        active=bool(row["active"]),
        restart=_lsn(row["restart"]),
        wal_status=row["wal_status"] or "",
    )


def _setting(row: Mapping[str, Any]) -> Setting:
    return Setting(
        name=row["name"],
        value=row["value"] or "",
        unit=row["unit"] or "",
        source=row["source"],
        pending_restart=bool(row["pending_restart"]),
    )


def _override(row: Mapping[str, Any]) -> Override:
    return Override(
        role=row["role"] or "",
        database=row["database"] or "",
        name=row["name"],
        value=row["value"],
        writes=row.get("writes"),
    )


def _lsn(text: str | None) -> Lsn | None:
    return Lsn.parse(text) if text else None


def _number(value: float | str | None) -> float | None:
    return None if value is None else float(value)
