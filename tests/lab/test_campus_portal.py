"""The small site's portal over a real database: sessions without a cache, and its defects."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from flask.testing import FlaskClient
from local_portal import KEY, conninfo, migrated
from local_postgres import Postgres
from pki import hierarchy

from lab.app.portal import audit, generate, load, sessions
from lab.app.portal.passwords import account_password
from lab.campus import web

STUDENT = "canary-student@example.test"
TRANSCRIPT = "/academics/student/{}/transcript"


@pytest.fixture(scope="module")
def database() -> Iterator[Postgres]:
    """A database with the canaries."""
    with migrated(hierarchy()) as (primary, _):
        with primary.superuser("paws360") as connection:
            load.fill(connection, [generate.canary_advisor()], [*generate.canary_students()], KEY)
        yield primary


@pytest.fixture
def start(database: Postgres, monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    """Starts the portal with defects, as its unit does."""
    monkeypatch.setenv("PORTAL_DATABASE", conninfo(database, "portal"))
    # What a start replaces comes back.
    for module, name in ((sessions, "store"), (audit, "record")):
        monkeypatch.setattr(module, name, getattr(module, name))
    opened = []

    def begin(*defects: str) -> FlaskClient:
        monkeypatch.setenv("PORTAL_DEFECTS", " ".join(defects))
        app = web.create_app()
        opened.append(app.extensions["pool"])
        return app.test_client()

    yield begin
    for pool in opened:
        pool.close()


def log_in(client: FlaskClient) -> str:
    """The token of the student's new session."""
    body = {"email": STUDENT, "password": account_password(KEY, STUDENT)}
    answer: Any = client.post("/auth/login", json=body)
    assert answer.status_code == 200, answer.json
    return str(answer.json["token"])


def status(client: FlaskClient, path: str, token: str = "") -> int:
    """The status of a page for whoever has that token."""
    client.delete_cookie("PAWS360_SESSION")
    headers = {"X-Session-Token": token} if token else {}
    return client.get(path, headers=headers).status_code


def number(database: Postgres, query: str) -> int:
    """The one number that a query gives."""
    with database.superuser("paws360") as connection:
        row: Any = connection.execute(query.encode()).fetchone()
    return int(row[0])


def student_id(database: Postgres) -> int:
    """The number of the student."""
    return number(database, f"SELECT id FROM users WHERE email = '{STUDENT}'")  # noqa: S608


def events(database: Postgres) -> int:
    """How many events the trail has."""
    return number(database, "SELECT count(*) FROM audit.access_events")


def test_a_session_lives_in_the_database_until_it_is_ended(start: Any, database: Postgres) -> None:
    """Another process finds it; only its digest is kept; logging out ends it everywhere."""
    client, other = start(), start()
    token = log_in(client)
    assert status(other, "/auth/session", token) == 200
    with database.superuser("paws360") as connection:
        rows = connection.execute("SELECT token_hash::text FROM authentication_sessions").fetchall()
    assert rows
    assert all(token not in str(row[0]) for row in rows)
    client.post("/auth/logout", headers={"X-Session-Token": token})
    assert status(other, "/auth/session", token) == 401


def test_the_oldest_session_ends_when_there_are_too_many(start: Any) -> None:
    """As with the big site's store: five for each user."""
    client = start()
    tokens = [log_in(client) for _ in range(sessions.SESSIONS_PER_USER + 1)]
    found = [status(client, "/auth/session", token) for token in tokens]
    assert found == [401] + [200] * sessions.SESSIONS_PER_USER


def test_an_expired_session_is_none(start: Any, database: Postgres) -> None:
    """Whatever the cookie says."""
    client = start()
    token = log_in(client)
    with database.superuser("paws360") as connection:
        connection.execute("UPDATE authentication_sessions SET expires_at = now()")
    assert status(client, "/auth/session", token) == 401


def test_without_a_defect_it_is_the_big_sites_portal(start: Any, database: Postgres) -> None:
    """Nobody reads a record unasked, nothing is shown to developers, and reads leave events."""
    client, before = start(), events(database)
    page = TRANSCRIPT.format(student_id(database))
    assert [status(client, one) for one in (page, web.DEBUG, web.READY)] == [401, 404, 200]
    assert status(client, page, log_in(client)) == 200
    assert events(database) == before + 2


@pytest.mark.parametrize(
    ("defect", "path", "then"),
    [
        ("transcripts-without-login", TRANSCRIPT, 200),
        ("debug-page", web.DEBUG, 200),
        ("never-ready", web.READY, 503),
    ],
)
def test_a_defect_shows(start: Any, database: Postgres, defect: str, path: str, then: int) -> None:
    """Each is what its name says, and the catalogue is served as ever."""
    client = start(defect)
    assert status(client, path.format(student_id(database))) == then
    assert status(client, "/courses") == 200


def test_without_a_trail_a_read_leaves_nothing(start: Any, database: Postgres) -> None:
    """The record is served all the same."""
    client, before = start("no-audit-trail"), events(database)
    page = TRANSCRIPT.format(student_id(database))
    assert status(client, page, log_in(client)) == 200
    assert events(database) == before


def test_a_defect_that_is_none_keeps_it_from_starting(start: Any) -> None:
    """A row with a typo plants nothing, and must not look as if it had."""
    with pytest.raises(KeyError, match="never-redy"):
        start("never-redy")


def test_every_defect_is_tried_here() -> None:
    """Whoever adds one shows it."""
    assert all(name in Path(__file__).read_text() for name in web.DEFECTS)
