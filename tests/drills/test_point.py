"""A database that is never quiet, and a copy of it that was really restored to a position."""

import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import replace
from typing import Any

import psycopg
import pytest
from local_postgres import BIN, PASSWORDS, Postgres, _run, postgres_pair
from local_servers import free_port, wait_until
from pki import hierarchy

from readiness.drills import content
from readiness.drills.point import Point, compared, read_point
from readiness.systems.postgres.asking import session as postgres

Connection = psycopg.Connection[tuple[object, ...]]
TABLES = (
    "CREATE TABLE calm AS SELECT g AS id, 'row ' || g AS word FROM generate_series(1, 500) g",
    "CREATE TABLE hot AS SELECT g AS id, 'row ' || g AS word FROM generate_series(1, 500) g",
    "CREATE SEQUENCE numbers",
    "SELECT nextval('numbers') FROM generate_series(1, 40)",
    "GRANT pg_read_all_data TO looker",
    "ALTER SYSTEM SET wal_keep_size = '1GB'",
    "SELECT pg_reload_conf()",
)
CHANGES = (
    "INSERT INTO hot VALUES (1001, 'new')",
    "SAVEPOINT inner_one",
    "INSERT INTO hot VALUES (1002, 'new in a subtransaction')",
    "UPDATE hot SET word = 'other' WHERE id = 7",
    "RELEASE inner_one",
    "DELETE FROM hot WHERE id = 8",
)


@pytest.fixture(scope="module")
def primary() -> Iterator[Postgres]:
    """A primary with two tables and a sequence."""
    with postgres_pair(hierarchy()) as (one, _):
        one.execute(*TABLES)
        yield one


@pytest.fixture
def base(primary: Postgres) -> Iterator[Postgres]:
    """A backup of it, not started yet."""
    copy = replace(primary, name="copy", port=free_port(), data=primary.folder / "copy")
    source = f"host={primary.folder} port={primary.port} user=postgres"
    words = ["-D", str(copy.data), "-X", "none", "-c", "fast", "--no-sync", "-d", source]
    _run(primary.owner, [f"{BIN}/pg_basebackup", *words])
    yield copy
    with suppress(pytest.fail.Exception):
        copy.control("-m", "immediate", "stop")
    _run(primary.owner, ["rm", "-rf", str(copy.data)])


def point_of(primary: Postgres) -> Point:
    """The live database at a position, as a drill reads it that has no time to wait."""
    with postgres.connect(primary.target(), PASSWORDS["looker"]) as session:
        return read_point(session, quiet_limit=0.0)


def restored(primary: Postgres, base: Postgres, point: Point) -> Callable[[str], Mapping[str, Any]]:
    """Replay the base up to the position, exclusive; gives what asks it."""
    with primary.superuser() as later:  # the position has to be passed to be recognised
        later.execute("SET synchronous_commit = local")
        later.execute("CREATE TABLE IF NOT EXISTS later ()")
        later.execute("DROP TABLE later")
        later.execute("SELECT pg_switch_wal()")
    (base.data / "recovery.signal").touch()
    with (base.data / "postgresql.auto.conf").open("a") as config:
        config.write(
            f"restore_command = 'cp {primary.data}/pg_wal/%f \"%p\"'\n"
            f"recovery_target_lsn = '{point.lsn}'\nrecovery_target_inclusive = off\n"
            "recovery_target_action = promote\nsynchronous_standby_names = ''\n"
        )
    base.control("-l", str(base.folder / "copy.log"), "-o", f"-p {base.port}", "start")

    def done() -> bool:
        with base.superuser() as copy:
            return copy.execute("SELECT pg_is_in_recovery()").fetchone() == (False,)

    wait_until(done, "the copy is restored", log=base.folder / "copy.log")

    def ask(statement: str) -> Mapping[str, Any]:
        with base.superuser() as copy:
            for name, value in content.SETTINGS.items():
                copy.execute("SELECT set_config(%s, %s, false)", (name, value))
            row = copy.execute(statement.encode()).fetchone()
        assert row is not None
        assert isinstance(row[0], dict)
        return row[0]

    return ask


@contextmanager
def open_transaction(primary: Postgres) -> Iterator[Connection]:
    """Somebody changes a row and does not end: there is no quiet moment."""
    with primary.superuser() as busy:
        busy.autocommit = False
        busy.execute("UPDATE hot SET word = 'never' WHERE id = 9")
        yield busy
        busy.rollback()


@contextmanager
def hidden_commit(primary: Postgres) -> Iterator[None]:
    """A commit that is in the WAL, and that no snapshot sees: it waits for a standby."""
    primary.execute(
        "ALTER SYSTEM SET synchronous_standby_names = 'nobody'", "SELECT pg_reload_conf()"
    )
    with primary.superuser() as waiting:
        waiting.autocommit = False
        for change in CHANGES:
            waiting.execute(change.encode())
        thread = threading.Thread(target=waiting.commit)
        thread.start()

        def waits() -> bool:
            with primary.superuser() as asking:
                query = "SELECT count(*) FROM pg_stat_activity WHERE wait_event = 'SyncRep'"
                return asking.execute(query).fetchone() == (1,)

        wait_until(waits, "the commit waits")
        try:
            yield
        finally:
            with primary.superuser() as asking:
                asking.execute("ALTER SYSTEM RESET synchronous_standby_names")
                asking.execute("SELECT pg_reload_conf()")
            thread.join()


def test_b6_a_database_that_is_never_quiet_is_compared_whole(
    primary: Postgres, base: Postgres
) -> None:
    """An open transaction is on neither side; every row is compared, and a lost one is named."""
    with open_transaction(primary):
        point = point_of(primary)
        ask = restored(primary, base, point)
    assert point.moment is not None
    found = compared(point, ask, where="the copy")
    assert (found.named, found.not_compared, found.left_out) == ((), (), 0)
    with base.superuser() as copy:
        copy.execute("DELETE FROM calm WHERE id = 3")
    assert compared(point, ask, where="the copy").tables == ("public.calm (499 of 500 rows)",)


def test_b6_a_commit_that_the_snapshot_does_not_see_is_no_difference(
    primary: Postgres, base: Postgres
) -> None:
    """It is before the position and in the copy: what it wrote is left out, the rest compared."""
    with open_transaction(primary), hidden_commit(primary):
        point = point_of(primary)
        ask = restored(primary, base, point)
    held = ask("SELECT json_build_object('n', (SELECT count(*) FROM public.hot WHERE id > 1000))")
    assert held["n"] == 2, "the copy has what the snapshot did not see"
    found = compared(point, ask, where="the copy")
    assert (found.named, found.not_compared) == ((), ())
    assert found.left_out == 2  # 7 and 8 were changed; 9 was not, and is there as it was
    # And what was there before is missed all the same.
    with base.superuser() as copy:
        copy.execute("DELETE FROM hot WHERE id = 100")
        copy.execute("UPDATE calm SET word = 'forged' WHERE id = 100")
    red = compared(point, ask, where="the copy").tables
    assert red == ("public.calm (499 of 500 rows)", "public.hot (496 of 497 rows)")


def test_b6_too_many_changes_to_tell_apart_prove_nothing(
    primary: Postgres, base: Postgres, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Such a table is named, as neither the same nor another."""
    monkeypatch.setattr(content, "MOST_TOUCHED", 1)
    with open_transaction(primary), hidden_commit(primary):
        point = point_of(primary)
        ask = restored(primary, base, point)
    found = compared(point, ask, where="the copy")
    assert (found.named, found.not_compared) == ((), ("tables: public.hot",))


def test_b6_a_quiet_database_needs_no_second_look(primary: Postgres, base: Postgres) -> None:
    """The position is exact, and a sequence that goes on meanwhile is not behind."""
    with postgres.connect(primary.target(), PASSWORDS["looker"]) as session:
        point = read_point(session)
    assert point.moment is None
    primary.execute("SELECT nextval('numbers') FROM generate_series(1, 100)")
    found = compared(point, restored(primary, base, point), where="the copy")
    assert (found.named, found.not_compared, found.left_out) == ((), (), 0)


def test_b6_rows_that_were_locked_once_are_compared_all_the_same(
    primary: Postgres, base: Postgres
) -> None:
    """PostgreSQL keeps who locked a row, as every reference to it does: nobody changes it now."""
    primary.execute("SELECT FROM calm FOR KEY SHARE")
    with open_transaction(primary), hidden_commit(primary):
        point = point_of(primary)
        ask = restored(primary, base, point)
    with base.superuser() as copy:
        copy.execute("UPDATE calm SET word = word WHERE id = 1")
    assert compared(point, ask, where="the copy").named == ()
    with base.superuser() as copy:
        copy.execute("DELETE FROM calm")
    found = compared(point, ask, where="the copy")
    assert found.not_compared == ("tables: public.calm",), f"{found.left_out} rows are lost"


def test_b6_a_transaction_that_is_open_for_long_hides_no_loss(
    primary: Postgres, base: Postgres
) -> None:
    """What others wrote since it began is compared row by row, and what is missing is not green."""
    with open_transaction(primary):
        primary.execute("CREATE TABLE fresh AS SELECT g AS id FROM generate_series(1, 500) g")
        with hidden_commit(primary):
            point = point_of(primary)
            ask = restored(primary, base, point)
    found = compared(point, ask, where="the copy")
    assert (found.named, found.not_compared) == ((), ())
    with base.superuser() as copy:
        copy.execute("DELETE FROM fresh WHERE id > 300")
    found = compared(point, ask, where="the copy")
    assert found.not_compared == ("tables: public.fresh",), f"{found.left_out} rows are lost"
