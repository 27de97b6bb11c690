"""Leases, tables of synthetic rows and the writers on a real PostgreSQL."""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, NoReturn

import psycopg
import pytest
from local_postgres import Postgres, postgres_pair
from local_servers import wait_until
from pki import hierarchy
from simulated import Record, environment

from readiness.drills import target_lease, writers
from readiness.drills.primary import on_primary, synthetic_rows, undo_ledger
from readiness.evidence.undo import UndoJournal
from readiness.measure.operation import Outcome, read_ledger
from readiness.model.errors import AccessDenied, LeaseHeld, NotRun, NotUnderstood, Unreachable
from readiness.running.recovery import recover
from readiness.session.run import Run
from readiness.site.environment import Environment

EXPIRES = "SELECT run, expires > now() + interval '10 minutes' FROM readiness.lease"
PASSWORD = "of this test only"


@pytest.fixture(scope="module")
def servers() -> Iterator[dict[str, Postgres]]:
    """A primary and a standby, with the schema of a touch login."""
    with postgres_pair(hierarchy()) as (primary, standby):
        primary.execute(
            f"CREATE ROLE toucher LOGIN PASSWORD '{PASSWORD}'",
            "CREATE SCHEMA readiness AUTHORIZATION toucher",
        )
        yield {"db1": primary, "db2": standby, "db3": standby}


@pytest.fixture
def site(
    servers: dict[str, Postgres], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Environment:
    """The declared site, whose members are the two servers on loopback."""
    connect = psycopg.connect

    def local(**told: Any) -> psycopg.Connection[Any]:
        if told["host"] not in servers:
            return connect(**told)
        return connect(
            host="127.0.0.1",
            port=servers[told["host"]].port,
            options=told["options"],
            dbname="postgres",
            user="toucher",
            password=PASSWORD,
            autocommit=True,
        )

    monkeypatch.setattr(psycopg, "connect", local)
    servers["db1"].execute("DROP TABLE IF EXISTS readiness.lease")
    return environment(tmp_path)


@pytest.fixture
def gate(site: Environment, tmp_path: Path) -> Callable[[str], Run]:
    """Makes the run of one gate, each with a state folder of its own, as on two machines."""

    def opened(name: str) -> Run:
        folder = tmp_path / name
        folder.mkdir()
        return Run(
            id=name,
            number=1,
            folder=folder,
            environment_file=tmp_path / "environment.yaml",
            environment=site,
            policy=None,
            plan=None,  # type: ignore[arg-type]
            writer=Record(),  # type: ignore[arg-type]
            state=folder,
            journal=UndoJournal(folder / "undo"),
        )

    return opened


def asked(servers: dict[str, Postgres], question: str) -> list[tuple[object, ...]]:
    """What the primary answers its superuser."""
    with servers["db1"].superuser() as connection:
        return connection.execute(question.encode()).fetchall()


def test_c3_a_lease_is_renewed_while_its_gate_lives(
    gate: Callable[[str], Run],
    site: Environment,
    servers: dict[str, Postgres],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """A drill of two hours: the expiry is put off again and again, and given back at the end."""
    monkeypatch.setattr(target_lease, "BEAT", 0.05)
    run = gate("first")
    target_lease.hold(run, site.databases[0])
    servers["db1"].execute("UPDATE readiness.lease SET expires = now() + interval '1 minute'")
    wait_until(lambda: asked(servers, EXPIRES) == [("first", True)], "the lease is renewed")
    target_lease.give_back(run)
    assert asked(servers, EXPIRES) == []
    assert run.journal.pending() == []


def test_c3_a_gate_hears_that_another_took_its_lease(
    gate: Callable[[str], Run],
    site: Environment,
    servers: dict[str, Postgres],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """A machine slept for an hour: the lease is another's, and the drill is told."""
    monkeypatch.setattr(target_lease, "BEAT", 0.05)
    run, database = gate("first"), site.databases[0]
    target_lease.hold(run, database)
    servers["db1"].execute("UPDATE readiness.lease SET run = 'second', host = 'other'")
    wait_until(lambda: bool(target_lease.lost(run, database)), "the gate hears of it")
    assert "run second on other holds this environment" in target_lease.lost(run, database)
    with pytest.raises(NotRun, match="was lost"):
        target_lease.hold(run, database)
    target_lease.give_back(run)
    assert asked(servers, EXPIRES) == [("second", True)]


def test_c3_a_gate_that_can_not_renew_its_lease_does_not_think_that_it_has_one(
    gate: Callable[[str], Run],
    site: Environment,
    servers: dict[str, Postgres],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Its way to the database is gone for longer than the lease lasts: who has it, is another."""
    monkeypatch.setattr(target_lease, "BEAT", 0.05)
    run, database = gate("first"), site.databases[0]
    target_lease.hold(run, database)
    with monkeypatch.context() as gone:
        gone.setattr(target_lease, "EXPIRY", 0.2)
        gone.setattr(target_lease, "on_primary", _no_way)
        wait_until(lambda: bool(target_lease.lost(run, database)), "the gate knows it")
    assert "no way there" in target_lease.lost(run, database)
    with pytest.raises(NotRun, match="another gate may have taken it"):
        target_lease.hold(run, database)
    target_lease.give_back(run)
    assert asked(servers, EXPIRES) == []


def _no_way(*_: object) -> NoReturn:
    raise Unreachable("no way there")


def test_c3_one_gate_at_a_time(gate: Callable[[str], Run], site: Environment) -> None:
    """The second is told who holds it, and gets it once it is given back."""
    first, second = gate("first"), gate("second")
    target_lease.hold(first, site.databases[0])
    with pytest.raises(NotRun, match=r"run first on .* holds this environment until"):
        target_lease.hold(second, site.databases[0])
    target_lease.give_back(first)
    target_lease.hold(second, site.databases[0])
    target_lease.give_back(second)


def test_c3_a_lease_is_kept_while_something_is_owed(
    gate: Callable[[str], Run], site: Environment, servers: dict[str, Postgres]
) -> None:
    """A table that could not be dropped: nobody else begins before it is."""
    run, database = gate("first"), site.databases[0]
    target_lease.hold(run, database)
    with synthetic_rows(run, database):
        servers["db1"].execute("REVOKE ALL ON SCHEMA readiness FROM toucher")
    target_lease.give_back(run)
    assert asked(servers, EXPIRES) == [("first", True)]
    servers["db1"].execute("GRANT ALL ON SCHEMA readiness TO toucher")
    assert [one.proven for one in recover(site, run.state)] == [True, True]
    assert asked(servers, EXPIRES) == []


def test_c3_recover_does_not_undo_in_the_midst_of_another_drill(
    gate: Callable[[str], Run], site: Environment, servers: dict[str, Postgres]
) -> None:
    """It names the run that holds the database; afterwards it undoes its own and nothing else."""
    killed, other = gate("killed"), gate("other")
    database = site.databases[0]
    entry = target_lease.TargetLease(killed, database, "readiness").entry
    target_lease.hold(other, database)
    with synthetic_rows(other, database) as table:
        with pytest.raises(LeaseHeld, match=r"run other on .* recover when it has ended"):
            recover(site, killed.state)
        assert [one.id for one in killed.journal.pending()] == [entry]
        undo_ledger({"database": "db", "schema": "readiness"}, site)
        with on_primary(site, database) as primary:
            assert writers.stored_rows(primary, table, "other") == []
    target_lease.give_back(other)
    assert [one.proven for one in recover(site, killed.state)] == [True]
    assert asked(servers, EXPIRES) == []


def test_c3_tables_carry_the_run(gate: Callable[[str], Run], site: Environment) -> None:
    """Two attempts write to two tables, and the end of one leaves the rows of the other."""
    database = site.databases[0]
    with synthetic_rows(gate("first"), database) as one:
        with synthetic_rows(gate("second"), database) as other:
            assert one != other
        with on_primary(site, database) as primary:
            writers.insert_row(primary, one, "first", "row")
            assert writers.stored_rows(primary, one, "first") == [("row/0", "")]


def test_c6_what_a_database_says_is_a_reason(
    gate: Callable[[str], Run], site: Environment, servers: dict[str, Postgres]
) -> None:
    """A server that ends the session, a right that is missing, a table that is not there."""
    database = site.databases[0]
    end = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE usename = 'toucher'"
    with on_primary(site, database) as primary:
        servers["db1"].execute(end)
        with pytest.raises(Unreachable, match="AdminShutdown"), writers.database_errors("db1"):
            primary.execute("SELECT 1")
    forbidden, missing = writers.Table("pg_catalog", "a"), writers.Table("readiness", "none")
    with pytest.raises(AccessDenied), on_primary(site, database) as primary:
        writers.create_table(primary, forbidden)
    with pytest.raises(NotUnderstood, match="Undefined"), on_primary(site, database) as primary:
        writers.stored_rows(primary, missing, "run")


def test_c6_a_table_that_can_not_be_made_is_a_reason(
    gate: Callable[[str], Run], site: Environment, servers: dict[str, Postgres]
) -> None:
    """Whoever revoked the right hears of it, and nothing else of the drill is begun."""
    servers["db1"].execute("REVOKE ALL ON SCHEMA readiness FROM toucher")
    begun = []
    try:
        with (
            pytest.raises(AccessDenied, match="InsufficientPrivilege"),
            synthetic_rows(gate("first"), site.databases[0]),
        ):
            begun.append("drill")
    finally:
        servers["db1"].execute("GRANT ALL ON SCHEMA readiness TO toucher")
    assert begun == []


def test_b1_a_ledger_is_made_by_one_attempt(
    gate: Callable[[str], Run],
    site: Environment,
    servers: dict[str, Postgres],
    tmp_path: Path,
) -> None:
    """The writers write to the table and keep what was acknowledged; a second won't add to it."""
    with synthetic_rows(gate("first"), site.databases[0]) as table:
        told = {
            "host": "127.0.0.1",
            "port": servers["db1"].port,
            "user": "toucher",
            "password": PASSWORD,
            "dbname": "postgres",
        }
        ledger = tmp_path / "ledger.jsonl"
        client = writers.Client("direct", told, 0.1, 2.0)
        with writers.writing(ledger, run="r", table=table, clients=[client], seconds=60):
            wait_until(lambda: len(kept(ledger)) >= 3, "three writes are acknowledged")
        acknowledged = kept(ledger)
        with on_primary(site, site.databases[0]) as primary:
            assert set(acknowledged) <= {
                name for name, _ in writers.stored_rows(primary, table, "r")
            }
        before = ledger.read_bytes()
        with writers.writing(ledger, run="r", table=table, clients=[client], seconds=60) as second:
            assert second.wait(30) != 0
        assert ledger.read_bytes() == before


def kept(ledger: Path) -> list[str]:
    """The acknowledged writes in a ledger."""
    if not ledger.exists():
        return []
    return [op.id for op in read_ledger(ledger).ops if op.outcome is Outcome.OK]
