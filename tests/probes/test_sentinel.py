"""Sentinel's answers as the lab's Sentinels gave them."""

import json
from pathlib import Path
from typing import Any

import pytest

from readiness.model.errors import NotUnderstood
from readiness.systems.redis.reading import Refusal
from readiness.systems.sentinel import reading as sentinel

RECORDED = Path(__file__).parents[1] / "recorded/sentinel/cache1.json"


def answers() -> dict[str, Any]:
    """What one Sentinel of the lab answered."""
    found: dict[str, Any] = json.loads(RECORDED.read_text())
    return found


def test_the_master_its_replicas_and_the_other_sentinels_are_read() -> None:
    """Each by address, with its flags and when it last answered."""
    found = sentinel.read("sessions", answers(), where="s")
    assert found.watched is not None
    assert (found.watched.seen.address, found.watched.quorum) == ("198.18.3.21", 2)
    assert {one.seen.address for one in found.replicas} == {"198.18.3.22", "198.18.3.23"}
    assert {one.link for one in found.replicas} == {"ok"}
    assert {one.port for one in found.others} == {26379}
    assert {one.flags for one in found.others} == {("sentinel",)}
    assert found.quorum.startswith("OK 3 usable Sentinels")


def test_every_name_is_read_with_its_master() -> None:
    """A second name for one master has voters of its own, so where it points to counts."""
    said = answers()
    (first,) = said["masters"]
    second = [first[0], "mymaster", *first[2:]]
    found = sentinel.read("sessions", said | {"masters": [first, second]}, where="s")
    assert found.masters == (
        sentinel.Named("sessions", "198.18.3.21", 6379),
        sentinel.Named("mymaster", "198.18.3.21", 6379),
    )


def test_a_quorum_that_is_not_reached_is_an_answer() -> None:
    """Sentinel says so by an error."""
    said = answers() | {"ckquorum": Refusal("NOQUORUM 1 usable Sentinels. Not enough")}
    assert sentinel.read("sessions", said, where="s").quorum.startswith("NOQUORUM")


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("info", "# Sentinel\r\n"),
        ("masters", "OK"),
        ("masters", [["name", "sessions", "ip"]]),
        ("replicas", Refusal("ERR something")),
        ("sentinels", [["ip", "198.18.3.22"]]),
    ],
)
def test_what_can_not_be_read_is_never_empty(key: str, value: object) -> None:
    """An answer that is cut, refused or of another kind is no list without entries."""
    with pytest.raises(NotUnderstood):
        sentinel.read("sessions", answers() | {key: value}, where="s")
