"""A database whose members are asked over SSH, or without TLS, at real servers."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from engine import Engine, Site
from local_postgres import PASSWORDS, Postgres, postgres_alone
from local_servers import SshServer, free_port, ssh_server
from pki import Hierarchy
from test_documents import several

BOX = "box"
CLAUSE = "sec.hardening/database"
SECRETS = {"LOOKER": PASSWORDS["looker"]}
DATABASE = """\
identity: file:identity.json
databases:
  - name: records
    database: postgres
    members: [box]
    port: {port}
    automation: none
    application: [{{user: app}}]
    {way}
    logins: {{observe: {{user: looker, password: "env:LOOKER"}}}}
"""
SSH = """\
ssh:
  known_hosts: file:{server.known_hosts}
  observe: {{user: {server.user}, key: "file:{server.key_file}"}}
"""
RULES = """\
local all all peer map=tests
host all all 127.0.0.1/32 scram-sha-256
"""
NAMES = "tests root postgres\ntests postgres postgres\ntests {owner} postgres\n"


@pytest.fixture(scope="module")
def server(authority: Hierarchy) -> Iterator[Postgres]:
    """A server as Debian sets one up: it listens for its own machine, with any certificate."""
    with postgres_alone(authority, BOX) as found:
        (found.data / "pg_hba.conf").write_text(RULES)
        (found.data / "pg_ident.conf").write_text(NAMES.format(owner=found.owner))
        found.execute("SELECT pg_reload_conf()")
        yield found


@pytest.fixture(scope="module")
def ssh() -> Iterator[SshServer]:
    """The machine's SSH server."""
    with ssh_server() as found:
        yield found


def declared(site: Site, server: Postgres, way: str, ssh: SshServer | None = None) -> Site:
    """The site with its database asked that way; the machine is known by its SSH key as well."""
    more = SSH.format(server=ssh) if ssh else ""
    text = DATABASE.format(port=server.port, way=way) + more
    found = site.describe(text, required=(CLAUSE,))
    if ssh:
        file = found.environment
        at = "addresses: [127.0.0.1]"
        file.write_text(file.read_text().replace(at, f"{at}, ssh_port: {ssh.port}"))
    return found


def pinned(engine: Engine, site: Site) -> str:
    """What doctor says while it pins the site."""
    words = ("doctor", "--env", site.environment, "--write-identity")
    ended = engine.cli(site, *words, **SECRETS)
    assert ended.code == 0, ended.text
    return ended.text


def test_a_server_that_listens_for_its_own_machine_is_asked_over_ssh(
    engine: Engine, server: Postgres, ssh: SshServer, tmp_path: Path
) -> None:
    """Nothing is sent over a network but inside SSH; the clause is proven."""
    site = declared(Site(tmp_path), server, "through: ssh", ssh)
    assert "postgresql records/box: reached as looker" in pinned(engine, site)
    ended = engine.gate(site, **SECRETS)
    assert ended.code == 0, ended.text


def test_without_tls_a_server_that_nobody_else_reaches_is_as_good(
    engine: Engine, server: Postgres, tmp_path: Path
) -> None:
    """The gate stands on the same machine and asks over loopback."""
    site = declared(Site(tmp_path), server, "tls: none")
    pinned(engine, site)
    ended = engine.gate(site, **SECRETS)
    assert ended.code == 0, ended.text


@contextmanager
def reached_by_everybody(server: Postgres) -> Iterator[None]:
    """The server listens on all addresses and has no TLS, until the block ends."""
    ways = {"listen_addresses": "*", "ssl": "off"}
    server.execute(*(f"ALTER SYSTEM SET {key} = '{to}'" for key, to in ways.items()))
    again = ("-l", str(server.folder / "again.log"), "-o", f"-p {server.port}")
    server.control(*again, "restart")
    try:
        yield
    finally:
        server.execute("ALTER SYSTEM RESET ALL")
        server.control(*again, "restart")


def test_a_server_that_others_reach_without_tls_is_red(
    engine: Engine, server: Postgres, tmp_path: Path
) -> None:
    """What runs counts: both settings took a restart."""
    site = declared(Site(tmp_path), server, "tls: none")
    pinned(engine, site)
    with reached_by_everybody(server):
        ended = engine.gate(site, **SECRETS)
    assert ended.code == 1, ended.text
    assert "expected TLS is offered to be yes, found no" in ended.text, ended.text


def test_a_password_is_proven_and_never_sent(
    engine: Engine, server: Postgres, tmp_path: Path
) -> None:
    """A server that asks for the password itself does not get it where nothing hides it."""
    (server.data / "pg_hba.conf").write_text(RULES.replace("scram-sha-256", "password"))
    server.execute("SELECT pg_reload_conf()")
    try:
        site = declared(Site(tmp_path), server, "tls: none")
        ended = engine.cli(site, "doctor", "--env", site.environment, **SECRETS)
    finally:
        (server.data / "pg_hba.conf").write_text(RULES)
        server.execute("SELECT pg_reload_conf()")
    assert ended.code == 2, ended.text
    assert "authentication method requirement" in " ".join(ended.text.split())


def test_where_nothing_listens_over_there_the_reason_says_so(
    engine: Engine, server: Postgres, ssh: SshServer, tmp_path: Path
) -> None:
    """It is no end of a connection without a word."""
    site = declared(Site(tmp_path), server, "through: ssh", ssh)
    file = site.environment
    file.write_text(file.read_text().replace(f"port: {server.port}\n", f"port: {free_port()}\n"))
    ended = engine.cli(site, "doctor", "--env", site.environment, **SECRETS)
    assert ended.code == 2, ended.text
    assert "nothing answers at localhost:" in ended.text


@pytest.mark.parametrize(
    ("way", "said"),
    [
        ("lag_time: 1 s", "expected one of authority: NAME (or system), through: ssh, tls: none"),
        ("tls: none\n    authority: own", "found authority and tls"),
        ("through: ssh", "expected `ssh`, over which it is asked, found no `ssh`"),
        ("tls: maybe", "tls: wrong value; expected 'none'"),
    ],
)
def test_how_it_is_asked_is_said_in_one_way(
    server: Postgres, tmp_path: Path, way: str, said: str
) -> None:
    """None or two of them is refused at the database."""
    site = declared(Site(tmp_path), server, way)
    lines = several(tmp_path, site.environment.read_text())
    assert any(said in line for line in lines), lines
