"""What the type checker refuses of a check: `scripts/lint` fails where one of these is accepted."""

from collections.abc import Callable

import pytest

from readiness import Ask, Fact, Severity, check
from readiness.catalogue.checks import Checks
from readiness.site.declared.machine import Machine
from readiness.site.subjects import MACHINE
from readiness.systems.asker import Asker, Connections
from readiness.systems.redis.declared import NODE, CacheNode, SentinelNode
from readiness.systems.redis.reading import STATE, Door, RedisState
from readiness.systems.token import K, Kind


def misspelt(node: CacheNode, ask: Ask) -> Fact[int]:
    """A field that the reading does not have."""
    found = ask(STATE, node)
    return found.fact("its memory limit", found.reading.most_memry)  # type: ignore[attr-defined]


def of_another_type(node: CacheNode, ask: Ask) -> Fact[str]:
    """A number where a text is promised."""
    found = ask(STATE, node)
    return found.fact("its memory limit", found.reading.most_memory)  # type: ignore[arg-type]


def of_somebody_else(node: SentinelNode, ask: Ask) -> None:
    """A Sentinel is asked what only a Redis can say."""
    ask(STATE, node)  # type: ignore[misc]


def asked_for_something_else(_: Connections, __: CacheNode) -> Door:
    """An asker whose answer is not what the token promises."""
    raise NotImplementedError


def wrong_asker() -> Asker[CacheNode, RedisState]:
    """It is bound to the token all the same."""
    return Asker(STATE, asked_for_something_else)  # type: ignore[arg-type]


def declared(kind: Kind[K]) -> Callable[[Checks[K, []]], Checks[K, []]]:
    """A check of that kind."""
    return check(
        "CACHE-099",
        "Nothing is wrong",
        clauses=("infra.cache/persistence",),
        each=kind,
        severity=Severity.LOW,
        risk="none",
        reads=("nothing",),
        rights="none",
        remedy="none",
    )


def of_a_machine(machine: Machine) -> None:
    """What a check of machines looks like."""


def of_a_node(node: CacheNode) -> None:
    """A parameter that does not have the name of its kind."""


def test_a_check_begins_with_its_subject() -> None:
    """The first parameter is a subject of the kind that it is repeated for, and has its name."""
    assert declared(MACHINE)(of_a_machine) is of_a_machine
    with pytest.raises(ValueError, match="first parameter 'cache_node', found 'machine'"):
        declared(NODE)(of_a_machine)  # type: ignore[arg-type]
    with pytest.raises(ValueError, match="first parameter 'cache_node', found 'node'"):
        declared(NODE)(of_a_node)


def test_a_kind_is_no_text() -> None:
    """Text was accepted once, and misspelt."""
    with pytest.raises(ValueError, match="CACHE-099: expected each to be a kind of subject"):
        declared("cache_node")  # type: ignore[arg-type]
