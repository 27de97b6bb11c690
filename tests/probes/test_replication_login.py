"""The program on members, run against a real primary and its standby; and its answers, judged."""

import json
import os
import runpy
import shutil
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from local_postgres import BIN, NAME, Postgres, postgres_pair
from local_servers import wait_until
from pki import Hierarchy

from readiness.evidence.claim import CURRENT, Found
from readiness.model.errors import AccessDenied, NotUnderstood, Unreachable
from readiness.on_members import replication_login as on_member
from readiness.systems.postgres.asking.replication_login import replication_logins
from readiness.systems.postgres.reading import REPLICATION_LOGINS
from readiness.systems.postgres.reading.replication_login import (
    PROGRAM,
    Attempt,
    ReplicationLogins,
    read,
)

SUITE = runpy.run_path(str(Path(__file__).parents[2] / "suites/database/test_restart.py"))
PASSWORD = "it's a \\ long one"
REFUSED = 'FATAL: password authentication failed for user "follower"'


@dataclass(frozen=True)
class Site:
    """A primary, its standby, and what the standby's Patroni would say."""

    primary: Postgres
    standby: Postgres
    config: dict[str, Any]

    def tried(self, monkeypatch: pytest.MonkeyPatch, **login: str) -> dict[str, Attempt]:
        """What the program on the standby finds out, by where it leads."""
        superuser = {"superuser": {"username": "postgres"}, "replication": login}
        postgresql = {**self.config["postgresql"], "authentication": superuser}
        config = {**self.config, "postgresql": postgresql}
        place = {"name": "db1", "host": "127.0.0.1", "port": self.primary.port}
        monkeypatch.setattr(on_member, "running", dict)
        monkeypatch.setattr(on_member, "configuration", lambda _: config)
        monkeypatch.setattr(on_member, "others", lambda _: [place])
        found = read(json.dumps(on_member.tried()), where="db2")
        assert found.standby
        return {one.to: one for one in found.attempts}

    def connects(self, conninfo: str) -> None:
        """Have the running standby connect as this, once it connects anew."""
        quoted = conninfo.replace("'", "''")
        self.standby.execute(
            f"ALTER SYSTEM SET primary_conninfo = '{quoted}'", "SELECT pg_reload_conf()"
        )
        wait_until(lambda: self._runs_with(conninfo), "the standby has read it")

    def _runs_with(self, conninfo: str) -> bool:
        with self.standby.superuser() as connection:
            return connection.execute("SHOW primary_conninfo").fetchall() == [(conninfo,)]


@pytest.fixture(scope="module")
def site(pki: Hierarchy) -> Iterator[Site]:
    """The pair, with a role of its own for each way to log in."""
    with postgres_pair(pki) as (primary, standby):
        word = PASSWORD.replace("'", "''")
        leaf = pki.leaf(NAME)
        shutil.chown(leaf.write(primary.folder / "client.pem", *leaf.above), primary.owner)
        primary.execute(
            f"CREATE ROLE follower LOGIN REPLICATION PASSWORD '{word}'",
            f'CREATE ROLE "{NAME}" LOGIN REPLICATION',
            f"ALTER SYSTEM SET ssl_ca_file = '{primary.ca_file}'",
        )
        rules = primary.data / "pg_hba.conf"
        rules.write_text(
            f'hostssl replication "{NAME}" 127.0.0.1/32 cert\n'
            "hostssl replication follower 127.0.0.1/32 scram-sha-256\n" + rules.read_text()
        )
        primary.execute("SELECT pg_reload_conf()")
        postgresql = {"data_dir": str(standby.data), "bin_dir": BIN}
        yield Site(primary, standby, {"name": "db2", "restapi": {}, "postgresql": postgresql})


def system(server: Postgres) -> str:
    """Its identifier."""
    with server.superuser() as connection:
        query = "SELECT system_identifier::text FROM pg_control_system()"
        (row,) = connection.execute(query).fetchall()
    return str(row[0])


def test_a_password_that_is_right_lets_in(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    """As the standby connects over the socket, and as its Patroni would over the network."""
    site.connects(f"host={site.primary.folder} port={site.primary.port} user=postgres")
    found = site.tried(monkeypatch, username="follower", password=PASSWORD, sslmode="require")
    assert {one.system for one in found.values()} == {system(site.primary)}
    assert {one.refusal for one in found.values()} == {""}


def test_a_password_that_was_changed_is_refused_although_it_streams(
    site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The connection that streams is none the wiser; the new one is, in both ways."""
    quoted = PASSWORD.replace("\\", "\\\\").replace("'", "\\'")
    place = f"host=127.0.0.1 port={site.primary.port} user=follower sslmode=require"
    site.connects(f"{place} password='{quoted}'")
    login = {"username": "follower", "password": PASSWORD, "sslmode": "require"}
    assert site.tried(monkeypatch, **login)[""].refusal == ""
    site.primary.execute("ALTER ROLE follower PASSWORD 'the next one'")
    try:
        for one in site.tried(monkeypatch, **login).values():
            assert "password authentication failed" in one.refusal
            assert PASSWORD not in one.refusal
    finally:
        word = PASSWORD.replace("'", "''")
        site.primary.execute(f"ALTER ROLE follower PASSWORD '{word}'")


def test_a_certificate_lets_in_without_a_password(
    site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Where replication logs in by a client's certificate, nothing is asked for."""
    files = {"sslcert": f"{site.primary.folder}/client.pem", "sslrootcert": site.primary.ca_file}
    own = " ".join(f"{name}={path}" for name, path in files.items())
    key = site.primary.folder / "client.key"
    shutil.copy(site.primary.folder / "client.pem", key)
    key.chmod(0o600)
    site.connects(
        f"host={NAME} hostaddr=127.0.0.1 port={site.primary.port} user={NAME} "
        f"sslmode=verify-full sslkey={key} {own}"
    )
    found = site.tried(
        monkeypatch,
        username=NAME,
        sslmode="verify-ca",
        sslkey=str(key),
        **{name: str(path) for name, path in files.items()},
    )
    assert {one.refusal for one in found.values()} == {""}


def test_a_rule_that_is_missing_is_refused(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    """A role that no rule lets in, whatever its password is."""
    site.primary.execute("CREATE ROLE stray LOGIN REPLICATION PASSWORD 'x'")
    found = site.tried(monkeypatch, username="stray", password="x", sslmode="disable")
    assert "no pg_hba.conf entry for replication connection" in found["db1"].refusal


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("host=a user=b", {"host": "a", "user": "b"}),
        (r"host = 'a b' password='it\'s \\'", {"host": "a b", "password": "it's \\"}),
        ("user=b  passfile=/x/y", {"user": "b", "passfile": "/x/y"}),
        (
            "postgresql://b:p%40ss@[::1]:5433,db2/x?sslmode=require",
            {
                "user": "b",
                "password": "p@ss",
                "host": "::1,db2",
                "port": "5433,",
                "dbname": "x",
                "sslmode": "require",
            },
        ),
    ],
)
def test_connection_strings_are_read_as_libpq_does(text: str, words: dict[str, str]) -> None:
    """Both spellings, quoted or not."""
    assert on_member.parsed(text) == words


def test_a_connection_string_that_is_none_is_not_told() -> None:
    """What can't be read may be a secret."""
    with pytest.raises(on_member.Unknown) as caught:
        on_member.parsed("secret")
    assert "secret" not in str(caught.value)


def test_patroni_is_found_among_processes() -> None:
    """By its script, by its module, and never by a file that somebody edits."""
    right = ["/opt/p/bin/python3 /opt/p/bin/patroni c.yml", "python3 -m patroni c.yml"]
    wrong = ["vi /etc/patroni/config.yml", "psql -m x", "tail -f x patroni"]
    for line in right + wrong:
        words = line.split()
        found = any(on_member.is_patroni(words, n) for n in range(len(words)))
        assert found is (line in right), line


def test_the_program_says_what_stands_in_the_way(tmp_path: Path) -> None:
    """Where no Patroni runs, as a program alone, with the system's Python."""
    done = subprocess.run(
        ["python3", "-I", str(Path(on_member.__file__))],
        capture_output=True,
        check=True,
        cwd=tmp_path,
        env={"PATH": os.environ["PATH"]},
    )
    assert json.loads(done.stdout) == {"problem": "no Patroni runs as this user"}


def test_a_python_of_patroni_that_does_not_start_in_time_is_told(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As on a member that is very busy."""
    python = tmp_path / "python"
    python.write_text("#!/bin/sh\nexec sleep 60\n")
    python.chmod(0o755)
    monkeypatch.setattr(on_member, "STARTED_IN", 0.2)
    patroni = {"python": str(python), "files": [], "environment": {"PATH": os.environ["PATH"]}}
    with pytest.raises(on_member.Unknown, match=r"did not start and read .* in 0\.2 s"):
        on_member.configuration(patroni)


class Session:
    """A machine that answers one command."""

    where = "db2 as observer"

    def __init__(self, code: int, out: str, err: str = "") -> None:
        self.said = SimpleNamespace(exit_code=code, text=out, complaint=err)

    def run(self, command: str, **_: object) -> Any:
        """What it says."""
        assert command == f"sudo -n -u postgres /usr/bin/python3 -I {PROGRAM}"
        return self.said


@pytest.mark.parametrize(
    ("session", "error", "words"),
    [
        (Session(1, "", "sudo: a password is required"), AccessDenied, "password is required"),
        (Session(2, "", f"can't open file '{PROGRAM}'"), NotUnderstood, "can't open file"),
        (Session(0, '{"problem": "there is no psql"}'), NotUnderstood, "there is no psql"),
        (Session(0, '{"format": 2}'), NotUnderstood, "another version"),
        (Session(0, "Traceback"), NotUnderstood, "unreadable"),
    ],
)
def test_what_could_not_be_tried_is_no_answer(
    session: Any, error: type[Exception], words: str
) -> None:
    """Each leaves the check inconclusive, with the reason."""
    with pytest.raises(error, match=words):
        replication_logins(session, "postgres")


SYSTEM = "7"
NAMES = ("db1", "db2", "db3")


@pytest.fixture
def reasons() -> Iterator[list[str]]:
    """What the check claims, as people will read it."""
    said: list[str] = []
    token = CURRENT.set(SimpleNamespace(claim=lambda claim, **_: said.append(str(claim))))
    yield said
    CURRENT.reset(token)


def judged(name: str, tried: dict[str, str], *, down: str = "", system: str = SYSTEM) -> None:
    """The check's word on the attempts of one member; db1 leads."""
    members = [SimpleNamespace(machine=SimpleNamespace(name=one), id=one) for one in NAMES]
    for one in members:
        one.cluster = SimpleNamespace(members=members)
    attempts = tuple(
        Attempt(to, "198.51.100.1", "follower", "" if refusal else system, refusal)
        for to, refusal in tried.items()
    )

    def ask(source: object, member: Any) -> Found[Any]:
        if source is REPLICATION_LOGINS:
            return Found(ReplicationLogins(name != "db1", attempts), name, 2)
        if member.id == down:
            raise Unreachable(f"{member.id} is down")
        state = SimpleNamespace(in_recovery=member.id != "db1", system_identifier=SYSTEM)
        return Found(state, member.id, 1)

    SUITE["test_replication_begins_anew"](members[NAMES.index(name)], ask)


def test_members_that_are_let_in_are_green() -> None:
    """A standby three times, the primary twice."""
    judged("db2", {"": "", "db1": "", "db3": ""})
    judged("db1", {"db2": "", "db3": ""})


@pytest.mark.parametrize("to", ["", "db1", "db3"])
def test_a_refusal_is_red_and_tells_where(to: str, reasons: list[str]) -> None:
    """Its own way, or a way that it would take after a failover."""
    with pytest.raises(AssertionError):
        judged("db2", {"": "", "db1": "", "db3": "", to: REFUSED})
    where = to or "where its primary_conninfo leads"
    assert reasons[-1] == (
        f"db2: expected a new replication connection as follower to {where} to be let in, "
        f"found {REFUSED}"
    )


@pytest.mark.parametrize(
    ("tried", "down"),
    [
        ({"db2": "connection refused", "db3": ""}, "db2"),
        ({"db2": "FATAL: the database system is starting up", "db3": ""}, ""),
        ({"db2": "FATAL: number of requested standby connections exceeds max_wal_senders"}, ""),
        ({"db2": "no answer in 8 s", "db3": ""}, ""),
        ({"db2": ""}, ""),
    ],
)
def test_who_is_down_or_full_tells_nothing(
    tried: dict[str, str], down: str, reasons: list[str]
) -> None:
    """Neither red nor green: a member that is down is PG-002's matter."""
    with pytest.raises(AssertionError):
        judged("db1", tried, down=down)
    assert reasons[-1].endswith("to be let in, found nothing")


def test_a_way_that_is_closed_to_new_connections_is_red(reasons: list[str]) -> None:
    """The server is there, as we see ourselves, and the member does not reach it."""
    with pytest.raises(AssertionError):
        judged("db1", {"db2": "timeout expired", "db3": ""})
    assert reasons[-1].endswith("found timeout expired")


def test_another_system_is_red(reasons: list[str]) -> None:
    """Let in by whom it may not follow."""
    with pytest.raises(AssertionError):
        judged("db2", {"": "", "db1": "", "db3": ""}, system="8")
    assert reasons[-1].endswith("to be 7, found 8")


def test_a_standby_that_did_not_try_its_own_way_is_not_green(reasons: list[str]) -> None:
    """An answer from when it led, say."""
    with pytest.raises(AssertionError):
        judged("db2", {"db1": "", "db3": ""})
    assert reasons[-1].endswith("found nothing")
