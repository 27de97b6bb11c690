"""The portal over a real database: migrations both ways, records by role, and the audit trail."""

import json
import ssl
from collections.abc import Iterator
from http.client import HTTPSConnection
from typing import Any

import psycopg
import pytest
from local_portal import DATABASE, HOST, LocalPortal, alembic, conninfo, local_portal, migrated
from local_postgres import Postgres
from pki import hierarchy

HEAD = "0006 (head)"


@pytest.fixture(scope="module")
def empty() -> Iterator[Postgres]:
    """A database with the newest schema and no row."""
    with migrated(hierarchy()) as (primary, _):
        yield primary


@pytest.fixture(scope="module")
def portal(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LocalPortal]:
    """The portal, serving."""
    authority = hierarchy()
    leaf = authority.leaf()
    identity = leaf.write(tmp_path_factory.mktemp("portal") / "portal.pem", *leaf.above)
    with local_portal(authority, identity) as serving:
        yield serving


class User:
    """Somebody with a browser."""

    def __init__(self, portal: LocalPortal, who: str = "") -> None:
        self.port = portal.port
        self.token = ""
        if who:
            body = {"email": f"{who}@example.test", "password": portal.password(who)}
            self.token = self.ask("/auth/login", body)[1]["token"]

    def ask(
        self, path: str, body: dict[str, str] | None = None, request: str = ""
    ) -> tuple[int, Any]:
        """Status and JSON of an answer."""
        context = ssl.create_default_context()
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
        line = HTTPSConnection(HOST, self.port, context=context, timeout=30)
        headers = {"Content-Type": "application/json"}
        headers |= {"X-Session-Token": self.token} if self.token else {}
        headers |= {"X-Request-Id": request} if request else {}
        sent = json.dumps(body) if body else None
        line.request("POST" if body else "GET", path, sent, headers)
        answer = line.getresponse()
        found = answer.status, json.loads(answer.read())
        line.close()
        return found


def events(portal: LocalPortal, request: str) -> list[dict[str, Any]]:
    """The events of one request."""
    return [one for one in portal.events() if one["request_id"] == request]


def dumped(server: Postgres) -> str:
    """Columns, constraints, indexes, triggers and rights of all tables, as text."""
    query = """
    SELECT string_agg(line, E'\n' ORDER BY line) FROM (
      SELECT format('%s.%s %s %s', attrelid::regclass, attname, atttypid::regtype, attacl) AS line
      FROM pg_attribute a JOIN pg_class c ON c.oid = attrelid
      WHERE relnamespace::regnamespace::text IN ('public', 'audit') AND attnum > 0
      UNION ALL SELECT pg_get_constraintdef(oid) FROM pg_constraint
      WHERE connamespace::regnamespace::text IN ('public', 'audit')
      UNION ALL SELECT format('%s %s %s', relname, relacl, relowner::regrole) FROM pg_class
      WHERE relnamespace::regnamespace::text IN ('public', 'audit')
      UNION ALL SELECT pg_get_triggerdef(oid) || tgenabled::text FROM pg_trigger
      WHERE NOT tgisinternal
    ) AS lines"""
    with server.superuser(DATABASE) as connection:
        (text,) = connection.execute(query).fetchone() or ("",)
    return str(text)


def test_every_revision_goes_down_and_up_again(empty: Postgres) -> None:
    """Down to nothing and up again gives the same schema, rights and triggers."""
    before = dumped(empty)
    assert "refuse_change" in before
    for number in ("0004", "0003", "0002", "0001", "base"):
        alembic(empty, "downgrade", number)
    assert "users" not in dumped(empty)
    alembic(empty, "upgrade", "head")
    assert dumped(empty) == before
    assert alembic(empty, "current").strip() == HEAD


def test_a_second_migration_finds_the_work_done(empty: Postgres) -> None:
    """Upgrading again changes nothing."""
    before = dumped(empty)
    alembic(empty, "upgrade", "head")
    assert dumped(empty) == before


def test_the_application_owns_nothing(empty: Postgres) -> None:
    """The application's role owns no table and may make none."""
    with psycopg.connect(conninfo(empty, "portal"), autocommit=True) as connection:
        owned = connection.execute(
            "SELECT count(*) FROM pg_class WHERE relowner = 'portal'::regrole"
        ).fetchone()
        assert owned == (0,)
        with pytest.raises(psycopg.errors.InsufficientPrivilege):
            connection.execute("CREATE TABLE mine (id int)")


@pytest.mark.parametrize(
    ("path", "category", "field"),
    [
        ("/api/profile/student/{}", "profile", "gpa"),
        ("/academics/student/{}/summary", "academics", "credits_earned"),
        ("/academics/student/{}/transcript", "academics", "transcript"),
        ("/enrollments/student/{}", "enrollments", "enrollments"),
    ],
)
def test_an_official_s_read_leaves_one_event(
    portal: LocalPortal, path: str, category: str, field: str
) -> None:
    """Exactly one, with actor, role, subject, purpose, outcome, route and names of fields."""
    advisor, student = portal.ids["canary-advisor"], portal.ids["canary-student"]
    request = f"read-of-{path.count('/')}-{field}"
    status, body = User(portal, "canary-advisor").ask(path.format(student), request=request)
    assert status == 200
    assert field in body
    (event,) = events(portal, request)
    assert event["actor_id"] == advisor
    assert event["actor_role"] == "ADVISOR"
    assert event["subject_id"] == student
    assert event["category"] == category
    assert event["purpose"] == "advising"
    assert event["outcome"] == "granted"
    assert event["route"] == path.format("<int:student>")
    assert event["recorded_by"] == "portal"
    assert event["fields"] == sorted(body)


def test_events_hold_no_value_of_a_record(portal: LocalPortal) -> None:
    """Names of fields are in the trail, what they hold is not."""
    student = portal.ids["canary-student"]
    User(portal, "canary-student").ask(f"/api/profile/student/{student}", request="own-profile")
    (event,) = events(portal, "own-profile")
    assert event["purpose"] == "own-record"
    assert "CanaryStudentLast" not in json.dumps(event)


@pytest.mark.parametrize(
    ("who", "path", "status"),
    [
        ("canary-classmate", "/api/profile/student/{}", 403),
        ("canary-classmate", "/finances/student/{}/summary", 403),
        ("canary-advisor", "/finances/student/{}/summary", 403),
        ("professor", "/academics/student/{}/transcript", 403),
        ("", "/enrollments/student/{}", 401),
    ],
)
def test_a_refusal_leaves_one_event(portal: LocalPortal, who: str, path: str, status: int) -> None:
    """Who asks for what is not theirs is refused, and that is in the trail once."""
    student, request = portal.ids["canary-student"], f"refused-{who}-{path.split('/')[1]}"
    assert User(portal, who).ask(path.format(student), request=request)[0] == status
    (event,) = events(portal, request)
    assert event["outcome"] == "denied"
    assert event["subject_id"] == student
    assert event["actor_id"] == portal.ids.get(who)


def test_each_student_that_a_search_lists_is_in_the_trail(portal: LocalPortal) -> None:
    """A search discloses every record it lists; one that finds nobody leaves one event too."""
    advisor = User(portal, "canary-advisor")
    found = advisor.ask("/api/profile/students/search?q=canary", request="search-canary")[1]
    listed = {one["id"] for one in found["students"]}
    assert listed == {portal.ids["canary-student"], portal.ids["canary-classmate"]}
    assert {one["subject_id"] for one in events(portal, "search-canary")} == listed
    assert advisor.ask("/api/profile/students/search?q=%25", request="search-none")[1] == {
        "students": []
    }
    (event,) = events(portal, "search-none")
    assert event["outcome"] == "absent"


def test_only_administrators_search_as_administrators(portal: LocalPortal) -> None:
    """An advisor is refused there, and an administrator is not."""
    path = "/admin/students/search?q=canary"
    assert User(portal, "canary-advisor").ask(path, request="admin-search-refused")[0] == 403
    assert User(portal, "administrator").ask(path, request="admin-search-granted")[0] == 200
    (refused,) = events(portal, "admin-search-refused")
    assert refused["subject_id"] is None


def test_a_student_who_does_not_exist(portal: LocalPortal) -> None:
    """404, and the attempt is in the trail as absent."""
    found = User(portal, "canary-advisor").ask(
        "/enrollments/student/999999", request="nobody-there"
    )
    assert found[0] == 404
    (event,) = events(portal, "nobody-there")
    assert event["outcome"] == "absent"


def test_courses_are_nobody_s_record(portal: LocalPortal) -> None:
    """The catalogue can be searched by anyone and leaves no event."""
    status, body = User(portal).ask("/api/course-search/search?q=bio", request="course-search")
    assert status == 200
    assert {one["code"][:3] for one in body["courses"]} == {"BIO"}
    assert events(portal, "course-search") == []


@pytest.mark.parametrize("role", ["portal", "portal_owner"])
@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE audit.access_events SET purpose = 'another'",
        "DELETE FROM audit.access_events",
        "TRUNCATE audit.access_events",
    ],
)
def test_events_are_never_changed(portal: LocalPortal, role: str, statement: str) -> None:
    """Neither the application nor the owner changes or removes an event."""
    before = len(portal.events())
    assert before
    with psycopg.connect(conninfo(portal.primary, "readiness_audit")) as connection:
        connection.execute(f"SET LOCAL ROLE {role}")
        with pytest.raises(psycopg.errors.InsufficientPrivilege):
            connection.execute(statement.encode())
        connection.rollback()
    assert len(portal.events()) == before


@pytest.mark.parametrize("column", ["occurred_at", "recorded_by", "event_id"])
def test_the_application_can_t_make_up_what_the_server_stamps(
    portal: LocalPortal, column: str
) -> None:
    """Time, login and identity of an event are refused when the application gives them."""
    statement = f"INSERT INTO audit.access_events ({column}) VALUES (DEFAULT)"  # noqa: S608 - refused
    with psycopg.connect(conninfo(portal.primary, "portal")) as connection:
        with pytest.raises(psycopg.errors.InsufficientPrivilege):
            connection.execute(statement.encode())
        connection.rollback()


def test_no_answer_without_its_event(portal: LocalPortal) -> None:
    """While events can't be written, records are not given either."""
    student = portal.ids["canary-student"]
    advisor = User(portal, "canary-advisor")
    table = "audit.access_events"
    portal.primary.execute(f"REVOKE INSERT ON {table} FROM portal", dbname=DATABASE)
    portal.primary.execute(f"REVOKE INSERT (request_id) ON {table} FROM portal", dbname=DATABASE)
    try:
        status, body = advisor.ask(f"/api/profile/student/{student}", request="without-event")
    finally:
        portal.primary.execute(
            f"GRANT INSERT (request_id, actor_id, actor_role, subject_id, category, fields,"
            f" purpose, outcome, route, served_by) ON {table} TO portal",
            dbname=DATABASE,
        )
    assert status == 500
    assert "gpa" not in body
    assert events(portal, "without-event") == []
