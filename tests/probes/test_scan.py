"""The scanning program on real sockets of loopback, and the reading of what it prints."""

import json
import socket
import subprocess
import sys
from collections.abc import Iterator
from typing import Any

import pytest

from readiness.model.errors import AccessDenied, NotUnderstood
from readiness.systems.firewall.asking import program
from readiness.systems.firewall.reading.scan import Asked, Known, Scan, read

HERE = "127.0.0.1"


@pytest.fixture
def listening() -> Iterator[int]:
    """A port of loopback that accepts connections."""
    with socket.create_server((HERE, 0), backlog=64) as server:
        yield server.getsockname()[1]


@pytest.fixture
def silent() -> Iterator[int]:
    """A port of loopback where nothing listens, kept from others while the test runs."""
    with socket.socket() as bound:
        bound.bind((HERE, 0))
        yield bound.getsockname()[1]


def printed(asked: Asked) -> str:
    """What the program prints on this machine, started as a vantage point starts it."""
    words = [sys.executable, "-I", "-"]
    done = subprocess.run(words, input=program(asked), capture_output=True, check=True)
    return done.stdout.decode()


def harmless(text: str, **changes: Any) -> str:
    """The same answer as an ordinary user would have got it, with changes."""
    return json.dumps(json.loads(text) | {"uid": 1000, "capabilities": "0" * 16} | changes)


def scanned(asked: Asked) -> Scan:
    """The scan of this machine as an ordinary user would have made it."""
    return read(harmless(printed(asked)), asked, where="here")


def test_open_and_refused_are_told_apart(listening: int, silent: int) -> None:
    """Known ports come with all three rounds, others once, each with the source of ours."""
    asked = Asked({HERE: (listening, silent)}, {HERE: (silent,)}, rate=500)
    (towards,) = scanned(asked).towards
    assert towards.source == HERE
    assert towards.known == (
        Known(listening, ("open",) * 3),
        Known(silent, ("refused",) * 3),
    )
    assert towards.others == {"refused": (silent,)}


def test_what_nobody_answers_is_filtered(silent: int) -> None:
    """A listener whose queue is full answers nobody, like a firewall that drops."""
    with socket.create_server((HERE, 0), backlog=0) as full:
        port = full.getsockname()[1]
        waiting = [socket.create_connection((HERE, port), timeout=5)]
        asked = Asked({HERE: (silent,)}, {HERE: (port,)}, rate=500, patience=0.3)
        (towards,) = scanned(asked).towards
        for one in waiting:
            one.close()
    assert towards.others == {"filtered": (port,)}


def test_a_broadcast_address_is_not_sent_to() -> None:
    """What this kernel refuses to send says nothing about a firewall on the other side."""
    asked = Asked({}, {"255.255.255.255": (9,)}, rate=500)
    (towards,) = scanned(asked).towards
    assert towards.others == {"unsent": (9,)}


def test_connections_are_counted_before_any_is_opened() -> None:
    """Known ports are asked in three rounds, all others once."""
    asked = Asked({"a": (1, 2), "b": ()}, {"a": (3,), "b": (1, 2, 3)}, rate=1)
    assert asked.connections == 3 * 2 + 4
    assert asked.addresses == ["a", "b"]


def test_a_scan_that_takes_too_long_is_none(silent: int) -> None:
    """Past its limit the program ends without an answer, and not with half of one."""
    asked = Asked({}, {HERE: (silent,) * 50}, rate=1, limit=0.1)
    words = [sys.executable, "-I", "-"]
    done = subprocess.run(words, input=program(asked), capture_output=True, check=False)
    assert done.returncode
    assert b"longer than it may" in done.stderr
    assert not done.stdout


@pytest.mark.parametrize("privilege", [{"uid": 0}, {"capabilities": "0000000000003000"}])
def test_a_privileged_login_is_refused(listening: int, privilege: dict[str, Any]) -> None:
    """Whoever may change rules has no business scanning."""
    asked = Asked({HERE: (listening,)}, {}, rate=500)
    with pytest.raises(AccessDenied, match="privileged and is refused"):
        read(harmless(printed(asked), **privilege), asked, where="here")


@pytest.mark.parametrize(
    "change",
    [
        {"others": []},
        {"others": [[HERE, 7, "refused"], [HERE, 7, "refused"]]},
        {"others": [[HERE, 7, "perhaps"]]},
        {"known": [[HERE, 9, "open", "open"]]},
        {"sources": {}},
        {"known": None},
    ],
)
def test_half_an_answer_is_none(change: dict[str, Any]) -> None:
    """Every port that was asked is answered once, in every round, in words that we know."""
    asked = Asked({HERE: (9,)}, {HERE: (7,)}, rate=500)
    good = {
        "sources": {HERE: HERE},
        "known": [[HERE, 9, "refused", "refused", "refused"]],
        "others": [[HERE, 7, "refused"]],
        "began": 1.0,
        "seconds": 1.0,
    }
    assert read(harmless(json.dumps(good)), asked, where="here").connections == 4
    with pytest.raises(NotUnderstood):
        read(harmless(json.dumps(good), **change), asked, where="here")


def test_what_is_no_json_is_said_with_the_place() -> None:
    """A banner before the answer, or nothing at all."""
    with pytest.raises(NotUnderstood, match="db1"):
        read("Welcome!", Asked({}, {}, rate=1), where="db1")
