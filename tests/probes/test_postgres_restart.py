"""What works only until the next start, seen on a real primary and its standby."""

from collections.abc import Iterator

import pytest
from local_postgres import PASSWORDS, Postgres, postgres_pair
from local_servers import wait_until
from pki import Hierarchy

from readiness.model.errors import AccessDenied
from readiness.systems.postgres.asking import session as postgres
from readiness.systems.postgres.asking.restart import restart
from readiness.systems.postgres.reading.restart import Restart, Unread

VIEWS = ("pg_file_settings", "pg_hba_file_rules", "pg_ident_file_mappings")
FUNCTIONS = ("pg_show_all_file_settings()", "pg_hba_file_rules()", "pg_ident_file_mappings()")


@pytest.fixture(scope="module")
def pair(pki: Hierarchy) -> Iterator[tuple[Postgres, Postgres]]:
    """A pair whose looking role may read what the servers read at their start."""
    with postgres_pair(pki) as (primary, standby):
        primary.execute(f"GRANT SELECT ON {', '.join(VIEWS)} TO looker")
        primary.execute(f"GRANT EXECUTE ON FUNCTION {', '.join(FUNCTIONS)} TO looker")
        wait_until(lambda: _may_read(standby), "the standby has the grants")
        yield primary, standby


def _may_read(server: Postgres) -> bool:
    with server.superuser() as connection:
        question = "SELECT has_function_privilege('looker', 'pg_hba_file_rules()', 'EXECUTE')"
        return connection.execute(question).fetchall() == [(True,)]


def look(server: Postgres) -> Restart:
    """What the probe reads, as the role that only looks."""
    with postgres.connect(server.target(), PASSWORDS["looker"]) as session:
        assert postgres.rights(session).dangerous == ()
        return restart(session)


def waits(server: Postgres) -> bool:
    """Whether PostgreSQL says of any setting that it waits for a restart."""
    with server.superuser() as connection:
        question = "SELECT FROM pg_settings WHERE pending_restart"
        return bool(connection.execute(question).fetchall())


def reload(server: Postgres, *statements: str) -> None:
    """Change a server and have it read its files."""
    server.execute(*statements, "SELECT pg_reload_conf()")


def test_missed_6_a_server_that_would_start_again(pair: tuple[Postgres, Postgres]) -> None:
    """Nothing waits, all is read, and the roles in use are known on both."""
    for server in pair:
        found = look(server)
        assert (found.pending, found.unread) == ((), ())
        assert min(found.lines, found.rules) > 1
        roles = {one.role: one for one in found.logins}
        assert roles["postgres"].replicates
        assert roles["postgres"].may_replicate
        assert not roles["looker"].replicates


def test_missed_6_a_setting_that_waits_for_a_restart(pair: tuple[Postgres, Postgres]) -> None:
    """A library that is not there is taken at a reload, and ends the next start."""
    _, standby = pair
    reload(standby, "ALTER SYSTEM SET shared_preload_libraries = 'not_there'")
    wait_until(lambda: bool(look(standby).pending), "it has read its files")
    found = look(standby)
    assert (found.pending, found.unread) == (("shared_preload_libraries",), ())
    reload(standby, "ALTER SYSTEM RESET shared_preload_libraries")
    wait_until(lambda: not look(standby).pending, "it has read its files again")
    with standby.superuser() as connection:
        said = "SELECT name FROM pg_settings WHERE pending_restart"
        assert connection.execute(said).fetchall() == [("shared_preload_libraries",)]


@pytest.mark.parametrize(
    ("line", "pending"),
    [
        ("data_directory = 'DATA/'", ()),
        ("hba_file = 'pg_hba.conf'", ()),
        ("hba_file = 'DATA/pg_hba.conf'", ()),
        ("hba_file = 'pg_hba.other'", ("hba_file",)),
        ("hba_file = '/etc/pg_hba.conf'", ("hba_file",)),
    ],
)
def test_missed_6_a_place_that_is_written_otherwise(
    pair: tuple[Postgres, Postgres], line: str, pending: tuple[str, ...]
) -> None:
    """Negative control: the same place in other words waits for no restart, another one does."""
    _, standby = pair
    path = standby.data / "postgresql.conf"
    text = path.read_text()
    path.write_text(f"{text}{line.replace('DATA', str(standby.data))}\n")
    try:
        assert look(standby).pending == pending
    finally:
        path.write_text(text)


def test_missed_6_a_setting_that_was_taken_out_of_its_file(pair: tuple[Postgres, Postgres]) -> None:
    """It counts until the next start, which no longer finds it."""
    _, standby = pair
    path = standby.data / "postgresql.conf"
    text = path.read_text()
    path.write_text(text.replace("max_wal_senders = 4\n", ""))
    try:
        reload(standby)
        wait_until(lambda: look(standby).pending == ("max_wal_senders",), "it misses it")
    finally:
        path.write_text(text)
        reload(standby)
    wait_until(lambda: not look(standby).pending, "it has read its files again")


def test_what_was_taken_out_and_is_its_default_waits_for_nothing(
    pair: tuple[Postgres, Postgres],
) -> None:
    """Negative control: as Patroni 3.0 leaves a member that it has promoted."""
    _, standby = pair
    path = standby.data / "postgresql.conf"
    text = path.read_text()
    path.write_text(f"{text}recovery_target_lsn = ''\n")
    try:
        standby.control("-m", "fast", "-l", str(standby.folder / "restarted.log"), "restart")
    finally:
        path.write_text(text)
    reload(standby)
    wait_until(lambda: waits(standby), "PostgreSQL itself says that it waits for a restart")
    seen = look(standby)
    assert (seen.pending, seen.unread) == ((), ())


def test_missed_6_lines_that_nobody_can_read(pair: tuple[Postgres, Postgres]) -> None:
    """Of each file: a reload passes them over, a start does not."""
    _, standby = pair
    before = {}
    for name, line in (
        ("postgresql.conf", "work_mem = 4 elephants"),
        ("pg_hba.conf", "hostsll all all all scram-sha-256"),
        ("pg_ident.conf", "map /( postgres"),
    ):
        path = standby.data / name
        before[path] = path.read_text()
        path.write_text(f"{before[path]}{line}\n")
    try:
        found = look(standby)
    finally:
        for path, text in before.items():
            path.write_text(text)
    assert {one.file for one in found.unread} == {one.name for one in before}
    (rule,) = (one for one in found.unread if one.file == "pg_hba.conf")
    assert rule == Unread("pg_hba.conf", 5, 'invalid connection type "hostsll"')


def test_missed_6_a_role_that_has_run_out(pair: tuple[Postgres, Postgres]) -> None:
    """Who is connected stays; when the password ends is told, where it ends at all."""
    primary, _ = pair
    with postgres.connect(primary.target("app"), PASSWORDS["app"]):
        primary.execute("ALTER ROLE app NOLOGIN VALID UNTIL '2001-01-01 00:00:00+00'")
        found = {one.role: one for one in look(primary).logins}
    primary.execute("ALTER ROLE app LOGIN VALID UNTIL 'infinity'")
    assert (found["app"].may_log_in, found["app"].expires) == (False, 978307200.0)
    assert found["app"].password is True
    assert found["looker"].expires is None


def test_missed_6_without_the_grants_nobody_knows(pair: tuple[Postgres, Postgres]) -> None:
    """A role that may not read the files is told so; nothing is taken for none."""
    primary, _ = pair
    primary.execute("REVOKE SELECT ON pg_hba_file_rules FROM looker")
    try:
        with pytest.raises(AccessDenied, match="pg_hba_file_rules"):
            look(primary)
    finally:
        primary.execute("GRANT SELECT ON pg_hba_file_rules TO looker")


def test_a_role_that_is_asked_for_no_password(pair: tuple[Postgres, Postgres]) -> None:
    """Who comes over the socket by trust is let in whatever the end of the password."""
    for server in pair:
        roles = {one.role: one for one in look(server).logins}
        assert (roles["postgres"].password, roles["looker"].password) == (False, True)
