"""The restore drill: a backup and its WAL, restored elsewhere, hold what the live database held.

Steps, the numbers stand again at the code:

1. undo on disk; the table of synthetic rows; a row *before*
2. a snapshot of the live database with the position in the WAL that it is exactly the state at,
   taken again until nothing was written or under way meanwhile; its digests
3. a row *after*; waited until the repository holds the segment that it is in
4. the clock starts: restored on the spare machine to the position, exclusive; started isolated
5. the copy is shown to be cut off from the live system, and the live system not to know it
6. the copy's digests, compared; both rows looked for; the clock stops
7. the application's migrations, where they are declared: up, down, up
8. the copy is removed, proven
"""

import secrets
import time
from dataclasses import dataclass
from typing import Any, Final

from readiness.clients import Clients
from readiness.drills import content, writers
from readiness.drills.actions import disturbing, drill_target, settle, write_undo
from readiness.drills.copy import Copy, CopyFailed, Isolation, remove
from readiness.drills.migrations import Migrated, migrated
from readiness.drills.permit import Permit
from readiness.drills.primary import on_primary, synthetic_rows
from readiness.errors import NotRun, TimedOut
from readiness.measure.measurement import Measurement, digest_of
from readiness.model import Tier
from readiness.probes import network, pgbackrest
from readiness.probes import postgres as postgres_probe
from readiness.probes.ssh import DrillSession
from readiness.run import Run
from readiness.subjects import BackupRepository

QUIET_LIMIT: Final = 60.0
PAUSE: Final = 0.5
SLACK: Final = 30.0
DIGEST_LIMIT: Final = 900.0
BEFORE, AFTER = "before", "after"


@dataclass(frozen=True)
class Restored:
    """What the drill showed. `problem` says what on the spare machine went wrong, if anything."""

    target: str  # position in the WAL
    machine: str
    tables: int  # of the live database at the position
    rows: int
    objects: int
    differing_tables: tuple[str, ...] | None  # None: not looked at
    differing_sequences: tuple[str, ...] | None
    differing_objects: tuple[str, ...] | None
    marks: tuple[str, ...] | None  # of the two rows, those that the copy holds
    isolation: Isolation | None
    contacts: tuple[str, ...] | None  # what of the copy was seen outside of it
    system_identifier: str  # of the live database
    time: Measurement
    migrated: Migrated | None
    problem: str


@dataclass(frozen=True)
class _Point:
    """The live database at one position of its WAL."""

    lsn: str
    content: content.Content
    question: str
    system_identifier: str


class RestoreDrill:
    """One restore, for one case."""

    def __init__(self, run: Run, permit: Permit, clients: Clients, one: BackupRepository) -> None:
        permit.require(Tier.LOAD)
        if one.backup.restore is None:
            raise NotRun(f"{one.id}: no machine to restore to is declared")
        if one.cluster.database.failover is None:
            raise NotRun(f"{one.id}: no schema of the touch login is declared")
        self.run, self.clients, self.one = run, clients, one
        self.drill = one.backup.restore
        self.name = f"run-{run.number}-{run.id[-4:].lower()}"

    def restored(self) -> Restored:
        """Do it; what was made is removed, whatever becomes of it."""
        database = self.one.cluster.database
        with synthetic_rows(self.run, database) as self.table:  # 1.
            with on_primary(self.run.environment, database) as primary:
                writers.insert_row(primary, self.table, self.name, BEFORE)
                point = self._point(primary.info.host)
                self._await_archived(primary)
            return self._restore(point)

    def _say(self, text: str) -> None:
        self.run.writer.write("step", text=f"{self.one.id}: {text}")

    def _comparing(self, member: str) -> postgres_probe.Session:
        """A session that may read every table of the live database, and change nothing."""
        database, site = self.one.cluster.database, self.run.environment
        target = postgres_probe.PostgresTarget(
            name=member,
            host=member,
            address=site.machine(member).addresses[0],
            port=database.port,
            dbname=database.database,
            user=self.drill.login.user,
            ca_file=site.path(site.authorities[database.authority]),
        )
        secret = site.secret(self.drill.login.password)
        session = postgres_probe.connect(target, secret, statement_timeout=DIGEST_LIMIT)
        dangerous = postgres_probe.rights(session).dangerous
        if dangerous:
            session.close()
            raise NotRun(f"{target}: could do harm and is refused: {', '.join(dangerous[:5])}")
        return session

    def _point(self, member: str) -> _Point:
        """2. Digests of the live database, and the position that they are exactly true at."""
        self._say(f"digests of the live database on {member}, at a position of its WAL")
        deadline = time.monotonic() + QUIET_LIMIT
        with self._comparing(member) as session:
            for name, value in content.SETTINGS.items():
                session.row("SELECT set_config(%(name)s, %(value)s, false)", _pair(name, value))
            while time.monotonic() < deadline:
                (before,) = session.row("SELECT pg_current_wal_insert_lsn()::text")
                with session.snapshot():
                    # Nothing under way and nothing written since: all that is committed below
                    # the position is seen, and nothing else.
                    at, quiet = session.row(
                        "SELECT pg_current_wal_insert_lsn()::text, "
                        "pg_snapshot_xmin(s) = pg_snapshot_xmax(s) FROM pg_current_snapshot() s"
                    )
                    if at == before and quiet:
                        return self._digests(session, str(at))
                time.sleep(PAUSE)
        raise TimedOut(f"{self.one.id}: no quiet moment within {QUIET_LIMIT:.0f} s")

    def _digests(self, session: postgres_probe.Session, at: str) -> _Point:
        names = content.names_of(session.plain(content.NAMES))
        question = content.question(*names, secrets.token_hex(16))
        # No parameters are given with it: a percent sign in it stands for itself.
        found = content.read_content(session.plain(question), where=str(session.target))
        (system,) = session.row("SELECT system_identifier::text FROM pg_control_system()")
        return _Point(at, found, question, str(system))

    def _await_archived(self, primary: Any) -> None:
        """3. Write the row that must not be restored, and wait for its segment's archive."""
        writers.insert_row(primary, self.table, self.name, AFTER)
        (segment,) = primary.execute(
            "SELECT pg_walfile_name(pg_current_wal_insert_lsn())"
        ).fetchone()
        timeout = float(
            primary.execute(
                "SELECT setting FROM pg_settings WHERE name = 'archive_timeout'"
            ).fetchone()[0]
        )
        may = primary.execute("SELECT has_function_privilege('pg_switch_wal()', 'EXECUTE')")
        if may.fetchone() == (True,):
            primary.execute("SELECT pg_switch_wal()")
        limit = timeout + self.one.backup.wal_age + SLACK
        self._say(f"waiting until {segment} is archived, at most {limit:.0f} s")
        session, home = self.clients.session(self.one.machine), self.one.backup.repository
        deadline = time.monotonic() + limit
        while time.monotonic() < deadline:
            files = pgbackrest.listing(session, home.user, f"archive/{home.stanza}")
            if any(one.name == segment and one.size for one in pgbackrest.segments_of(files)):
                return
            time.sleep(PAUSE)
        raise TimedOut(f"{self.one.id}: {segment} was not archived within {limit:.0f} s")

    def _restore(self, point: _Point) -> Restored:
        arguments = {"backup": self.one.id, "name": self.name}
        machine = self.drill.machine
        entry = write_undo(self.run, "restored-copy.remove", arguments, target=machine)
        with disturbing(self.run) as machines:
            session = machines.drill(drill_target(self.run.environment, machine))
            try:
                return self._proven(session, point)
            finally:
                settle(self.run, entry, remove(session, self.drill, self.name))  # 8.

    def _proven(self, session: DrillSession, point: _Point) -> Restored:
        copy = Copy(session, self.one.backup, self.name)
        found = _Found(point, self.drill.machine, time.monotonic())
        try:
            self._say(f"restoring on {self.drill.machine} up to {point.lsn}, exclusive")
            copy.restore(point.lsn, self.run.environment.objectives.recovery_time + SLACK)  # 4.
            copy.start()
            found.answered = time.monotonic()
            self._say("comparing the copy with what the live database held")
            found.isolation = copy.isolation()  # 5.
            found.contacts = self._contacts(session)
            role, database = self.drill.login.user, self.one.cluster.database.database
            answer = copy.ask(database, point.question, role)  # 6.
            held = content.read_content(answer, where=f"the copy on {session.name}")
            there = copy.ask(database, content.NAMES, role)
            found.differing = content.differences(point.content, _with_names(held, there))
            marks = copy.ask(database, _marks(self.table, self.name), role)
            found.marks = tuple(sorted(marks["marks"]))
            found.proven = time.monotonic()
            if self.drill.migrations is not None:
                self._say("the migrations of the application on the copy: up, down, up")
                found.migrated = migrated(copy, database, role, self.drill.migrations)  # 7.
        except CopyFailed as error:
            found.problem = str(error)
        return found.restored()

    def _contacts(self, session: DrillSession) -> tuple[str, ...]:
        """Whatever shows the copy outside of itself: a port, a client of a member, a member."""
        spare = self.clients.site.machine(self.drill.machine)
        seen = [
            f"{spare.name} listens on {one.name}"
            for one in network.sockets(self.clients.session(spare))
            if one.reachable and one.port == self.one.cluster.database.port
        ]
        looking = {self.clients.session(one).fingerprint for one in self.one.cluster.machines}
        if session.fingerprint in looking:
            seen.append(f"{spare.name} has the host key of a member")
        for member in self.one.cluster.members:
            followers = self.clients.postgres(member).reading.replicas
            known = self.clients.patroni(member).reading.cluster.members
            seen += [
                f"{spare.name} follows {member.id}"
                for one in followers
                if one.client_address in spare.addresses
            ]
            seen += [
                f"{member.id} has {one.name} as a member"
                for one in known
                if one.host in spare.addresses
            ]
        return tuple(seen)


@dataclass
class _Found:
    """What is known of a restore while it goes on."""

    point: _Point
    machine: str
    begun: float
    answered: float | None = None
    proven: float | None = None
    isolation: Isolation | None = None
    contacts: tuple[str, ...] | None = None
    differing: content.Differences | None = None
    marks: tuple[str, ...] | None = None
    migrated: Migrated | None = None
    problem: str = ""

    def restored(self) -> Restored:
        """As the record has it."""
        held, differing = self.point.content, self.differing
        return Restored(
            target=self.point.lsn,
            machine=self.machine,
            tables=len(held.tables),
            rows=held.rows,
            objects=sum(len(one) for one in held.objects.values()),
            differing_tables=differing.tables if differing else None,
            differing_sequences=differing.sequences if differing else None,
            differing_objects=differing.objects if differing else None,
            marks=self.marks,
            isolation=self.isolation,
            contacts=self.contacts,
            system_identifier=self.point.system_identifier,
            time=self._time(),
            migrated=self.migrated,
            problem=self.problem,
        )

    def _time(self) -> Measurement:
        """Not before it answered could it be used; once proven it could."""
        lower = None if self.answered is None else self.answered - self.begun
        upper = None if self.proven is None else self.proven - self.begun
        marks = [repr(one) for one in (self.begun, self.answered, self.proven)]
        return Measurement("restore time", upper, lower, upper, "s", None, 1, digest_of(marks))


def _pair(name: str, value: str) -> dict[str, object]:
    return {"name": name, "value": value}


def _marks(table: writers.Table, run: str) -> str:
    """Both come from the environment file and the run's own name: letters, digits, dashes."""
    return (
        "SELECT json_build_object('marks', (SELECT coalesce(json_agg(writer), '[]') "  # noqa: S608
        f'FROM "{table.db_schema}"."{table.name}" WHERE run = \'{run}\'))'
    )


def _with_names(held: content.Content, there: dict[str, Any]) -> content.Content:
    """The digests, and what the copy holds besides what was asked for."""
    tables, sequences = content.names_of(there)
    return content.Content(
        {**dict.fromkeys(tables, (0, "")), **held.tables},
        {**dict.fromkeys(sequences, (0, 0)), **held.sequences},
        held.objects,
    )
