"""The PostgreSQL probe against a real primary and its streaming standby."""

import json
import os
import signal
import socket
from collections.abc import Iterable, Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from local_postgres import NAME, PASSWORDS, Postgres, postgres_pair
from local_servers import free_port, wait_until
from pki import Hierarchy, hierarchy

from readiness.model.errors import AccessDenied, NotUnderstood, ProbeError, TimedOut, Unreachable
from readiness.systems.postgres.asking import session as postgres
from readiness.systems.postgres.asking.session import Session
from readiness.systems.postgres.reading.rights import Rights
from readiness.systems.postgres.reading.state import (
    READ_ONLY,
    RECOVERY_TARGETS,
    SETTINGS,
    Lsn,
    Silence,
    read_state,
    silence,
)

RECORDED = Path(__file__).parents[1] / "recorded" / "postgres"
DURABILITY = ("fsync", "full_page_writes", "synchronous_commit", "synchronous_standby_names")


@pytest.fixture(scope="module")
def pair(pki: Hierarchy) -> Iterator[tuple[Postgres, Postgres]]:
    """One primary and one standby for the whole module."""
    with postgres_pair(pki) as servers:
        yield servers


@pytest.fixture
def primary(pair: tuple[Postgres, Postgres]) -> Postgres:
    """The primary."""
    return pair[0]


@pytest.fixture
def standby(pair: tuple[Postgres, Postgres]) -> Postgres:
    """The standby."""
    return pair[1]


def look(server: Postgres, user: str = "looker") -> Session:
    """Log in for looking."""
    return postgres.connect(server.target(user), PASSWORDS[user])


def test_the_primary_tells_its_state(primary: Postgres, standby: Postgres) -> None:
    """A primary writes, knows its standby and shows the settings asked for."""
    with look(primary) as session:
        found = postgres.state(session, DURABILITY)
    assert not found.in_recovery
    assert found.version_number // 10000 == 15
    assert found.timeline == found.checkpoint_timeline == 1
    assert found.system_identifier.isdigit()
    assert found.current is not None
    assert found.current > 0
    assert found.replayed is None
    assert (found.receiver, found.replay_pause) == (None, "")
    [replica] = found.replicas
    assert (replica.application_name, replica.state, replica.sync_state) == (
        "db2",
        "streaming",
        "async",
    )
    assert replica.sent is not None
    assert replica.sent <= found.current
    assert [(slot.name, slot.kind, slot.active) for slot in found.slots] == [
        ("db2", "physical", True)
    ]
    assert set(found.settings) == set(DURABILITY)
    assert (found.settings["fsync"].value, found.settings["fsync"].source) == (
        "off",
        "configuration file",
    )
    assert found.started < found.server_clock


def test_every_setting_that_checks_go_by_is_shown(primary: Postgres, standby: Postgres) -> None:
    """Those for superusers, too; what nobody configured is as the checks want it."""
    for server in (primary, standby):
        with look(server) as session:
            found = postgres.state(session, SETTINGS).settings
        assert set(found) == set(SETTINGS)
        assert found["recovery_target_timeline"].value == "latest"
        assert {found[name].value for name in RECOVERY_TARGETS} == {""}
        assert found["wal_sync_method"].value == "fdatasync"
        off = (READ_ONLY, "data_sync_retry", "ignore_checksum_failure", "zero_damaged_pages")
        assert {found[name].value for name in off} == {"off"}


def test_the_standby_tells_its_state(primary: Postgres, standby: Postgres) -> None:
    """A standby is in recovery, follows the same system and timeline, and isn't paused."""
    with look(primary) as one, look(standby) as other:
        leader, follower = postgres.state(one), postgres.state(other)
    assert follower.in_recovery
    assert follower.system_identifier == leader.system_identifier
    assert follower.timeline == leader.timeline
    assert follower.current is None
    assert follower.replay_pause == "not paused"
    assert follower.receiver is not None
    assert (follower.receiver.status, follower.receiver.slot) == ("streaming", "db2")
    assert follower.receiver.sender_port == primary.port
    assert follower.replayed is not None
    assert follower.replayed <= (follower.received or 0)


def test_a_standby_that_streams_but_does_not_replay_shows(
    primary: Postgres, standby: Postgres
) -> None:
    """Paused replay: streaming all the while, position received and not replayed, wait not met."""
    standby.execute("SELECT pg_wal_replay_pause()")
    try:
        primary.execute("CREATE TABLE if not exists fill AS SELECT generate_series(1, 1000)")
        with look(primary) as one, look(standby) as other:
            wanted = postgres.written(one)
            waited = postgres.replays_up_to(other, wanted, within=0.5)
            state = postgres.state(other)
        assert not waited.reached
        assert waited.replayed is not None
        assert waited.replayed < wanted
        assert waited.behind == wanted - waited.replayed
        assert waited.looks > 1
        assert state.replay_pause == "paused"
        assert state.receiver is not None
        assert state.receiver.status == "streaming"
    finally:
        standby.execute("SELECT pg_wal_replay_resume()")
    with look(standby) as other:
        assert postgres.replays_up_to(other, wanted, within=20).reached
        with pytest.raises(ProbeError, match="recovery is in progress"):
            postgres.written(other)


def test_a_primary_never_replays(primary: Postgres) -> None:
    """Asked of a server that is no standby, the wait ends unreached with no position."""
    with look(primary) as session:
        waited = postgres.replays_up_to(session, Lsn(1), within=0.1)
    assert (waited.reached, waited.replayed) == (False, None)


def test_role_and_database_overrides_are_seen(primary: Postgres) -> None:
    """A role that turned synchronous_commit off for itself is found, with whom it concerns."""
    primary.execute(
        "ALTER ROLE app SET synchronous_commit = off",
        "ALTER DATABASE postgres SET synchronous_commit = local",
        "ALTER ROLE app SET work_mem = '8MB'",
    )
    try:
        with look(primary) as session:
            found = postgres.state(session, DURABILITY)
    finally:
        primary.execute("ALTER ROLE app RESET ALL", "ALTER DATABASE postgres RESET ALL")
    seen = {(o.role, o.database, o.name, o.value) for o in found.overrides}
    assert seen == {
        ("app", "", "synchronous_commit", "off"),
        ("", "postgres", "synchronous_commit", "local"),
    }


def test_what_makes_sessions_read_only_is_seen(primary: Postgres) -> None:
    """The server's setting, and that of roles and databases, with whether it hits who may write."""
    primary.execute(
        "CREATE TABLE rows (id int)",
        "CREATE ROLE owner NOLOGIN",
        "ALTER TABLE rows OWNER TO owner",
        "CREATE ROLE migrate NOINHERIT LOGIN IN ROLE owner",
        "CREATE ROLE report LOGIN IN ROLE pg_read_all_data",
        *(f"ALTER ROLE {role} SET {READ_ONLY} = on" for role in ("migrate", "report")),
        "ALTER DATABASE template1 SET default_transaction_read_only = on",
    )
    try:
        with look(primary) as session:
            found = postgres.state(session, SETTINGS)
            primary.execute(
                "ALTER SYSTEM SET default_transaction_read_only = on", "SELECT pg_reload_conf()"
            )
            wait_until(
                lambda: postgres.state(session, SETTINGS).settings[READ_ONLY].value == "on",
                "the server has it",
            )
    finally:
        with primary.superuser() as connection:
            connection.execute("SET default_transaction_read_only = off")
            for statement in (
                "ALTER SYSTEM RESET default_transaction_read_only",
                "SELECT pg_reload_conf()",
                "ALTER DATABASE template1 RESET ALL",
                "DROP TABLE rows",
                "DROP ROLE migrate, report, owner",
            ):
                connection.execute(statement.encode())
    assert found.settings[READ_ONLY].value == "off"
    assert {(o.role, o.database, o.off, o.writes) for o in found.overrides} == {
        ("migrate", "", False, True),
        ("report", "", False, False),
        ("", "template1", False, True),
    }


def test_a_role_that_only_looks_has_nothing_dangerous(primary: Postgres) -> None:
    """pg_monitor and nothing else: no dangerous right, on primary and standby."""
    with look(primary) as session:
        assert postgres.rights(session) == Rights("looker", "postgres", ())
        assert postgres.rights(session).only_looks


GRANTS = [
    ("ALTER ROLE looker CREATEDB", "ALTER ROLE looker NOCREATEDB", "CREATEDB"),
    ("ALTER ROLE looker CREATEROLE", "ALTER ROLE looker NOCREATEROLE", "CREATEROLE"),
    ("ALTER ROLE looker REPLICATION", "ALTER ROLE looker NOREPLICATION", "REPLICATION"),
    ("ALTER ROLE looker BYPASSRLS", "ALTER ROLE looker NOBYPASSRLS", "BYPASSRLS"),
    (
        "GRANT pg_signal_backend TO looker",
        "REVOKE pg_signal_backend FROM looker",
        "member of pg_signal_backend",
    ),
    (
        "ALTER ROLE looker NOINHERIT; CREATE ROLE between IN ROLE pg_checkpoint ROLE looker",
        "DROP ROLE between; ALTER ROLE looker INHERIT",
        "member of pg_checkpoint",
    ),
    (
        "CREATE ROLE boss SUPERUSER; GRANT boss TO looker",
        "DROP ROLE boss",
        "superuser through role boss",
    ),
    (
        "CREATE TABLE marks (id int); GRANT UPDATE (id) ON marks TO looker",
        "DROP TABLE marks",
        "may write table marks",
    ),
    (
        "CREATE TABLE open (id int); GRANT INSERT ON open TO PUBLIC",
        "DROP TABLE open",
        "may write table open",
    ),
    (
        "CREATE SEQUENCE numbers; GRANT USAGE ON SEQUENCE numbers TO looker",
        "DROP SEQUENCE numbers",
        "may advance sequence numbers",
    ),
    (
        "CREATE SCHEMA yard; GRANT CREATE ON SCHEMA yard TO looker",
        "DROP SCHEMA yard",
        "may create in schema yard",
    ),
    (
        "GRANT CREATE ON DATABASE postgres TO looker",
        "REVOKE CREATE ON DATABASE postgres FROM looker",
        "may create schemas in database postgres",
    ),
    (
        "CREATE TABLE mine (id int); ALTER TABLE mine OWNER TO looker",
        "DROP TABLE mine",
        "owns table mine",
    ),
    (
        "GRANT EXECUTE ON FUNCTION pg_switch_wal() TO looker",
        "REVOKE EXECUTE ON FUNCTION pg_switch_wal() FROM looker",
        "may run pg_switch_wal()",
    ),
    (
        "GRANT ALTER SYSTEM ON PARAMETER work_mem TO looker",
        "REVOKE ALTER SYSTEM ON PARAMETER work_mem FROM looker",
        "may set parameter work_mem",
    ),
]


@pytest.mark.parametrize(("grant", "revoke", "phrase"), GRANTS, ids=[g[2] for g in GRANTS])
def test_each_dangerous_right_is_found(
    primary: Postgres, grant: str, revoke: str, phrase: str
) -> None:
    """A right given to the looking role is named, and gone again after it was taken away."""
    primary.execute(*grant.split(";"))
    try:
        with look(primary) as session:
            assert phrase in postgres.rights(session).dangerous
    finally:
        primary.execute(*revoke.split(";"))
    with look(primary) as session:
        assert postgres.rights(session).dangerous == ()


def test_a_superuser_is_named_as_such(primary: Postgres) -> None:
    """A superuser given for looking: one phrase says it all."""
    primary.execute("ALTER ROLE app SUPERUSER")
    try:
        with look(primary, "app") as session:
            assert postgres.rights(session).dangerous == ("superuser",)
    finally:
        primary.execute("ALTER ROLE app NOSUPERUSER")


def test_ownership_in_another_database_counts(primary: Postgres) -> None:
    """A table owned in a database we aren't connected to is still found."""
    primary.execute("CREATE DATABASE other")
    try:
        primary.execute(
            "CREATE TABLE theirs (id int)", "ALTER TABLE theirs OWNER TO looker", dbname="other"
        )
        with look(primary) as session:
            assert postgres.rights(session).dangerous == ("owns something in database other",)
    finally:
        primary.execute("DROP DATABASE other")


def test_the_session_cannot_write(primary: Postgres) -> None:
    """Even a role with rights is stopped: the session's transactions are read-only."""
    primary.execute("CREATE TABLE scratch (id int)", "GRANT INSERT ON scratch TO app")
    try:
        with (
            look(primary, "app") as session,
            pytest.raises(NotUnderstood, match="read-only transaction"),
        ):
            session.row("INSERT INTO scratch VALUES (1) RETURNING id")
    finally:
        primary.execute("DROP TABLE scratch")


def test_a_slow_question_times_out(primary: Postgres) -> None:
    """The statement timeout of the session ends a question, and says so."""
    target = primary.target()
    with (
        postgres.connect(target, PASSWORDS["looker"], statement_timeout=0.2) as session,
        pytest.raises(TimedOut, match="statement timeout"),
    ):
        session.row("SELECT pg_sleep(20)")


def test_a_locked_object_times_out(primary: Postgres) -> None:
    """The lock timeout keeps a question from queueing behind others' locks."""
    primary.execute("CREATE TABLE locked (id int)", "GRANT SELECT ON locked TO looker")
    try:
        with primary.superuser() as holder, holder.transaction():
            holder.execute("LOCK TABLE locked IN ACCESS EXCLUSIVE MODE")
            with (
                postgres.connect(
                    primary.target(), PASSWORDS["looker"], lock_timeout=0.2
                ) as session,
                pytest.raises(TimedOut, match="lock timeout"),
            ):
                session.row("SELECT count(*) FROM locked")
    finally:
        primary.execute("DROP TABLE locked")


def test_a_role_without_reading_rights_is_denied(primary: Postgres) -> None:
    """Without pg_monitor the answer would be empty where there is something: AccessDenied."""
    with look(primary, "app") as session, pytest.raises(AccessDenied, match="pg_monitor"):
        postgres.state(session)


@pytest.mark.parametrize(
    ("user", "password", "words"),
    [
        ("looker", "wrong", "password authentication failed"),
        ("looker", None, "no password supplied"),
        ("stranger", "x", "password authentication failed"),
        ("nobody", "x", "pg_hba.conf rejects connection"),
    ],
)
def test_a_refused_login_is_one_line(
    primary: Postgres, user: str, password: str | None, words: str
) -> None:
    """Whoever the server refuses is AccessDenied: machine, address, user, reason, no password."""
    target = primary.target(user)
    with pytest.raises(AccessDenied, match=words) as refused:
        postgres.connect(target, password)
    text = str(refused.value)
    assert text.startswith(f"db1 (127.0.0.1:{primary.port}/postgres) as {user}: ")
    assert "\n" not in text
    assert "wrong" not in text


def test_a_missing_database_is_denied(primary: Postgres) -> None:
    """A database that doesn't exist is named."""
    with pytest.raises(AccessDenied, match='database "nowhere" does not exist'):
        postgres.connect(primary.target(dbname="nowhere"), PASSWORDS["looker"])


def test_nobody_listening_is_unreachable(primary: Postgres) -> None:
    """A closed port is Unreachable."""
    with pytest.raises(Unreachable, match=r"[Cc]onnection refused"):
        postgres.connect(replace(primary.target(), port=free_port()), "x")


def test_a_silent_server_times_out(primary: Postgres) -> None:
    """A port that accepts and says nothing ends at the connect timeout."""
    with socket.create_server(("127.0.0.1", 0)) as silent:
        target = replace(primary.target(), port=silent.getsockname()[1])
        with pytest.raises(TimedOut):
            postgres.connect(target, "x", connect_timeout=2)


def test_another_name_in_the_certificate_is_not_accepted(primary: Postgres) -> None:
    """The certificate must bear the declared name, wherever we connect."""
    with pytest.raises(NotUnderstood, match=f'certificate for "{NAME}"'):
        postgres.connect(replace(primary.target(), host="other.example.org"), "x")


def test_another_authority_is_not_accepted(primary: Postgres, tmp_path: Path) -> None:
    """A chain that doesn't lead to the declared authority ends the connection."""
    foreign = tmp_path / "foreign.pem"
    foreign.write_bytes(hierarchy("Foreign").root.pem)
    with pytest.raises(NotUnderstood, match="certificate verify failed"):
        postgres.connect(replace(primary.target(), ca_file=foreign), "x")


def test_a_promoted_standby_has_the_next_timeline(pki: Hierarchy) -> None:
    """After a promotion the timeline is the new one at once, before any checkpoint says so."""
    with postgres_pair(pki) as (_, standby):
        standby.control("promote")
        with look(standby) as session:
            found = postgres.state(session)
    assert not found.in_recovery
    assert found.timeline == 2
    assert found.current is not None


def quiet(primary: Postgres, standby: Postgres) -> Silence:
    """How long the standby, which follows over the socket, was not heard."""
    with look(primary) as one, look(standby) as other:
        sender, follower = postgres.state(one, SETTINGS), postgres.state(other, SETTINGS)
    assert [one.state for one in sender.replicas] == ["streaming"]
    assert follower.receiver is not None
    assert follower.receiver.status == "streaming"
    found = silence(follower, ("",), {"db1": sender, "db2": follower})
    assert found is not None
    return found


def set_everywhere(servers: Iterable[Postgres], **settings: str) -> None:
    """Give settings to servers, at once."""
    for server in servers:
        for name, value in settings.items():
            server.execute(f"ALTER SYSTEM SET {name} = '{value}'")
        server.execute("SELECT pg_reload_conf()")


@pytest.mark.parametrize(
    ("interval", "timeout", "due"),
    [("1s", "1min", 1.0), ("0", "4s", 2.0), ("0", "0", None), ("10s", "0", 10.0)],
)
def test_d5_a_standby_owes_a_word_as_its_settings_say(
    pki: Hierarchy, interval: str, timeout: str, due: float | None
) -> None:
    """Each status interval, else whenever it is asked; where both are off it owes none."""
    settings = {"wal_receiver_status_interval": interval, "wal_sender_timeout": timeout}
    with postgres_pair(pki) as pair:
        set_everywhere(pair, **settings)
        wait_until(lambda: quiet(*pair).due == due, "settings are in force")


def test_d5_silence_tells_of_a_standby_that_is_cut_off_while_both_ends_say_streaming(
    pki: Hierarchy,
) -> None:
    """Its receiver stands still, as behind a link that drops everything; then it goes on."""
    with postgres_pair(pki) as (primary, standby):
        set_everywhere((primary, standby), wal_receiver_status_interval="1s")
        wait_until(lambda: quiet(primary, standby).due == 1.0, "settings are in force")
        with standby.superuser() as connection:
            (pid,) = connection.execute("SELECT pid FROM pg_stat_wal_receiver").fetchone() or (0,)
        assert isinstance(pid, int)
        os.kill(pid, signal.SIGSTOP)
        try:
            wait_until(lambda: (quiet(primary, standby).seconds or 0) > 3, "it is silent")
        finally:
            os.kill(pid, signal.SIGCONT)
        wait_until(lambda: (quiet(primary, standby).seconds or 9) < 3, "it is heard again")


def test_d5_of_two_lines_of_one_standby_the_latest_counts(
    primary: Postgres, standby: Postgres
) -> None:
    """After a cut the dead connection is listed until it times out, beside the new one."""
    with look(primary) as one, look(standby) as other:
        sender, follower = postgres.state(one, SETTINGS), postgres.state(other, SETTINGS)
    (line,) = sender.replicas
    for replicas in ((line, replace(line, reply_time=1.0)), (replace(line, reply_time=1.0), line)):
        found = silence(follower, ("",), {"db1": replace(sender, replicas=replicas)})
        assert found is not None
        assert line.reply_time is not None
        assert found.seconds == follower.server_clock - line.reply_time
    assert silence(follower, ("192.0.2.1",), {"db1": sender}) is None


@pytest.mark.parametrize(
    ("names", "waited_for"),
    [
        ("", 0),
        ("db2", 1),
        ("db2, db3", 1),
        ("*", 1),
        ("FIRST 2 (db2, db3, db4)", 2),
        ("2 (db2, db3)", 2),
        ("ANY 1 (db2, db3)", 1),
        ("any 2(db2,db3,db4)", 2),
        ('ANY 1 ("db-2", "any 3 (x)")', 1),
    ],
)
def test_d7_what_a_commit_waits_for_is_what_postgresql_reads(
    primary: Postgres, names: str, waited_for: int
) -> None:
    """PostgreSQL itself takes the setting, so that it is one; it is read by its grammar."""
    primary.execute(f"ALTER SYSTEM SET synchronous_standby_names = '{names}'")
    primary.execute("SELECT pg_reload_conf()")
    try:

        def read() -> bool:
            with look(primary) as session:
                found = postgres.state(session, SETTINGS)
            return (found.value("synchronous_standby_names"), found.commits_wait_for) == (
                names,
                waited_for,
            )

        wait_until(read, "the setting is read")
    finally:
        primary.execute("ALTER SYSTEM RESET synchronous_standby_names", "SELECT pg_reload_conf()")


@pytest.mark.parametrize("name", ["primary", "standby"])
def test_a_recorded_answer_reads_the_same(name: str) -> None:
    """What a real server answered once is still understood, without a server."""
    answer = json.loads((RECORDED / f"{name}.json").read_text())
    found = read_state(answer, where="db1")
    assert found.in_recovery is (name == "standby")
    assert (found.receiver is not None) is found.in_recovery
    assert found.system_identifier == answer["system_identifier"]


def test_a_synchronous_cluster_of_three_is_read_from_its_recording() -> None:
    """One primary with a synchronous and an asynchronous standby, as each of them told it."""
    leader, first, second = (
        read_state(json.loads((RECORDED / f"synchronous.{name}.json").read_text()), where=name)
        for name in ("db1", "db2", "db3")
    )
    assert {one.application_name: one.sync_state for one in leader.replicas} == {
        "db2": "async",
        "db3": "sync",
    }
    assert leader.settings["synchronous_standby_names"].value == "db3"
    assert (leader.in_recovery, first.in_recovery, second.in_recovery) == (False, True, True)
    assert leader.timeline == first.timeline == second.timeline
    # The standbys' control files lag behind the promotion; what they follow doesn't.
    assert first.checkpoint_timeline < first.timeline
    assert leader.current is not None
    assert [one.received is not None for one in (leader, first, second)] == [False, True, True]


@pytest.mark.parametrize("key", ["system_identifier", "current", "receiver", "settings"])
def test_an_answer_with_a_gap_is_refused(key: str) -> None:
    """A missing part is NotUnderstood and named, never a default."""
    answer = json.loads((RECORDED / "standby.json").read_text())
    del answer[key]
    with pytest.raises(NotUnderstood, match=key):
        read_state(answer, where="db1")


@given(st.integers(0, 2**64 - 1))
def test_a_wal_position_reads_back(value: int) -> None:
    """Text and number of a WAL position say the same, and text sorts as numbers do not."""
    lsn = Lsn(value)
    assert Lsn.parse(lsn.text) == lsn
    assert f"{lsn}" == lsn.text
    assert int(lsn) == value


@pytest.mark.parametrize("text", ["", "0", "/", "x/1", "1/", "1/123456789", "FFFFFFFFF/0"])
def test_what_is_no_wal_position_is_refused(text: str) -> None:
    """Anything but two hexadecimal halves is a ValueError."""
    with pytest.raises(ValueError, match=r".+"):
        Lsn.parse(text)
