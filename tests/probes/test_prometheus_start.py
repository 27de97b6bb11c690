"""What a Prometheus does not know yet is waited for or inconclusive; later it is a failure."""

import json
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from types import SimpleNamespace
from typing import Any
from urllib.parse import urlsplit

import pytest
from test_prometheus import saying, server

from readiness.model.errors import NotUnderstood
from readiness.systems.prometheus import asking
from readiness.systems.prometheus.declared import PrometheusServer
from readiness.systems.prometheus.reading import TARGETS, YOUTH, Targets, Youth
from readiness.systems.prometheus.starting import require_time

NEVER = "0001-01-01T00:00:00Z"


def written(age: float) -> str:
    """A moment so many seconds ago, as Go writes it."""
    return (datetime.now(UTC) - timedelta(seconds=age)).isoformat().replace("+00:00", "Z")


def target(health: str) -> dict[str, Any]:
    """A target that is scraped every second."""
    return {
        "labels": {"job": "node", "instance": "web1:9100"},
        "scrapeUrl": "http://web1:9100/metrics",
        "health": health,
        "lastScrape": NEVER if health == "unknown" else written(0.2),
        "scrapeInterval": "1s",
    }


@contextmanager
def started(ago: float, unknown: int) -> Iterator[tuple[Any, list[str]]]:
    """A Prometheus that started so long ago, whose target is unknown for so many answers."""
    asked: list[str] = []

    def answer(handler: Any) -> None:
        path = urlsplit(handler.path).path
        asked.append(path)
        health = "unknown" if asked.count("/api/v1/targets") <= unknown else "up"
        data: Any = {
            "/api/v1/targets": {"activeTargets": [target(health)]},
            "/api/v1/status/runtimeinfo": {
                "startTime": written(ago),
                "lastConfigTime": written(ago),
            },
            "/api/v1/query": {"resultType": "scalar", "result": [time.time(), str(time.time())]},
        }[path]
        saying(200, json.dumps({"status": "success", "data": data}).encode())(handler)

    with server(answer) as at:
        one = SimpleNamespace(
            id="prom1/prometheus",
            machine=SimpleNamespace(name="prom1", host="prom1", addresses=("127.0.0.1",)),
            server=PrometheusServer(machine="prom1", port=at.port),
        )
        yield one, asked


def targets(one: Any) -> Targets:
    """What the asker of the targets gives."""
    asker: Any = next(each for each in asking.ASKERS if each.source is TARGETS)
    found: Targets = asker.ask(SimpleNamespace(site=None), one)
    return found


def test_what_it_will_know_soon_is_waited_for() -> None:
    """It started a moment ago, and its target is up with the third answer."""
    with started(1.0, unknown=2) as (one, asked):
        found = targets(one)
    assert found.targets[0].health == "up"
    assert asked.count("/api/v1/targets") == 3


@pytest.mark.parametrize("ago", [3600.0, -3600.0], ids=["an hour ago", "in the future"])
def test_an_old_one_is_not_waited_for(ago: float) -> None:
    """Its target is unknown, and that is the answer; a start in the future is no excuse."""
    with started(ago, unknown=1000) as (one, asked):
        found = targets(one)
    assert found.targets[0].health == "unknown"
    assert asked.count("/api/v1/targets") == 1


def told(age: float | None, interval: float = 15.0) -> Any:
    """What is asked of a server of that age, whose targets are scraped so often."""
    answers: dict[str, Any] = {
        TARGETS.name: SimpleNamespace(targets=[SimpleNamespace(interval=interval)]),
        YOUTH.name: Youth(age, None),
    }
    return lambda source, _: SimpleNamespace(reading=answers[source.name])


def test_nobody_can_tell_right_after_the_start() -> None:
    """It is inconclusive for two intervals and what discovery takes, and no longer."""
    one: Any = SimpleNamespace(id="prom1/prometheus")
    with pytest.raises(NotUnderstood, match=r"started or reloaded 12 s ago .* know yet of web1"):
        require_time(told(12.0), one, ["web1"])
    for age in (41.0, None, -5.0):
        require_time(told(age), one, ["web1"])
    require_time(told(1.0), one, [])
