"""The restore drill: a backup and its WAL, restored elsewhere, hold what the live database held.

Steps, the numbers stand again at the code:

1. undo on disk; the table of synthetic rows; a row *before*
2. a snapshot of the live database with the position in the WAL that it is the state at; its digests
   (`readiness.drills.point`: also of a database that is never quiet)
3. a row *after*; waited until the repository holds the segment that it is in
4. the clock starts: restored on the spare machine to the position, exclusive; started isolated
5. the copy is shown to be cut off from the live system, and the live system not to know it
6. the copy's digests, compared; both rows looked for; the clock stops
7. the application's migrations, where they are declared: up, down, up
8. the copy is removed, proven
"""

import time
from dataclasses import dataclass
from typing import Any, Final

from readiness.drills import content, writers
from readiness.drills.actions import disturbing, drill_target, settle, write_undo
from readiness.drills.copy import Copy, CopyFailed, Isolation, remove
from readiness.drills.migrations import Migrated, migrated
from readiness.drills.permit import Permit
from readiness.drills.point import Point, compared, read_point
from readiness.drills.primary import on_primary, synthetic_rows
from readiness.measure.measurement import Measurement, digest_of
from readiness.model.errors import NotRun, TimedOut
from readiness.model.words import Tier
from readiness.probes.ssh import DrillSession
from readiness.session.clients import Clients
from readiness.session.run import Run
from readiness.site.subjects import BackupRepository
from readiness.systems.hosts.asking import network
from readiness.systems.patroni.reading import PATRONI
from readiness.systems.pgbackrest import asking as pgbackrest_asking
from readiness.systems.pgbackrest import reading as pgbackrest
from readiness.systems.postgres.asking import session as postgres_probe
from readiness.systems.postgres.reading import POSTGRES

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
    not_compared: tuple[str, ...] = ()  # changed while it was read
    left_out: int = 0  # rows that were being written or changed at the position


class RestoreDrill:
    """One restore, for one case."""

    def __init__(self, run: Run, permit: Permit, clients: Clients, one: BackupRepository) -> None:
        permit.require(Tier.LOAD)
        if one.backup.restore is None:
            raise NotRun(f"{one.id}: no machine to restore to is declared")
        if one.cluster.database.rows_schema is None:
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

    def _point(self, member: str) -> Point:
        """2. Digests of the live database, and the position that they are true at."""
        self._say(f"digests of the live database on {member}, at a position of its WAL")
        with self._comparing(member) as session:
            point = read_point(session)
        if point.moment is not None:
            self._say(f"the database is never quiet: compared by {point.moment.text}")
        return point

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
            files = pgbackrest_asking.listing(session, home.user, f"archive/{home.stanza}")
            if any(one.name == segment and one.size for one in pgbackrest.segments_of(files)):
                return
            time.sleep(PAUSE)
        raise TimedOut(f"{self.one.id}: {segment} was not archived within {limit:.0f} s")

    def _restore(self, point: Point) -> Restored:
        arguments = {"backup": self.one.id, "name": self.name}
        machine = self.drill.machine
        entry = write_undo(self.run, "restored-copy.remove", arguments, target=machine)
        with disturbing(self.run) as machines:
            session = machines.drill(drill_target(self.run.environment, machine))
            try:
                return self._proven(session, point)
            finally:
                settle(self.run, entry, remove(session, self.drill, self.name))  # 8.

    def _proven(self, session: DrillSession, point: Point) -> Restored:
        copy = Copy(session, self.one.backup, self.name)
        found = _Found(point, self.drill.machine, time.monotonic())
        try:
            self._say(f"restoring on {self.drill.machine} up to {point.lsn}, exclusive")
            copy.restore(point.lsn, self.run.environment.objectives.recovery_time + SLACK)  # 4.
            copy.start()
            found.answered = time.monotonic()
            self._say("comparing the copy with what the live database held")
            found.isolation = copy.isolation()  # 5.
            found.contacts = self._contacts(session, found.isolation)
            role, database = self.drill.login.user, self.one.cluster.database.database
            where = f"the copy on {session.name}"

            def ask(statement: str) -> dict[str, Any]:
                return copy.ask(database, statement, role)

            found.differing = compared(point, ask, where=where)  # 6.
            marks = ask(_marks(self.table, self.name))
            found.marks = tuple(sorted(marks["marks"]))
            found.proven = time.monotonic()
            if self.drill.migrations is not None:
                self._say("the migrations of the application on the copy: up, down, up")
                found.migrated = migrated(copy, database, role, self.drill.migrations)  # 7.
        except CopyFailed as error:
            found.problem = str(error)
        return found.restored()

    def _contacts(self, session: DrillSession, copy: Isolation) -> tuple[str, ...]:
        """Whatever shows the copy outside of itself: a port, a client of a member, a member.

        The copy has a port of its own, whatever the live database's is.
        """
        spare = self.clients.site.machine(self.drill.machine)
        ports = {copy.port, self.one.cluster.database.port}
        seen = [
            f"{spare.name} listens on {one.name}"
            for one in network.sockets(self.clients.session(spare))
            if one.reachable and one.port in ports
        ]
        looking = {self.clients.session(one).fingerprint for one in self.one.cluster.machines}
        if session.fingerprint in looking:
            seen.append(f"{spare.name} has the host key of a member")
        for member in self.one.cluster.members:
            followers = self.clients.ask(POSTGRES, member).reading.replicas
            automated = member.database.patroni is not None
            known = self.clients.ask(PATRONI, member).reading.cluster.members if automated else ()
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

    point: Point
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
        held, differing = self.point.held, self.differing
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
            not_compared=differing.not_compared if differing else (),
            left_out=differing.left_out if differing else 0,
        )

    def _time(self) -> Measurement:
        """Not before it answered could it be used; once proven it could."""
        lower = None if self.answered is None else self.answered - self.begun
        upper = None if self.proven is None else self.proven - self.begun
        marks = [repr(one) for one in (self.begun, self.answered, self.proven)]
        return Measurement("restore time", upper, lower, upper, "s", None, 1, digest_of(marks))


def _marks(table: writers.Table, run: str) -> str:
    """Both come from the environment file and the run's own name: letters, digits, dashes."""
    return (
        "SELECT json_build_object('marks', (SELECT coalesce(json_agg(writer), '[]') "  # noqa: S608
        f'FROM "{table.db_schema}"."{table.name}" WHERE run = \'{run}\'))'
    )
