"""The program that attacks and knocks, against servers on loopback, and what is read of it."""

import json
import socket
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from readiness.model.errors import NotUnderstood
from readiness.systems.intrusion.asking import source_program
from readiness.systems.intrusion.asking.source_program import attack, knock
from readiness.systems.intrusion.reading import (
    addresses_in,
    naming,
    new_lines,
    read_attempts,
    read_entries,
    read_states,
)

HERE = "127.0.0.1"
Talk = Callable[[socket.socket], None]


@contextmanager
def server(talk: Talk) -> Iterator[int]:
    """A server on loopback that talks so to whoever connects; its port."""
    with socket.create_server((HERE, 0)) as listening:

        def serve() -> None:
            while True:
                try:
                    one, _ = listening.accept()
                except OSError:
                    return
                with one:
                    try:
                        talk(one)
                    except OSError:
                        continue

        threading.Thread(target=serve, daemon=True).start()
        yield listening.getsockname()[1]
        listening.shutdown(socket.SHUT_RDWR)


def answering(text: bytes) -> Talk:
    """Says this to every request."""

    def talk(one: socket.socket) -> None:
        one.recv(1000)
        one.sendall(text)

    return talk


@pytest.mark.parametrize(
    ("speaks", "talk", "state"),
    [
        ("ssh", lambda one: one.sendall(b"SSH-2.0-OpenSSH_9.2\r\n"), "served"),
        ("ssh", lambda one: one.sendall(b"220 mail\r\n"), "closed"),
        ("ssh", lambda _: None, "closed"),
        ("http", answering(b"HTTP/1.1 200 OK\r\n\r\n"), "served"),
        ("http", answering(b"HTTP/1.1 404 Not Found\r\n\r\n"), "served"),
        ("http", answering(b"HTTP/1.1 403 Forbidden\r\n\r\n"), "forbidden"),
        ("http", answering(b"HTTP/1.1 429 Too Many\r\n\r\n"), "forbidden"),
        ("http", answering(b"<html>\r\n"), "closed"),
        ("http", lambda _: None, "closed"),
        ("https", answering(b"HTTP/1.1 200 OK\r\n\r\n"), "closed"),
    ],
)
def test_a_door_serves_or_does_not(speaks: str, talk: Talk, state: str) -> None:
    """A connection that opens is not enough: somebody has to answer in the door's protocol."""
    with server(talk) as port:
        assert knock(HERE, HERE, port, speaks) == state


def test_a_port_where_nobody_listens_refuses() -> None:
    """As a firewall does that rejects."""
    with socket.create_server((HERE, 0)) as one:
        port = one.getsockname()[1]
    assert knock("", HERE, port, "ssh") == "refused"


def test_a_server_that_says_nothing_is_silent(monkeypatch: pytest.MonkeyPatch) -> None:
    """And whoever knocks gives up."""
    monkeypatch.setattr(source_program, "PATIENCE", 0.1)
    ended = threading.Event()

    def talk(_: socket.socket) -> None:
        ended.wait(5)

    with server(talk) as port:
        assert knock(HERE, HERE, port, "ssh") == "silent"
        ended.set()


def test_an_address_that_is_not_ours_sends_nothing() -> None:
    """It says nothing about who would have answered."""
    assert knock("198.18.0.77", HERE, 22, "ssh") == "unsent"


def test_an_attack_ends_where_it_is_blocked(monkeypatch: pytest.MonkeyPatch) -> None:
    """Two requests are answered, the third is forbidden, and there is no fourth."""
    monkeypatch.setattr(source_program, "PAUSE", 0.0)
    answers = iter([b"200 OK", b"404 Not Found", b"403 Forbidden", b"200 OK"])
    paths: list[bytes] = []

    def talk(one: socket.socket) -> None:
        paths.append(one.recv(1000).split()[1])
        one.sendall(b"HTTP/1.1 " + next(answers) + b"\r\n\r\n")

    with server(talk) as port:
        given = {
            "kind": "requests",
            "most": 10,
            "port": port,
            "speaks": "http",
            "paths": ["/.env", "/wp-login.php"],
        }
        found = attack(given, HERE, HERE)
    assert (found["served"], found["last"]) == (2, "forbidden")
    assert paths == [b"/.env", b"/wp-login.php", b"/.env"]


def test_the_program_runs_by_itself() -> None:
    """A bare Python reads it from standard input, as on the source."""
    text = Path(source_program.__file__).read_text(encoding="utf-8")
    program = f"{text}\n\nmain({json.dumps({'doors': []})!r})\n"
    done = subprocess.run(
        [sys.executable, "-I", "-"], input=program.encode(), capture_output=True, check=True
    )
    assert json.loads(done.stdout)["doors"] == []


@pytest.mark.parametrize("found", [None, [], {}, {"doors": ["served"]}, {"doors": ["a", "b"]}])
def test_states_that_are_none_are_refused(found: object) -> None:
    """Two are asked for."""
    with pytest.raises(NotUnderstood, match="what became of 2 connections was not said"):
        read_states(found, 2, "stranger")


@pytest.mark.parametrize(
    "found",
    [
        None,
        {"attacks": []},
        {"attacks": [{"source": "a", "address": "b", "served": "x", "last": "served"}]},
        {"attacks": [{"source": "a", "address": "c", "served": 1, "last": "served"}]},
    ],
)
def test_attacks_that_are_not_told_are_refused(found: object) -> None:
    """Each address is told of, in its order."""
    with pytest.raises(NotUnderstood, match="what became of the attack was not said"):
        read_attempts(found, [("a", "b")], "stranger")


def test_a_list_is_a_list() -> None:
    """An error in its place is none."""
    with pytest.raises(NotUnderstood, match="is no list"):
        read_entries({"error": "no"}, "desk1: /received")
    assert read_entries([{"b": 1, "a": 2}], "desk1") == ('{"a": 2, "b": 1}',)


@pytest.mark.parametrize(
    ("line", "named"),
    [
        ("[sshd] Found 198.18.55.66 - 2026-12-01 16:03:12", {"198.18.55.66"}),
        ("banned 198.18.55.66.", {"198.18.55.66"}),
        ("from ::ffff:198.18.55.66 port 4", {"198.18.55.66", "::ffff:c612:3742"}),
        ("[2001:0002:0000:0055:0000:0000:0000:0066]:22", {"2001:2:0:55::66"}),
        ('{"ip": "2001:2:0:55::66"}', {"2001:2:0:55::66"}),
        ("198.18.55.661 and 1.198.18.55.66", set()),
    ],
)
def test_addresses_are_found_in_lines(line: str, named: set[str]) -> None:
    """However they are written, and not as a part of another one."""
    assert set(addresses_in(line)) == named


def test_only_new_lines_count() -> None:
    """The same line once more is new, and an older one is not."""
    before = ["Ban 198.18.55.66", "Found 198.18.55.66"]
    now = [*before, "Found 198.18.55.66", "Found 198.18.55.67"]
    found = new_lines(before, now)
    assert sorted(found) == ["Found 198.18.55.66", "Found 198.18.55.67"]
    assert naming(found, "198.18.55.66") == ("Found 198.18.55.66",)
