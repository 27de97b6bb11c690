"""The restore drill in a simulated site: whole, and with every call of it failing once."""

import json
import os
import re
from collections.abc import Callable, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import psycopg
import pytest
import simulated
from simulated import Drilled, Failure, Limit, Simulated

from readiness.drills import content, restore
from readiness.drills.actions import ActionFailed
from readiness.drills.permit import Permit
from readiness.drills.point import Point
from readiness.drills.restore import BEFORE, Restored, RestoreDrill
from readiness.model.errors import ProbeError, TimedOut, Unreachable
from readiness.model.words import Case, Tier
from readiness.site.documents import load_environment
from readiness.site.environment import Environment
from readiness.site.subjects import backup_repositories
from readiness.systems.answer import Answer
from readiness.systems.patroni.reading import PATRONI

SPARE = "  - {name: spare, zone: all, role: spare, addresses: [192.0.2.20]}\n"
BACKUPS = """\
backups:
  - name: nightly
    database: db
    repository: {machine: box, path: /repository, stanza: main}
    timer: full.timer
    every: 1 d
    age: 26 h
    wal_age: 60 s
    restore:
      machine: spare
      folder: /restored
      binaries: /usr/lib/postgresql/15/bin
      login: {user: comparer, password: "file:password"}
"""
SEGMENT = "000000010000000000000007"
HELD = content.Content({"public.students": (3, "1-2")}, {}, {"roles": {"portal": "aa"}})
POINT = Point("0/7000028", HELD, HELD, "SELECT content", "00", "4711", None)
KINDS: dict[str, tuple[bool, Callable[[], BaseException | None]]] = {
    "unreachable": (False, lambda: None),
    "answer lost": (True, lambda: None),
    "interrupted": (False, KeyboardInterrupt),
    "interrupted after": (True, KeyboardInterrupt),
    "limit": (False, lambda: Limit("no result within 5 s")),
    "limit after": (True, lambda: Limit("no result within 5 s")),
}


class Site(Simulated):
    """The cluster, the repository's machine, and a machine for restores."""

    def __init__(self, environment: Environment, failure: Failure | None) -> None:
        super().__init__(environment, failure)
        self.folders: set[str] = set()
        self.runs = False
        self.listens: tuple[int, ...] = ()  # ports of the spare machine, on every address
        self.refuses: str | None = None  # the program on the spare machine that fails
        self.held: Mapping[str, Any] = {"tables": {"public.students": [3, "1-2"]}}

    def drill(self, target: Any) -> Any:
        """A session that may disturb."""
        return Spare(self) if target.name == "spare" else super().drill(target)

    @contextmanager
    def comparing(self, *_: object, **__: object) -> Any:
        """A session that reads the live database."""
        with self.call("connect to compare", Unreachable("db1: no answer")):
            yield None

    def point(self, _: object) -> Point:
        """The live database at a position."""
        with self.call("read the live database", TimedOut("db1: statement timeout")):
            return POINT

    def connect(self, **told: Any) -> Any:
        """A session with one member; it knows what is asked about WAL."""
        connection = super().connect(**told)
        known: Callable[..., Any] = connection.execute

        def execute(query: Any, parameters: Sequence[Any] = ()) -> Any:
            if isinstance(query, str) and "recovery" not in query and "set_config" not in query:
                with self.call(f"sql {query[:40]}", psycopg.OperationalError("closed")):
                    said = {"walfile": SEGMENT, "archive_timeout": "60", "privilege": True}
                    value = next((one for word, one in said.items() if word in query), None)
                return SimpleNamespace(fetchone=lambda: (value,))
            return known(query, parameters)

        return SimpleNamespace(info=connection.info, execute=execute, close=connection.close)

    @property
    def left(self) -> set[str]:
        """What is not as it was before the drill."""
        return {*self.folders, *self.rows, *(["a server runs"] if self.runs else [])}


class Spare:
    """What the machine for restores does when it is told to."""

    name, fingerprint = "spare", "SHA256:spare"

    def __init__(self, site: Site) -> None:
        self.site = site

    def run(
        self, argv: Sequence[str], *, stdin: bytes | None = None, timeout: float = 60
    ) -> Answer:
        """Run one program as the owner."""
        program, words = Path(argv[4]).name, list(argv[5:])
        with self.site.call(f"ssh {program} {words[-1]}", TimedOut("spare: no end in time")):
            if program == self.site.refuses:
                return Answer(1, b"", b"it did not work")
            return Answer(0, self._do(program, words, (stdin or b"").decode()).encode(), b"")

    def _do(self, program: str, words: list[str], given: str) -> str:
        site = self.site
        if program == "mkdir":
            site.folders.add(words[-1])
        elif program == "pgbackrest":
            site.folders.add(f"{words[1].partition('=')[2]}-tablespaces")
        elif program == "pg_ctl":
            site.runs = "start" in words
        elif program == "rm":
            site.folders.discard(words[-1])
        elif program == "ls":
            return "".join(f"{Path(one).name}\n" for one in sorted(site.folders))
        elif program == "psql":
            return json.dumps(self._asked(given))
        return ""

    def _asked(self, statement: str) -> Mapping[str, Any]:
        if "recovering" in statement:
            return {"recovering": False}
        if "SELECT content" in statement:
            return {"sequences": {}, "objects": {"roles": {"portal": "aa"}}, **self.site.held}
        if "in_recovery" in statement:
            return {
                "listen_addresses": "", "archive_mode": "off", "primary_conninfo": "",
                "in_recovery": False, "receivers": 0, "system_identifier": "4711", "port": 5432,
            }  # fmt: skip
        if "'marks'" in statement:
            return {"marks": [BEFORE]}
        assert "'tables'" in statement, statement
        return {"tables": [*self.site.held["tables"]], "sequences": []}


class Observed:
    """A session that only looks: the archive, and what listens."""

    fingerprint = "SHA256:other"

    def __init__(self, site: Site, name: str) -> None:
        self.site, self.where = site, name

    def run(self, command: str, *, remember: bool = True, timeout: float = 60) -> Answer:
        """Answer one command."""
        with self.site.call(f"ssh {command[:30]}", TimedOut(f"{self.where}: no end in time")):
            if "repo-ls" in command:
                path = f"15-1/0000000100000000/{SEGMENT}-{'0' * 40}.gz"
                said = json.dumps({path: {"type": "file", "size": 9, "time": 1}})
            else:
                lines = ["State Recv-Q Send-Q Local Address:Port Peer Address:Port"]
                lines += [f"LISTEN 0 200 0.0.0.0:{one} 0.0.0.0:*" for one in self.site.listens]
                said = "".join(f"{one}\n" for one in lines)
        return Answer(0, said.encode(), b"")


class Restoring(Drilled):
    """One restore drill, and everything that it left."""

    def __init__(self, folder: Path, site: Environment, failure: Failure | None = None) -> None:
        super().__init__(folder, site, failure)
        self.site: Site = Site(site, failure)
        self.found: Restored | None = None

    def drill(self) -> "Restoring":
        """Do it, and keep how it ended."""
        site, environment = self.site, self.run.environment
        (one,) = backup_repositories(environment)
        reading = SimpleNamespace(replicas=(), cluster=SimpleNamespace(members=()))
        automated = environment.databases[0].patroni is not None

        def ask(source: object, _: object) -> Any:
            assert automated or source is not PATRONI
            return SimpleNamespace(reading=reading)

        clients: Any = SimpleNamespace(
            site=environment,
            session=lambda machine: Observed(site, machine.name),
            ask=ask,
        )
        permit = Permit(self.run.id, Case("BKP-010", "nightly"), Tier.LOAD)
        try:
            self.found = RestoreDrill(self.run, permit, clients, one).restored()
        except BaseException as error:  # noqa: BLE001 - a test looks at each
            self.error = error
        site.failure = None
        return self


@pytest.fixture
def site(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Environment:
    """The declared site; nothing is synced to a disk, which is tested elsewhere."""
    monkeypatch.setattr(os, "fsync", lambda _: None)
    simulated.environment(tmp_path)
    file = tmp_path / "environment.yaml"
    text = file.read_text().replace("objectives:", SPARE + "objectives:", 1)
    file.write_text(text + BACKUPS)
    return load_environment(file)


def drilled(
    tmp_path: Path, site: Environment, patch: pytest.MonkeyPatch, failure: Failure | None = None,
    **site_is: Any,
) -> Restoring:  # fmt: skip
    """One drill in a folder of its own."""
    folder = tmp_path / f"run-{len(list(tmp_path.glob('run-*')))}"
    folder.mkdir()
    done = Restoring(folder, site, failure)
    for name, value in site_is.items():
        setattr(done.site, name, value)
    done.patch(patch)
    patch.setattr(RestoreDrill, "_comparing", lambda *_: done.site.comparing())
    patch.setattr(restore, "read_point", done.site.point)
    return done.drill()


def test_a2_a_restore_asks_no_automation_that_there_is_not(
    tmp_path: Path, site: Environment, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The servers tell who follows them; nobody else could have the copy as a member."""
    written = json.loads(site.model_dump_json(by_alias=True, exclude_unset=True))
    for key in ("patroni", "consensus", "failover"):
        del written["databases"][0][key]
    written["databases"][0] |= {"automation": "none", "touch_schema": "readiness"}
    alone = Environment.model_validate_json(json.dumps(written)).located(tmp_path)
    done = drilled(tmp_path, alone, monkeypatch)
    assert done.error is None
    assert done.found is not None
    assert (done.found.problem, done.found.contacts) == ("", ())


def test_a_whole_restore_shows_everything(
    tmp_path: Path, site: Environment, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The same content, the one row and not the other, cut off, and nothing left."""
    done = drilled(tmp_path, site, monkeypatch)
    assert done.error is None
    found = done.found
    assert found is not None
    assert (found.problem, found.differing_tables, found.marks) == ("", (), (BEFORE,))
    assert (found.contacts, found.tables, found.rows) == ((), 1, 3)
    assert (done.run.journal.pending(), done.site.left) == ([], set())


@pytest.mark.parametrize("kind", KINDS)
def test_c2_whatever_call_of_a_restore_fails_nothing_is_left_and_nothing_is_claimed(
    kind: str, tmp_path: Path, site: Environment, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The n-th call fails, for every n: what was made is undone or owed, the rest is unknown."""
    after, ending = KINDS[kind]
    total = len(drilled(tmp_path, site, monkeypatch).site.calls)
    assert total > 20
    for number in range(1, total + 1):
        with monkeypatch.context() as patch:
            failure = Failure(number, after=after, ending=ending())
            done = drilled(tmp_path, site, patch, failure)
            where = f"{kind} at call {number}, {done.site.failed}"
            assert done.error is failure.ending or failure.ending is None, (where, done.error)
            expected = (ProbeError, ActionFailed)
            if done.error is not None and failure.ending is None:
                assert isinstance(done.error, expected), (where, done.error)
            if done.found is not None:
                known = done.found.differing_tables is not None
                assert known is not bool(done.found.problem), where
            owed = {one.action for one in done.run.journal.pending()}
            copies = {one for one in done.site.left if one.startswith("/restored")}
            assert not copies or "restored-copy.remove" in owed, where
            assert not done.site.rows or "ledger.drop" in owed, where
            results = done.play()
            assert all(one.proven for one in results), (where, results)
            assert (done.site.left, done.run.journal.pending()) == (set(), []), where


@pytest.mark.parametrize("program", ["mkdir", "pgbackrest", "tee", "psql"])
def test_a_step_that_fails_on_the_spare_machine_is_the_problem(
    program: str, tmp_path: Path, site: Environment, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It is a finding, with what was said; nothing else is claimed, and nothing is left."""
    done = drilled(tmp_path, site, monkeypatch, refuses=program)
    found = done.found
    assert found is not None, done.error
    assert re.search("it did not work", found.problem)
    assert (found.differing_tables, found.marks) == (None, None)
    assert (done.run.journal.pending(), done.site.left) == ([], set())


def test_a_table_that_lost_rows_is_named(
    tmp_path: Path, site: Environment, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The simulation can tell good from bad."""
    held = {"tables": {"public.students": [2, "1-1"]}}
    done = drilled(tmp_path, site, monkeypatch, held=held)
    assert done.found is not None
    assert done.found.differing_tables == ("public.students (2 of 3 rows)",)


@pytest.mark.parametrize("port", [5432, 6543])
def test_a_copy_that_listens_is_seen_whatever_the_live_port_is(
    tmp_path: Path, site: Environment, monkeypatch: pytest.MonkeyPatch, port: int
) -> None:
    """The live database has another port than the copy; a server on either is a contact."""
    (database,) = site.databases
    other = site.model_copy(update={"databases": (database.model_copy(update={"port": 6543}),)})
    found = drilled(tmp_path, other, monkeypatch, listens=(22, port)).found
    assert found is not None
    assert found.contacts is not None
    assert f"spare listens on {port}/tcp" in found.contacts
    assert not any("22/" in one for one in found.contacts)
