"""Reading an audit trail: events by the ids of our requests, and who could change it."""

from collections.abc import Iterator
from typing import Final

import pytest
from local_postgres import PASSWORDS, Postgres, postgres_pair
from pki import Hierarchy

from readiness.drills.audit_trial import leaked
from readiness.model.errors import NotUnderstood
from readiness.systems.audit.asking import rights
from readiness.systems.audit.reading import Guard, Table, TrailRights, read_events, read_rights
from readiness.systems.postgres.asking import session as postgres

TRAIL: Final = """
CREATE ROLE keeper NOLOGIN;
CREATE ROLE portal LOGIN;
CREATE ROLE migrate LOGIN NOINHERIT;
CREATE ROLE janitor LOGIN NOINHERIT;
CREATE ROLE cleaners NOLOGIN;
GRANT keeper TO migrate;
GRANT cleaners TO janitor;
CREATE SCHEMA trail AUTHORIZATION keeper;
GRANT USAGE ON SCHEMA trail TO looker;
SET ROLE keeper;
CREATE TABLE trail.events (day date NOT NULL, who text);
CREATE FUNCTION trail.refuse() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RAISE ''no''; END';
CREATE TRIGGER refuse_change BEFORE UPDATE OR DELETE ON trail.events
    EXECUTE FUNCTION trail.refuse();
CREATE TRIGGER refuse_truncate BEFORE TRUNCATE ON trail.events EXECUTE FUNCTION trail.refuse();
ALTER TABLE trail.events ENABLE ALWAYS TRIGGER refuse_change;
ALTER TABLE trail.events ENABLE ALWAYS TRIGGER refuse_truncate;
GRANT INSERT (who) ON trail.events TO portal;
RESET ROLE
"""

RAISES = {"language": "plpgsql", "body": "BEGIN RAISE 'no'; END"}
RIGHTS = {
    "kind": "r",
    "owner": "portal_owner",
    "owner_logs_in": False,
    "application": ["INSERT"],
    "others": [],
    "members": ["portal_migrate"],
    # BEFORE UPDATE OR DELETE and BEFORE TRUNCATE, each per statement; AFTER UPDATE.
    "guards": {
        "refuse_change": {"state": "A", "type": 26, "limited": False, **RAISES},
        "refuse_truncate": {"state": "R", "type": 34, "limited": False, **RAISES},
        "notify": {"state": "O", "type": 16, "limited": False, **RAISES},
        "refuse_some": {"state": "A", "type": 27, "limited": True, **RAISES},
    },
    "parts": {"trail.of_2025": [{"state": "A", "type": 26, "limited": False, **RAISES}]},
}


def test_an_event_keeps_its_parts_and_time() -> None:
    """Parts come out under their own names, empty ones as None."""
    (found,) = read_events([{"parts": {"actor": "11", "purpose": None}, "time": 1.5, "row": "{}"}])
    assert found.parts == {"actor": "11", "purpose": None}
    assert found.time == 1.5


@pytest.mark.parametrize("answer", [None, [{}], [{"parts": {}, "time": "noon", "row": ""}], ["x"]])
def test_another_answer_is_not_understood(answer: object) -> None:
    """An answer of another form is no empty trail."""
    with pytest.raises(NotUnderstood):
        read_events(answer)


def test_triggers_count_for_what_they_come_before() -> None:
    """A trigger after the change stops nothing, and its state is told in words."""
    found = read_rights(RIGHTS)
    assert found.kind == "table"
    assert found.guards["refuse_change"] == Guard("always", ("DELETE", "UPDATE"))
    assert found.guards["refuse_truncate"] == Guard("replica only", ("TRUNCATE",))
    assert found.guards["notify"] == Guard("origin", ())
    assert found.guards["refuse_some"] == Guard("always", ())
    assert found.parts == {"trail.of_2025": ("DELETE", "UPDATE")}


def test_a_guard_that_may_let_a_change_through_refuses_none() -> None:
    """It says so itself; what comes after a change or before an INSERT is no guard."""
    lenient = {"language": "plpgsql", "body": "BEGIN IF TG_OP <> 'X' THEN RAISE 'no'; END IF; END"}
    triggers = {
        "refuse_change": {"state": "A", "type": 26, "limited": False, **lenient},
        "notify": {"state": "O", "type": 16, "limited": False, **lenient},
        "stamp": {"state": "O", "type": 7, "limited": False, **lenient},
    }
    part = {"trail.of_2025": [triggers["refuse_change"]]}
    found = read_rights({**RIGHTS, "guards": triggers, "parts": part})
    assert found.guards == {
        "refuse_change": Guard("always, and its function may let a change through", ()),
        "notify": Guard("origin", ()),
        "stamp": Guard("origin", ()),
    }
    assert found.parts == {"trail.of_2025": ()}


@pytest.mark.parametrize("missing", sorted(RIGHTS))
def test_rights_are_whole_or_not_understood(missing: str) -> None:
    """What the server did not say is never taken for nothing."""
    with pytest.raises(NotUnderstood):
        read_rights({key: value for key, value in RIGHTS.items() if key != missing})


@pytest.fixture(scope="module")
def server(pki: Hierarchy) -> Iterator[Postgres]:
    """A server with a trail that is as it should be."""
    with postgres_pair(pki) as (primary, _):
        with primary.superuser() as connection:
            connection.execute(TRAIL.encode())
        yield primary


def asked(server: Postgres, *defect: str, undo: tuple[str, ...] = ()) -> TrailRights:
    """What is read under a defect, which is taken back."""
    server.execute(*defect)
    try:
        with postgres.connect(server.target(), PASSWORDS["looker"]) as session:
            return rights(session, Table("trail", "events", {}), "portal")
    finally:
        server.execute(*undo)


def test_a_real_trail_is_read(server: Postgres) -> None:
    """Only who is declared may become the owner, and nobody else may change it."""
    assert asked(server) == TrailRights(
        kind="table",
        owner="keeper",
        owner_logs_in=False,
        application=("INSERT",),
        others=(),
        members=("migrate",),
        guards={
            "refuse_change": Guard("always", ("DELETE", "UPDATE")),
            "refuse_truncate": Guard("always", ("TRUNCATE",)),
        },
        parts={},
    )


def test_an_unlogged_trail_is_no_table(server: Postgres) -> None:
    """It is empty after a crash and on whoever is promoted."""
    table = "ALTER TABLE trail.events SET"
    found = asked(server, f"{table} UNLOGGED", undo=(f"{table} LOGGED",))
    assert found.kind == "unlogged table"


@pytest.mark.parametrize(
    ("what", "login"),
    [
        ("FUNCTION trail.refuse() OWNER TO", "portal"),
        ("SCHEMA trail OWNER TO", "portal"),
        ("ROLE janitor", "janitor"),
    ],
)
def test_who_may_empty_a_guard_or_drop_the_trail_is_named(
    server: Postgres, what: str, login: str
) -> None:
    """The owner of a guard's function, of the schema, and who may grant itself any role."""
    told, back = ("CREATEROLE", "NOCREATEROLE") if what.startswith("ROLE") else ("portal", "keeper")
    found = asked(server, f"ALTER {what} {told}", undo=(f"ALTER {what} {back}",))
    assert login in found.members


def test_a_right_that_set_role_gives_is_one(server: Postgres) -> None:
    """A login that inherits nothing becomes the role that may remove."""
    table = "DELETE ON trail.events"
    found = asked(server, f"GRANT {table} TO cleaners", undo=(f"REVOKE {table} FROM cleaners",))
    assert found.others == ("janitor",)


@pytest.mark.parametrize(
    "limit", ["FOR EACH ROW WHEN (old.day > '2026-01-01')", "OF who ON trail.events FOR EACH ROW"]
)
def test_a_guard_of_some_rows_or_columns_covers_no_change(server: Postgres, limit: str) -> None:
    """What it lets through is for whoever knows it."""
    whole = "BEFORE UPDATE OR DELETE ON trail.events"
    some = f"{whole} {limit}" if limit.startswith("FOR") else f"BEFORE UPDATE {limit}"
    make = "CREATE OR REPLACE TRIGGER refuse_change {} EXECUTE FUNCTION trail.refuse()"
    found = asked(server, make.format(some), undo=(make.format(whole),))
    server.execute("ALTER TABLE trail.events ENABLE ALWAYS TRIGGER refuse_change")
    assert found.guards["refuse_change"].changes == ()


def test_a_real_guard_with_a_condition_is_told(server: Postgres) -> None:
    """Whoever may set the condition changes the trail; nobody else notices."""
    make = "CREATE OR REPLACE FUNCTION trail.refuse() RETURNS trigger LANGUAGE plpgsql AS $${}$$"
    some = "BEGIN IF current_user = 'keeper' THEN RETURN NULL; END IF; RAISE 'no'; END"
    found = asked(server, make.format(some), undo=(make.format("BEGIN RAISE 'no'; END"),))
    state = "always, and its function may let a change through"
    assert found.guards == dict.fromkeys(("refuse_change", "refuse_truncate"), Guard(state, ()))


def test_a_part_has_guards_and_rights_of_its_own(server: Postgres) -> None:
    """A child table inherits neither; partitions take triggers of rows, never of TRUNCATE."""
    child = "trail.of_2025"
    found = asked(
        server,
        f"CREATE TABLE {child} () INHERITS (trail.events)",
        f"GRANT DELETE ON {child} TO portal",
        undo=(f"DROP TABLE {child}",),
    )
    assert found.parts == {child: ()}
    assert found.application == ("DELETE", "INSERT")
    assert found.others == ("portal",)


def test_values_of_an_answer_are_found_in_an_event() -> None:
    """Names of fields and short words are no values; texts are, however deep they stand."""
    body = {
        "email": "a@example.test",
        "standing": "GOOD",
        "list": [{"title": "Topics in X"}],
        "n": 1,
    }
    assert leaked(body, '{"fields": ["email", "standing", "list"], "purpose": "GOOD"}') == set()
    assert leaked(body, '{"note": "a@example.test"}') == {"email"}
    assert leaked(body, '{"note": "took Topics in X"}') == {"title"}
    assert leaked({"x": "course"}, '{"fields": ["course_code"]}') == set()
