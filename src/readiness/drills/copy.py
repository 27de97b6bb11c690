"""A restored copy on the spare machine: made, asked and removed over SSH, reachable by nobody else.

It lies in folders of its own named after the run (tablespaces beside it: where the live ones lie
nothing is written, and nothing is left behind), listens on no address, archives nothing and
follows nobody, whatever the restored configuration says: it is started with another one.
"""

import json
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from readiness.drills.actions import ActionFailed, on_machine
from readiness.drills.content import SETTINGS
from readiness.evidence.undo import undo_action
from readiness.model.errors import NotRun, NotUnderstood
from readiness.model.interrupts import deferred
from readiness.probes.ssh import DrillSession
from readiness.site.declared.backup import Backup, Migrations, RestoreDrill
from readiness.site.environment import Environment
from readiness.systems.answer import Answer

START_LIMIT: Final = 1800
SQL_LIMIT: Final = 900.0
PAUSE: Final = 0.5
PORT: Final = 5432  # of the socket in the copy's own folder
# Local and peer only; there is no address to come in by.
_HBA: Final = "local all all peer map=copy\n"
_RECOVERING: Final = "SELECT json_build_object('recovering', pg_is_in_recovery())"
_ISOLATION: Final = """
SELECT json_build_object(
  'listen_addresses', current_setting('listen_addresses'),
  'port', current_setting('port')::int,
  'archive_mode', current_setting('archive_mode'),
  'primary_conninfo', current_setting('primary_conninfo'),
  'in_recovery', pg_is_in_recovery(),
  'receivers', (SELECT count(*) FROM pg_stat_wal_receiver),
  'system_identifier', (SELECT system_identifier::text FROM pg_control_system()),
  'data', current_setting('data_directory'))
"""


class CopyFailed(NotRun):
    """A step on the spare machine failed; what it said is in the message."""


@dataclass(frozen=True)
class Isolation:
    """What a copy says about itself."""

    listen_addresses: str
    archive_mode: str
    primary_conninfo: bool
    in_recovery: bool
    receivers: int
    system_identifier: str
    port: int  # of its socket, and of every address if it had one


class Copy:
    """One restored copy."""

    def __init__(self, session: DrillSession, backup: Backup, name: str) -> None:
        if backup.restore is None:
            raise NotRun(f"{backup.name}: no machine to restore to is declared")
        self.session, self.backup, self.drill = session, backup, backup.restore
        self.data = f"{self.drill.folder}/{name}"

    def _as_owner(self, *argv: str, stdin: bytes | None = None, limit: float = 60.0) -> Answer:
        words = ["sudo", "-n", "-u", self.drill.user, *argv]
        return self.session.run(words, stdin=stdin, timeout=limit)

    def _must(self, what: str, answer: Answer) -> str:
        if answer.exit_code:
            raise CopyFailed(
                f"{self.session.name}: {what} ended with {answer.exit_code}: "
                f"{answer.complaint[:300]}"
            )
        return answer.text

    def restore(self, target: str, limit: float) -> None:
        """Restore up to, and not beyond, a position in the WAL."""
        self._must("mkdir", self._as_owner("/usr/bin/mkdir", "-m", "0700", self.data))
        words = [f"--stanza={self.backup.repository.stanza}", f"--pg1-path={self.data}"]
        words += [f"--tablespace-map-all={_spaces(self.data)}"]
        words += ["--type=lsn", f"--target={target}", "--target-exclusive"]
        words += ["--target-action=promote", "--archive-mode=off", "restore"]
        self._must("the restore", self._as_owner("/usr/bin/pgbackrest", *words, limit=limit))

    def start(self) -> None:
        """Start it, and wait until it has replayed and accepts connections."""
        hba = f"{self.data}/readiness_hba.conf"
        self._must("writing", self._as_owner("/usr/bin/tee", hba, stdin=_HBA.encode()))
        ident = f"{self.data}/readiness_ident.conf"
        self._must("writing", self._as_owner("/usr/bin/tee", ident, stdin=self._roles().encode()))
        config = f"{self.data}/readiness.conf"
        text = (
            f"hba_file = '{hba}'\nident_file = '{ident}'\ndata_directory = '{self.data}'\n"
            "hot_standby = off\n"
        )
        self._must("writing", self._as_owner("/usr/bin/tee", config, stdin=text.encode()))
        # Said on the command line, since the restored postgresql.auto.conf wins over a file.
        options = " ".join(
            f"-c {name}={value}"
            for name, value in {
                "config_file": config,
                "listen_addresses": "''",
                "unix_socket_directories": self.data,
                "port": PORT,
                "archive_mode": "off",
                "synchronous_standby_names": "''",  # what is tried on it commits alone
                "primary_conninfo": "''",
                "ssl": "off",
            }.items()
        )
        words = ["start", "-s", "-w", "-t", str(START_LIMIT), "-D", self.data]
        words += ["-l", f"{self.data}/readiness.log", "-o", options]
        started = self._as_owner(f"{self.drill.binaries}/pg_ctl", *words, limit=START_LIMIT + 30)
        self._must("starting the copy", started)
        self._await_recovered()

    def _roles(self) -> str:
        """Who its owner may be there: itself, and the role that migrates."""
        migrations = self.drill.migrations
        roles = [self.drill.user, *([migrations.role] if migrations else [])]
        return "".join(f'copy {self.drill.user} "{role}"\n' for role in roles)

    def migrate(self, database: str, declared: Migrations, argv: Sequence[str]) -> Answer:
        """Run a command on it that finds it by libpq's variables, and finds nothing else."""
        words = ["/usr/bin/unshare", "--map-current-user", "--net", "--", "/usr/bin/env"]
        words += [f"--chdir={declared.folder}", f"PGHOST={self.data}", f"PGPORT={PORT}"]
        words += [f"PGUSER={declared.role}", f"PGDATABASE={database}", *argv]
        return self._as_owner(*words, limit=declared.limit)

    def _await_recovered(self) -> None:
        """Wait until the position is reached: pg_ctl is content with a server that replays."""
        deadline = time.monotonic() + START_LIMIT
        while True:
            try:
                if not self.ask("postgres", _RECOVERING)["recovering"]:
                    return
                problem = "it still replays"
            except CopyFailed as error:
                problem = str(error)
            if time.monotonic() > deadline:
                raise CopyFailed(f"no end of recovery within {START_LIMIT} s: {problem}")
            time.sleep(PAUSE)

    def ask(self, database: str, statement: str, role: str = "") -> dict[str, Any]:
        """The one JSON document that a statement gives, as a role of the copy or as its owner."""
        settings = [f"SET {name} = '{value}';" for name, value in SETTINGS.items()]
        as_role = [f"SET SESSION AUTHORIZATION {_quoted(role)};"] if role else []
        text = "\n".join([*settings, *as_role, f"{statement};"])
        words = ["-XAtq", "-v", "ON_ERROR_STOP=1", "-h", self.data, "-p", str(PORT)]
        words += ["-U", self.drill.user, "-d", database, "-f", "-"]
        done = self._as_owner("/usr/bin/psql", *words, stdin=text.encode(), limit=SQL_LIMIT)
        try:
            found = json.loads(self._must(f"reading {database} in the copy", done))
        except ValueError as error:
            raise NotUnderstood(f"{self.session.name}: the copy's answer: {error}") from error
        if not isinstance(found, dict):
            raise NotUnderstood(f"{self.session.name}: the copy answered no JSON object")
        return found

    def isolation(self) -> Isolation:
        """How it is set up, as it runs."""
        found = self.ask("postgres", _ISOLATION)
        return Isolation(
            listen_addresses=str(found["listen_addresses"]),
            archive_mode=str(found["archive_mode"]),
            primary_conninfo=bool(found["primary_conninfo"]),
            in_recovery=bool(found["in_recovery"]),
            receivers=int(found["receivers"]),
            system_identifier=str(found["system_identifier"]),
            port=int(found["port"]),
        )


@deferred()
def remove(session: DrillSession, drill: RestoreDrill, name: str) -> str:
    """Stop a copy and delete its folders; one that is gone already is fine."""
    owner = ["sudo", "-n", "-u", drill.user]
    listing = [*owner, "/usr/bin/ls", "-1A", drill.folder]
    data = f"{drill.folder}/{name}"
    there = _listed(session, listing)
    if name in there:
        stop = ["stop", "-s", "-w", "-m", "immediate", "-D", data]
        # One that does not run, or never was a database, can't be stopped: then it only goes.
        session.run([*owner, f"{drill.binaries}/pg_ctl", *stop], timeout=60)
    ours = {name: data, _spaces(name): _spaces(data)}
    for one, folder in ours.items():
        if one in there:
            session.run([*owner, "/usr/bin/rm", "-rf", folder], timeout=300)
    left = [folder for one, folder in ours.items() if one in _listed(session, listing)]
    if left:
        raise ActionFailed(f"{session.name}: {', '.join(left)} is still there")
    return f"no {data} on {session.name}, and no tablespaces of it"


def _spaces(copy: str) -> str:
    """Where the tablespaces of a copy lie: beside it, since none may lie inside."""
    return f"{copy}-tablespaces"


def _listed(session: DrillSession, listing: list[str]) -> list[str]:
    answer = session.run(listing)
    if answer.exit_code:
        raise ActionFailed(f"{session.name}: listing what is restored: {answer.complaint}")
    return answer.text.split()


@undo_action("restored-copy.remove")
def undo_copy(arguments: Mapping[str, Any], environment: Environment) -> str:
    """Remove a restored copy from wherever the journal is."""
    backup = next(one for one in environment.backups if one.name == arguments["backup"])
    drill = backup.restore
    if drill is None:
        raise ActionFailed(f"{backup.name}: no machine to restore to is declared any more")
    name = arguments["name"]
    return on_machine(environment, drill.machine, lambda session: remove(session, drill, name))


def _quoted(name: str) -> str:
    return '"' + name.replace('"', '""') + '"'
