"""The hardening of a database end to end: a real server, a gate, and what its clause says."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from engine import Engine, Site
from local_postgres import PASSWORDS, Postgres, postgres_alone
from pki import Hierarchy

BOX = "box"
CLAUSE = "sec.hardening/database"
DATABASE = """\
databases:
  - name: records
    database: postgres
    members: [box]
    port: {port}
    authority: own
    lag_bytes: 1 MiB
    lag_time: 10 s
    automation: none
    logins: {{observe: {{user: looker, password: "env:LOOKER"}}}}
    application: [{application}]
"""
SECRETS = {"LOOKER": PASSWORDS["looker"]}
# Who runs these tests is the superuser over the socket, by its own name.
RULES = """\
local all all peer map=tests
hostssl all all 127.0.0.1/32 scram-sha-256
"""
NAMES = "tests root postgres\ntests postgres postgres\ntests {owner} postgres\n"


@pytest.fixture(scope="module")
def server(authority: Hierarchy) -> Iterator[Postgres]:
    """A server that gives nothing away, and an application with a table of another's."""
    with postgres_alone(authority, BOX) as found:
        (found.data / "pg_hba.conf").write_text(RULES)
        (found.data / "pg_ident.conf").write_text(NAMES.format(owner=found.owner))
        found.execute(
            "SELECT pg_reload_conf()",
            "CREATE TABLE students (id int)",
            "CREATE ROLE migrates LOGIN",
            "CREATE TABLE grades (id int)",
            "ALTER TABLE grades OWNER TO migrates",
        )
        yield found


@pytest.fixture
def site(server: Postgres, authority: Hierarchy, engine: Engine, tmp_path: Path) -> Site:
    """The site, pinned."""
    (tmp_path / "root.pem").write_bytes(authority.root.pem)
    found = declared(Site(tmp_path), server, "{user: app}")
    words = ("doctor", "--env", found.environment, "--write-identity")
    ended = engine.cli(found, *words, **SECRETS)
    assert ended.code == 0, ended.text
    return found


def declared(site: Site, server: Postgres, application: str) -> Site:
    """With these roles as the application's."""
    return site.describe(
        'identity: "file:identity.json"\n',
        DATABASE.format(port=server.port, application=application),
        required=(CLAUSE,),
    )


def gate(engine: Engine, site: Site) -> tuple[int, str, str]:
    """Exit code, what became of the clause, and what the terminal said."""
    ended = engine.gate(site, "--only", "sec.hardening", **SECRETS)
    (status,) = (
        clause.status
        for part in site.judged().criteria
        for clause in part.clauses
        if clause.id == CLAUSE
    )
    return ended.code, status, " ".join(ended.text.split())


def test_a_server_that_gives_nothing_away(engine: Engine, server: Postgres, site: Site) -> None:
    """The clause holds, also where the application owns its tables and that is declared."""
    assert gate(engine, site)[1] == "held"
    declared(site, server, "{user: app}, {user: migrates, owns_tables: true}")
    assert gate(engine, site)[1] == "held"


def test_each_of_its_checks_is_seen_red(engine: Engine, server: Postgres, site: Site) -> None:
    """A table of its own that nobody declared, and a line that trusts."""
    declared(site, server, "{user: app}, {user: migrates}, {user: nobody-knows}")
    rules = server.data / "pg_hba.conf"
    rules.write_text(f"{RULES}hostssl all guest 127.0.0.1/32 trust\n")
    server.execute("SELECT pg_reload_conf()")
    try:
        code, status, said = gate(engine, site)
    finally:
        rules.write_text(RULES)
        server.execute("SELECT pg_reload_conf()")
    assert (code, status) == (1, "failed"), said
    assert "expected tables that migrates owns or could own to be none, found public.grades" in said
    assert "line 3: hostssl all guest 127.0.0.1/32 trust" in said


def test_roles_that_nobody_declared_are_a_question(
    engine: Engine, server: Postgres, site: Site
) -> None:
    """Not green: nobody knows who the application is. The key to declare is told."""
    declared(site, server, "")
    code, status, said = gate(engine, site)
    assert (code, status) == (2, "not-run"), said
    assert "`application` of the database records" in said
