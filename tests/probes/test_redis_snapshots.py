"""What a real Redis says of its snapshots: at its start, idle, after a write, after a save."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

import pytest
import redis
from local_servers import free_port, listens, program, started, wait_until

from readiness.systems.redis.reading import RedisState, read

SAVE: Final = "3600 1 300 100 60 10000"  # Redis 7's own default


@contextmanager
def server(folder: Path, *more: str) -> Iterator[redis.Redis]:
    """A Redis in the clear that keeps snapshots in the folder; it ends without saving."""
    port = free_port()
    log = folder / "log"
    binary = program("redis-server", package="redis-server")
    argv = [binary, "--port", str(port), "--dir", str(folder), "--save", SAVE, *more]
    with started(argv, log=log) as process:
        wait_until(lambda: listens(port), "it answers", log=log)
        client = redis.Redis(port=port)
        yield client
        client.close()
        process.kill()


def state(client: redis.Redis) -> RedisState:
    """What INFO says, read."""
    client.set_response_callback("INFO", lambda answer, **_: answer.decode())
    return read(client.execute_command("INFO", "all"), where="it")  # type: ignore[no-untyped-call]


def test_d3_at_its_start_nothing_tells_of_a_snapshot(tmp_path: Path) -> None:
    """It counts from its start as if it had saved then; there is no file."""
    with server(tmp_path) as client:
        found = state(client)
    assert not (tmp_path / "dump.rdb").exists()
    assert found.rdb_saved_seconds_ago is not None
    assert (found.rdb_last_save, found.unsaved_changes) == ("ok", 0)
    assert (found.has_snapshot, found.seconds_unsaved) == (None, 0)


def test_d3_an_empty_server_that_nobody_wrote_to_has_nothing_to_save(tmp_path: Path) -> None:
    """Redis tells of no key, of no change, and that it is well."""
    with server(tmp_path) as client:
        found = state(client)
        client.set("a", 1)
        client.select(3)
        client.set("b", 1)
        filled = state(client)
        client.flushall()
        flushed = state(client)
    assert (found.keys, found.never_written) == (0, True)
    assert (filled.keys, filled.never_written) == (2, False)
    assert flushed.keys == 0


def test_d3_a_key_that_ran_out_was_written(tmp_path: Path) -> None:
    """The server is empty again; what it acknowledged meanwhile waits for a snapshot."""
    with server(tmp_path) as client:
        client.set("a", 1, px=1)
        wait_until(lambda: state(client).keys == 0, "it has run out")
        found = state(client)
    assert (found.keys, found.never_written) == (0, False)


def test_d3_a_server_that_does_not_tell_its_keys_is_not_empty() -> None:
    """Without the section nobody knows."""
    recorded = (Path(__file__).parents[1] / "recorded/redis/master.txt").read_text()
    assert read(recorded, where="m").keys is not None
    found = read(recorded.partition("# Keyspace")[0], where="m")
    assert (found.keys, found.never_written) == (None, False)


def test_d3_changes_wait_until_they_are_saved(tmp_path: Path) -> None:
    """A change that no snapshot has waits since the last one at most; a save ends that."""
    with server(tmp_path) as client:
        client.set("a", 1)
        waiting = state(client)
        client.bgsave()
        wait_until(lambda: state(client).rdb_saves == 1, "it has saved")
        saved = state(client)
    assert (waiting.has_snapshot, waiting.seconds_unsaved) == (None, waiting.rdb_saved_seconds_ago)
    assert (saved.has_snapshot, saved.seconds_unsaved) == (True, 0)


def test_d3_a_file_that_was_read_at_the_start_is_a_snapshot(tmp_path: Path) -> None:
    """After a restart it has saved nothing yet, and what it read tells that there is a file."""
    with server(tmp_path) as client:
        client.set("a", 1)
        client.save()
    with server(tmp_path) as client:
        found = state(client)
    assert (found.rdb_saves, found.rdb_loaded_keys) == (0, 1)
    assert (found.has_snapshot, found.seconds_unsaved) == (True, 0)


def test_d3_a_restart_without_its_file_tells_of_none(tmp_path: Path) -> None:
    """Everything that was acknowledged is lost, and INFO says that all is well."""
    with server(tmp_path) as client:
        client.set("a", 1)
    with server(tmp_path) as client:
        found = state(client)
    assert (found.rdb_last_save, found.unsaved_changes) == ("ok", 0)
    assert found.has_snapshot is None


def test_d3_a_replica_has_the_snapshot_that_its_master_sent(tmp_path: Path) -> None:
    """It wrote none itself; the one that it was sent lies in its folder."""
    (tmp_path / "master").mkdir()
    (tmp_path / "replica").mkdir()
    with server(tmp_path / "master", "--repl-diskless-sync-delay", "0") as master:
        master.set("a", 1)
        port = str(master.connection_pool.connection_kwargs["port"])
        with server(tmp_path / "replica", "--replicaof", f"127.0.0.1 {port}") as replica:
            wait_until(lambda: state(replica).rdb_loaded_keys == 1, "it was sent the data")
            found = state(replica)
            assert (tmp_path / "replica/dump.rdb").exists()
    assert (found.rdb_saves, found.has_snapshot) == (0, True)


@pytest.mark.parametrize("seconds", [0, 7])
def test_d3_while_a_snapshot_is_written_its_own_time_counts(seconds: int) -> None:
    """What changed before it began is in it; what changed since waits no longer than it takes."""
    recorded = (Path(__file__).parents[1] / "recorded/redis/master.txt").read_text()
    text = recorded.replace(
        "rdb_current_bgsave_time_sec:-1", f"rdb_current_bgsave_time_sec:{seconds}"
    )
    assert read(text, where="m").seconds_unsaved == seconds
