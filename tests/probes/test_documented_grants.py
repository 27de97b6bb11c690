"""The grants that docs/operations.md prints: enough for the gate, and no more than it accepts."""

import re
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import psycopg
import pytest
from local_postgres import Postgres, postgres_pair
from pki import Hierarchy

from readiness.drills import writers
from readiness.systems.postgres.asking import restart as postgres_restart
from readiness.systems.postgres.asking import session as postgres

OPERATIONS = Path(__file__).parents[2] / "docs/operations.md"
PASSWORD = "of this test only"
ROLES = ("readiness_observe", "readiness_touch")
SCHEMA = "readiness"


@pytest.fixture(scope="module")
def granted(pki: Hierarchy) -> Iterator[Postgres]:
    """A server on which the page's SQL was run as printed, in a database of the page's name."""
    blocks: list[str] = re.findall(
        r"^```sql\n(.*?)^```$", OPERATIONS.read_text(), re.MULTILINE | re.DOTALL
    )
    with postgres_pair(pki) as (primary, _):
        primary.execute("CREATE DATABASE portal")
        primary.execute("GRANT CREATE ON SCHEMA public TO PUBLIC", *blocks, dbname="portal")
        primary.execute(*(f"ALTER ROLE {role} PASSWORD '{PASSWORD}'" for role in ROLES))
        yield primary


@pytest.fixture
def touch(granted: Postgres) -> Iterator[psycopg.Connection[Any]]:
    """A session of the touch login."""
    with psycopg.connect(
        host="127.0.0.1",
        port=granted.port,
        user="readiness_touch",
        password=PASSWORD,
        dbname="portal",
        autocommit=True,
    ) as connection:
        yield connection


def look(server: Postgres, user: str) -> postgres.Session:
    """Log in with the probe, as the gate does."""
    return postgres.connect(replace(server.target(user), dbname="portal"), PASSWORD)


def test_the_observing_login_only_looks(granted: Postgres) -> None:
    """The gate accepts it, and it sees everything that the checks read."""
    with look(granted, "readiness_observe") as session:
        assert postgres.rights(session).dangerous == ()
        state = postgres.state(session, ("fsync", "synchronous_commit"))
        assert postgres_restart.restart(session).rules >= 1
    assert not state.in_recovery
    assert [replica.state for replica in state.replicas] == ["streaming"]
    assert set(state.settings) == {"fsync", "synchronous_commit"}


def test_the_touch_login_owns_its_schema_and_nothing_else(granted: Postgres) -> None:
    """Every right that it has is about that one schema, but that a drill may end a WAL segment."""
    with look(granted, "readiness_touch") as session:
        dangerous = postgres.rights(session).dangerous
    assert dangerous
    others = [phrase for phrase in dangerous if not phrase.endswith(f"schema {SCHEMA}")]
    assert others == ["may run pg_switch_wal()"]


def test_the_touch_login_can_do_what_drills_do(touch: psycopg.Connection[Any]) -> None:
    """Its table can be made, filled, read and dropped."""
    table = writers.fresh_table("run", 1, SCHEMA)
    writers.create_table(touch, table)
    writers.insert_row(touch, table, "run", "one")
    assert [name for name, _ in writers.stored_rows(touch, table, "run")] == ["one/0"]
    writers.drop_table(touch, table)


def test_the_touch_login_writes_nowhere_else(touch: psycopg.Connection[Any]) -> None:
    """Not in the schema that everybody knows."""
    with pytest.raises(psycopg.errors.InsufficientPrivilege):
        touch.execute("CREATE TABLE public.ours (id int)")
