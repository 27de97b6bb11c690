"""What a server lets the application do, and whom it lets in, read from a real one."""

from collections.abc import Iterator
from contextlib import contextmanager

import pytest
from local_postgres import PASSWORDS, Postgres, postgres_alone
from local_servers import wait_until
from pki import Hierarchy

from readiness.model.errors import AccessDenied, NotUnderstood
from readiness.systems.postgres.asking import session as postgres
from readiness.systems.postgres.asking.hardening import hardening
from readiness.systems.postgres.reading.hardening import AccessRule, Hardening, read

NAME = "db.example.org"


@pytest.fixture(scope="module")
def server(pki: Hierarchy) -> Iterator[Postgres]:
    """A server with an application, whose tables belong to a role that can't log in."""
    with postgres_alone(pki, NAME) as found:
        found.execute(
            "CREATE ROLE owner NOLOGIN",
            "CREATE ROLE admin SUPERUSER NOLOGIN",
            "CREATE ROLE between NOLOGIN",
            "CREATE SCHEMA portal AUTHORIZATION owner",
            "CREATE TABLE portal.students (id int GENERATED ALWAYS AS IDENTITY)",
            "ALTER TABLE portal.students OWNER TO owner",
        )
        yield found


def look(server: Postgres, *roles: str) -> Hardening:
    """What is read as the login that only looks."""
    target = server.target()
    with postgres.connect(target, PASSWORDS["looker"]) as session:
        return hardening(session, roles or ("app",))


@contextmanager
def changed(server: Postgres, statement: str, back: str) -> Iterator[None]:
    """A change that is taken back."""
    server.execute(statement)
    try:
        yield
    finally:
        server.execute(back)


def test_a_role_that_may_do_its_work(server: Postgres) -> None:
    """It has no powers and owns nothing."""
    found = look(server)
    (role,) = found.applications
    assert (role.role, role.exists, role.powers, role.owns, role.owned) == ("app", True, (), (), 0)
    assert found.password_encryption == "scram-sha-256"
    assert found.asked_for_password


@pytest.mark.parametrize(
    ("statement", "back", "powers"),
    [
        ("ALTER ROLE app SUPERUSER", "ALTER ROLE app NOSUPERUSER", "superuser"),
        ("ALTER ROLE app CREATEROLE", "ALTER ROLE app NOCREATEROLE", "createrole"),
        ("ALTER ROLE app CREATEDB", "ALTER ROLE app NOCREATEDB", "createdb"),
        ("ALTER ROLE app REPLICATION", "ALTER ROLE app NOREPLICATION", "replication"),
        ("ALTER ROLE app BYPASSRLS", "ALTER ROLE app NOBYPASSRLS", "bypassrls"),
        (
            "GRANT pg_execute_server_program TO app",
            "REVOKE pg_execute_server_program FROM app",
            "pg_execute_server_program",
        ),
        (
            "GRANT between TO app; GRANT admin TO between",
            "REVOKE between FROM app; REVOKE admin FROM between",
            "superuser of the role admin",
        ),
    ],
)
def test_powers_are_seen_also_those_of_whom_it_could_become(
    server: Postgres, statement: str, back: str, powers: str
) -> None:
    """An attribute, a predefined role, and a superuser two memberships away."""
    with changed(server, statement, back):
        assert look(server).applications[0].powers == (powers,)
    assert look(server).applications[0].powers == ()


def test_tables_are_owned_by_whom_it_could_become(server: Postgres) -> None:
    """Of a member of the owner, table and sequence count as its own."""
    with changed(server, "GRANT owner TO app", "REVOKE owner FROM app"):
        (role,) = look(server).applications
    assert (role.owned, role.owns) == (2, ("portal.students", "portal.students_id_seq"))


def test_a_role_that_is_not_there(server: Postgres) -> None:
    """Both that were asked about are told, in the order of their names."""
    found = look(server, "nobody-knows", "app")
    assert [(one.role, one.exists) for one in found.applications] == [
        ("app", True),
        ("nobody-knows", False),
    ]


def test_a_server_that_asks_for_no_password(server: Postgres) -> None:
    """Its rules are read in their order, and our own login tells what is in force."""
    rules = server.data / "pg_hba.conf"
    kept = rules.read_text()
    rules.write_text("hostssl all looker 127.0.0.1/32 trust\n" + kept)
    server.execute("SELECT pg_reload_conf()")
    try:
        wait_until(lambda: not look(server).asked_for_password, "the rule is in force")
        first = look(server).rules[0]
        assert str(first) == "line 1: hostssl all looker 127.0.0.1/32 trust"
        assert first.believes
    finally:
        rules.write_text(kept)
        server.execute("SELECT pg_reload_conf()")
    wait_until(lambda: look(server).asked_for_password, "the rule is gone")


def test_a_login_that_may_not_read_the_rules(server: Postgres) -> None:
    """Nothing is said of a server whose rules can't be read."""
    with (
        postgres.connect(server.target("app"), PASSWORDS["app"]) as session,
        pytest.raises(AccessDenied),
    ):
        hardening(session, ("app",))


def rule(kind: str, address: str, method: str) -> AccessRule:
    """A line for everybody."""
    return AccessRule(1, kind, ("all",), ("all",), address, method)


@pytest.mark.parametrize(
    ("kind", "address", "method", "believes", "clear"),
    [
        ("hostssl", "10.0.0.0/8", "scram-sha-256", False, False),
        ("host", "10.0.0.0/8", "scram-sha-256", False, False),
        ("host", "10.0.0.0/8", "md5", False, False),
        ("hostssl", "10.0.0.0/8", "trust", True, False),
        ("local", "", "trust", True, False),
        ("host", "127.0.0.1/32", "trust", True, False),
        ("local", "", "peer", False, False),
        ("host", "10.0.0.0/8", "ident", True, False),
        ("host", "::1/128", "ident", False, False),
        ("host", "10.0.0.0/8", "password", False, True),
        ("hostnossl", "all", "ldap", False, True),
        ("hostssl", "10.0.0.0/8", "ldap", False, False),
        ("host", "127.0.0.0/8", "password", False, False),
        ("host", "samehost", "pam", False, False),
        ("local", "", "password", False, False),
        ("hostssl", "all", "cert", False, False),
        ("host", "all", "reject", False, False),
    ],
)
def test_rules_are_judged_by_what_they_let_through(
    kind: str, address: str, method: str, *, believes: bool, clear: bool
) -> None:
    """Who is believed, and whose password crosses a network as it is."""
    found = rule(kind, address, method)
    assert (found.believes, found.takes_passwords_in_the_clear) == (believes, clear)


def test_an_answer_that_is_none() -> None:
    """Something else than what was asked for is not understood."""
    with pytest.raises(NotUnderstood, match="who may do what is unreadable"):
        read({"rules": [{"line_number": "first"}]}, asked_for_password=True, where="db1")
