"""The stand-in portal on loopback: its migrations on a real PostgreSQL, its routes over HTTPS."""

import os
import ssl
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from unittest.mock import patch

import psycopg
from local_postgres import Postgres, postgres_pair
from local_redis import local_redis
from local_servers import scratch
from pki import Hierarchy
from psycopg.conninfo import make_conninfo
from redis import Redis
from werkzeug.serving import make_server

from lab.app.portal import generate, load, sessions
from lab.app.portal.database import open_pool
from lab.app.portal.passwords import account_password
from lab.app.portal.store import Store
from lab.app.portal.web import create_app

APP = Path(__file__).parents[2] / "lab/app"
DATABASE = "paws360"
NAME = "portal.example.org"
# Another address than the database's: no two machines of an environment share one.
HOST = "127.0.0.2"
KEY = b"the key of these tests"
WORD = "of these tests only"
SESSIONS_WORD = "of-these-sessions-only"
# As lab/roles/db/bootstrap makes them.
ROLES = (
    f"CREATE ROLE portal LOGIN PASSWORD '{WORD}'",
    f"CREATE ROLE portal_migrate LOGIN NOINHERIT PASSWORD '{WORD}'",
    "CREATE ROLE portal_owner NOLOGIN",
    f"CREATE ROLE readiness_observe LOGIN PASSWORD '{WORD}'",
    f"CREATE ROLE readiness_audit LOGIN NOINHERIT PASSWORD '{WORD}'",
    "GRANT portal_owner TO portal_migrate",
    "GRANT portal, portal_owner TO readiness_audit",
    "GRANT pg_monitor TO readiness_observe",
)
RIGHTS = (
    "REVOKE CREATE ON SCHEMA public FROM PUBLIC",
    f"GRANT CREATE ON DATABASE {DATABASE} TO portal_owner",
    "GRANT USAGE, CREATE ON SCHEMA public TO portal_owner",
    "GRANT USAGE ON SCHEMA public TO portal",
)


@dataclass(frozen=True)
class LocalPortal:
    """A portal that answers, and the pair of servers that its records are on."""

    primary: Postgres
    standby: Postgres
    port: int
    ids: dict[str, int]

    def password(self, who: str) -> str:
        """The password of a synthetic account, by the part before the @."""
        return account_password(KEY, f"{who}@example.test")

    def events(self) -> list[dict[str, Any]]:
        """Every audit event, oldest first."""
        with self.primary.superuser(DATABASE) as connection:
            rows = connection.execute(
                "SELECT to_jsonb(e) FROM audit.access_events e ORDER BY occurred_at"
            ).fetchall()
        return [row[0] for row in rows]  # type: ignore[misc]


def conninfo(server: Postgres, user: str) -> str:
    """How libpq reaches the portal's database as a login of these tests."""
    return make_conninfo(
        host="127.0.0.1", port=server.port, dbname=DATABASE, user=user, password=WORD
    )


def alembic(server: Postgres, *arguments: str) -> str:
    """Run the migrations as the lab does; what it printed."""
    done = subprocess.run(
        [sys.executable, "-m", "alembic", "-c", "migrations/alembic.ini", *arguments],
        cwd=APP,
        env=os.environ | {"PORTAL_DATABASE": conninfo(server, "portal_migrate")},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


@contextmanager
def migrated(authority: Hierarchy) -> Iterator[tuple[Postgres, Postgres]]:
    """A pair of servers with the portal's roles and its newest schema, without a row."""
    with postgres_pair(authority) as (primary, standby):
        primary.execute(*ROLES, f"CREATE DATABASE {DATABASE}")
        primary.execute(*RIGHTS, dbname=DATABASE)
        alembic(primary, "upgrade", "head")
        yield primary, standby


@contextmanager
def local_portal(authority: Hierarchy, identity: Path) -> Iterator[LocalPortal]:
    """The portal with its canaries and a few students, over HTTPS on a free port."""
    with migrated(authority) as (primary, standby), sessions_in_redis(authority):
        ids = _people(primary)
        pool = open_pool(conninfo(primary, "portal"))
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(identity)
        server = make_server(HOST, 0, create_app(pool), threaded=True, ssl_context=context)
        serving = threading.Thread(target=server.serve_forever, daemon=True)
        serving.start()
        try:
            yield LocalPortal(primary, standby, server.server_port, ids)
        finally:
            server.shutdown()
            serving.join()
            server.server_close()
            pool.close()


@contextmanager
def sessions_in_redis(authority: Hierarchy) -> Iterator[None]:
    """Keep sessions in a real Redis; only that Sentinel names it is left out."""
    with (
        local_redis(authority, {"portal": f"on >{SESSIONS_WORD} ~* &* +@all"}) as local,
        scratch() as folder,
    ):
        trust = folder / "ca.pem"
        trust.write_bytes(authority.root.pem)
        client: Redis = Redis(
            host="127.0.0.1",
            port=local.redis.port,
            username="portal",
            password=SESSIONS_WORD,
            ssl=True,
            ssl_ca_certs=str(trust),
            decode_responses=True,
        )
        with patch.object(sessions, "store", lambda *rules: Store(client, *rules)):
            yield
        client.close()


def _people(primary: Postgres) -> dict[str, int]:
    students = [*generate.canary_students(), *generate.students(3)]
    staff = [generate.canary_advisor(), *generate.staff()]
    with psycopg.connect(conninfo(primary, "portal_migrate")) as connection:
        load.fill(connection, staff, students, KEY)
        rows = connection.execute("SELECT split_part(email, '@', 1), id FROM users").fetchall()
    return dict(rows)
