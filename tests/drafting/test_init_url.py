"""`readiness init --url`: a small site that nobody prepared, at real servers, becomes a file."""

import json
from collections.abc import Iterator
from pathlib import Path

import pytest
from engine import Ended, Engine, Site
from local_postgres import PASSWORDS, Postgres, postgres_alone
from local_servers import SshServer, ssh_server
from pki import NAME, Hierarchy
from portal import MISSING, PAGE, Answer, Portal, portal

from readiness.site.documents import load_environment, load_policy
from readiness.site.environment import Environment

BOX = "box"
TEXT = {"Content-Type": "application/json"}
OPENAPI = {
    "openapi": "3.0.1",
    "info": {"title": "portal", "version": "1"},
    "paths": {"/academics/student/{id}/transcript": {"get": {"responses": {}}}},
}
DOWN = Answer(b'{"status":"DOWN"}', "503 Service Unavailable", TEXT)
PATHS = {
    "/": Answer(b"<html><title>PAWS</title><h1>Courses</h1></html>").without(
        "Strict-Transport-Security"
    ),
    "/actuator/health/readiness": DOWN,
    "/v3/api-docs": Answer(json.dumps(OPENAPI).encode(), headers=TEXT),
}
SECRETS = {"LOOKER": PASSWORDS["looker"]}


@pytest.fixture(scope="module")
def server(authority: Hierarchy) -> Iterator[Postgres]:
    """A server whose application owns its tables, and is a superuser."""
    with postgres_alone(authority, BOX) as found:
        (found.data / "pg_hba.conf").write_text(
            "local all all peer map=tests\nhost all all 127.0.0.1/32 scram-sha-256\n"
        )
        (found.data / "pg_ident.conf").write_text(
            f"tests root postgres\ntests postgres postgres\ntests {found.owner} postgres\n"
        )
        found.execute(
            "SELECT pg_reload_conf()",
            "ALTER ROLE app SUPERUSER",
            "CREATE TABLE students (id int)",
            "ALTER TABLE students OWNER TO app",
        )
        yield found


@pytest.fixture(scope="module")
def ssh() -> Iterator[SshServer]:
    """The machine's SSH server."""
    with ssh_server() as found:
        yield found


@pytest.fixture
def front(tmp_path: Path, authority: Hierarchy) -> Iterator[Portal]:
    """The site, not ready, with a document of its routes."""
    with portal(tmp_path, authority, PATHS) as found:
        yield found


def init(engine: Engine, site: Site, front: Portal, *more: str) -> Ended:
    """What the command prints."""
    words = ("--url", front.url, "--connect-to", "127.0.0.1", "--authority", front.authority)
    return engine.cli(site, "init", site.folder / "new", *words, *more, **SECRETS)


def drafted(engine: Engine, site: Site, front: Portal, *more: str) -> tuple[Environment, str, str]:
    """The environment that was written, its text, and what was said."""
    ended = init(engine, site, front, *more)
    assert ended.code == 0, ended.text
    file = site.folder / "new/environment.yaml"
    assert load_policy(file.with_name("policy.yaml")).name == "small-site"
    return load_environment(file), file.read_text(), ended.text


def test_what_users_see_is_declared_as_it_should_be(
    engine: Engine, bare: Site, front: Portal
) -> None:
    """The readiness page that says 503 is declared with 200, and the file says what was found."""
    site, text, said = drafted(engine, bare, front)
    (listener,) = site.listeners
    assert (listener.port, listener.names, listener.authority) == (front.port, (NAME,), "site")
    assert site.machines[0].addresses == ("127.0.0.1",)
    assert [one.path for one in site.pages] == ["/", "/actuator/health/readiness"]
    assert site.pages[0].contains == "PAWS"
    assert "expect: [200], contains: '\"UP\"'" in text or "HTTP 503" in text
    (access,) = site.access
    assert access.openapi == "file:openapi.json"
    assert json.loads((bare.folder / "new/openapi.json").read_bytes()) == OPENAPI
    assert "not looked at: the machines; --ssh USER@HOST" in said
    assert {"backups", "audit", "databases"} <= set(site.absent)


def test_the_machine_and_its_database_are_looked_at(
    engine: Engine, bare: Site, front: Portal, ssh: SshServer, server: Postgres, tmp_path: Path
) -> None:
    """Over SSH, with what `ssh` itself knows; the database over that, with its application."""
    config = Path.home() / ".ssh"
    known = (config / "known_hosts").read_text() if (config / "known_hosts").exists() else None
    config.mkdir(mode=0o700, exist_ok=True)
    try:
        (config / "known_hosts").write_text((known or "") + ssh.known_hosts.read_text())
        (config / "config").write_text(f"Host 127.0.0.1\n  IdentityFile {ssh.key_file}\n")
        site, text, said = drafted(
            engine,
            bare,
            front,
            *("--ssh", f"{ssh.user}@127.0.0.1:{ssh.port}"),
            *("--postgres", f"postgresql://looker@127.0.0.1:{server.port}/postgres"),
            *("--postgres-password", "env:LOOKER"),
        )
    finally:
        (config / "config").unlink()
        if known is None:
            (config / "known_hosts").unlink()
        else:
            (config / "known_hosts").write_text(known)
    machine = site.machines[0]
    assert (machine.ssh_port, machine.listens is not None) == (ssh.port, True)
    (database,) = site.databases
    assert [one.user for one in database.application] == ["app"]
    assert (database.through, database.automation, database.port) == ("ssh", "none", server.port)
    assert "# found: app owns tables" in text
    assert "databases" not in site.absent
    assert "looking at the database postgres" in said


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("--url", "http://a.example.edu"), "--url: is not served over TLS"),
        (("--url", "https://u:p@a.example.edu"), "holds credentials"),
        (("--ssh", "a@b"), "--ssh: is looked at beside an address only"),
        (("--url", "https://127.0.0.1", "--ssh", "nobody"), "--ssh: is wrong"),
        (("--url", "https://127.0.0.1", "--ssh", "a@b:0"), "--ssh: is wrong"),
        (
            ("--url", "https://127.0.0.1", "--postgres", "postgresql://a:hidden@b/c"),
            "holds a password, which everybody on this machine can read",
        ),
        (("--url", "https://127.0.0.1", "--postgres", "mysql://a@b/c"), "--postgres: is wrong"),
        (("--url", "https://127.0.0.1", "--postgres", "postgresql://b"), "--postgres: is wrong"),
        (
            ("--url", "https://127.0.0.1", "--postgres-password", "hidden"),
            "--postgres-password: is no reference",
        ),
        (("--url", "https://no-such-name.invalid"), "the name no-such-name.invalid does not"),
        (("--url", "https://127.0.0.1", "--policy", "smal-site"), "did you mean 'small-site'?"),
    ],
)
def test_what_is_typed_wrong_ends_with_64(
    engine: Engine, bare: Site, words: tuple[str, ...], said: str
) -> None:
    """One line that names the option; nothing is written, and no password is repeated."""
    ended = engine.cli(bare, "init", bare.folder / "new", *words)
    assert ended.code == 64, ended.text
    assert said in ended.text
    assert "hidden" not in ended.text
    assert not (bare.folder / "new").exists()


def test_a_site_that_answers_anything_has_no_pages_but_its_own(
    engine: Engine, bare: Site, tmp_path: Path, authority: Hierarchy
) -> None:
    """An application in the browser answers 200 with its page to each path."""
    with portal(tmp_path, authority, {"/": PAGE}, otherwise=PAGE) as front:
        site, _text, said = drafted(engine, bare, front)
    assert [one.path for one in site.pages] == ["/"]
    assert not site.access
    assert "not found: a document of the routes (OpenAPI)" in said


def test_a_hostile_site_writes_no_line_of_the_file(
    engine: Engine, bare: Site, tmp_path: Path, authority: Hierarchy
) -> None:
    """A title with quotes, breaks and controls is what the page contains, or is left out."""
    title = b"<html><title>a\nlisteners: []\x1b[31m # \"'</title></html>"
    moved = Answer(b"", "302 Found", {"Location": "/in?x='\"]}"})
    with portal(tmp_path, authority, {"/": moved, "/in?x='\"]}": Answer(title)}) as front:
        site, text, _said = drafted(engine, bare, front)
    assert "\x1b" not in text
    assert len(site.listeners) == 1
    assert next(one.path for one in site.pages) == "/"


def test_nothing_is_overwritten(engine: Engine, bare: Site, front: Portal) -> None:
    """The files of a site that has some are left alone, and the site is not asked."""
    (bare.folder / "new").mkdir()
    (bare.folder / "new/policy.yaml").write_text("mine")
    ended = init(engine, bare, front)
    assert (ended.code, (bare.folder / "new/policy.yaml").read_text()) == (64, "mine")
    assert "looking" not in ended.text


def test_a_host_that_is_dead_is_a_file_all_the_same(
    engine: Engine, bare: Site, front: Portal
) -> None:
    """It says what could not be looked at; the gate says it again until it can be."""
    dead = Portal(1, 1, front.authority)
    site, text, _said = drafted(engine, bare, dead)
    assert not site.pages
    assert "# found: not trusted: connection refused" in text
    assert MISSING.status not in text


def test_the_machines_of_an_inventory_are_declared_with_their_roles(
    engine: Engine, bare: Site, front: Portal
) -> None:
    """One of them is the machine that users reach; nobody logs in by that alone."""
    hosts = bare.folder / "hosts"
    hosts.write_text("[web]\nportal ansible_host=127.0.0.1\n[db]\ndb1 ansible_host=192.0.2.8\n")
    site, _text, _said = drafted(engine, bare, front, "--inventory", str(hosts))
    found = [(one.name, one.role, one.addresses) for one in site.machines]
    assert found == [("portal", "web", ("127.0.0.1",)), ("db1", "db", ("192.0.2.8",))]
