"""Asks a Prometheus what it scrapes, keeps and computes: GET requests only.

What a rule or a target says is data: of a target's address only the declared prober is asked.
"""

import hashlib
import json
import re
import time
from collections.abc import Callable, Iterable
from typing import Final, TypeVar
from urllib.parse import urlencode

from readiness.model.errors import NotRun, NotUnderstood
from readiness.probes.rest import fetch
from readiness.systems.answer import RestAnswer
from readiness.systems.asker import Asker, AskerOf, Askers, Connections, by_itself
from readiness.systems.interface import get, target
from readiness.systems.prometheus.declared import Prometheus
from readiness.systems.prometheus.reading import (
    AVAILABILITY,
    HISTORY,
    KNOWN,
    PROBED,
    QUERY,
    RULES,
    RUNNING,
    TARGETS,
    YOUTH,
    Kept,
    Probed,
    Range,
    Rule,
    Running,
    Series,
    Targets,
    Youth,
    data,
    kept,
    read_points,
    read_rules,
    read_running,
    read_series,
    read_targets,
    read_youth,
)
from readiness.systems.prometheus.starting import is_waited_for, patience

# Points that a retention is looked at by; the answer stays below 100 kB.
POINTS: Final = 400
_MODULE: Final = re.compile(r"[A-Za-z0-9_.-]{1,100}")
# What a histogram, a summary or a counter is called by besides.
_PARTS: Final = ("_bucket", "_sum", "_count", "_total")
_SUCCESS: Final = re.compile(rb"^probe_success(?:\{[^}]*\})? ([01])\b", re.MULTILINE)


def _get(
    connections: Connections, one: Prometheus, path: str, **given: str
) -> tuple[RestAnswer, str]:
    at = target(connections.site, one.machine, one.server)
    return get(at, one.server, path, given), f"{at}: {path}"


def _clock(connections: Connections, one: Prometheus) -> float:
    """Its own clock, as `time()` says it."""
    answer, where = _get(connections, one, "/api/v1/query", query="time()")
    return read_series(answer, where)[0].value


# Seconds that a server that has just started is waited for; a check may take 30.
MOST_WAITED: Final = 20.0
PAUSE: Final = 0.5
Answer = TypeVar("Answer")


def _known(
    connections: Connections,
    one: Prometheus,
    asked: Callable[[], Answer],
    unknown: Callable[[Answer], Iterable[float | None] | None],
) -> Answer:
    """An answer, once the server has had the time to know it, or no longer has it soon.

    `unknown` gives how often what is not known yet is scraped, and None where all is known.
    """
    found = asked()
    while (intervals := unknown(found)) is not None:
        age = _youth(connections, one).least
        left = patience(intervals) - age if age is not None else 0.0
        if not 0 < left <= MOST_WAITED:
            return found
        time.sleep(PAUSE)
        found = asked()
    return found


def _targets(connections: Connections, one: Prometheus) -> Targets:
    def asked() -> Targets:
        answer, where = _get(connections, one, "/api/v1/targets", state="active")
        before = time.time()
        now = _clock(connections, one)
        return read_targets(answer, before, time.time(), now, where)

    return _known(connections, one, asked, _unknown_targets)


def _unknown_targets(found: Targets) -> list[float | None] | None:
    known = found.targets and not any(map(is_waited_for, found.targets))
    return None if known else [each.interval for each in found.targets]


def _rules(connections: Connections, one: Prometheus) -> tuple[Rule, ...]:
    def asked() -> tuple[Rule, ...]:
        answer, where = _get(connections, one, "/api/v1/rules", type="alert")
        return read_rules(answer, _clock(connections, one), where)

    def unknown(found: tuple[Rule, ...]) -> list[float | None] | None:
        return [each.interval for each in found] if any(map(is_waited_for, found)) else None

    return _known(connections, one, asked, unknown)


def _running(connections: Connections, one: Prometheus) -> Running:
    def asked() -> Running:
        runtime, where = _get(connections, one, "/api/v1/status/runtimeinfo")
        alertmanagers, _ = _get(connections, one, "/api/v1/alertmanagers")
        return read_running(runtime, alertmanagers, where)

    def unknown(found: Running) -> list[float | None] | None:
        return None if found.alertmanagers else [PAUSE]

    return _known(connections, one, asked, unknown)


def _youth(connections: Connections, one: Prometheus) -> Youth:
    runtime, where = _get(connections, one, "/api/v1/status/runtimeinfo")
    return read_youth(runtime, _clock(connections, one), where)


def _query(connections: Connections, expression: str, one: Prometheus) -> tuple[Series, ...]:
    answer, where = _get(connections, one, "/api/v1/query", query=expression)
    return read_series(answer, where)


def _described(connections: Connections, selector: str, one: Prometheus) -> bool:
    """Whether a target of that job describes the metric, by its name or by what it is a part of."""
    metric, brace, matchers = selector.partition("{")
    names = (metric, *(metric.removesuffix(end) for end in _PARTS if metric.endswith(end)))
    for name in names:
        given = {"metric": name, "limit": "1", "match_target": brace + matchers}
        answer, where = _get(connections, one, "/api/v1/targets/metadata", **given)
        if data(answer, where):
            return True
    return False


def _range(connections: Connections, one: Prometheus, asked: Range) -> Kept:
    answer, where = _get(
        connections,
        one,
        "/api/v1/query_range",
        query=asked.expression,
        start=f"{asked.start:.3f}",
        end=f"{asked.end:.3f}",
        step=f"{asked.step:.3f}",
    )
    digest = hashlib.sha256(json.dumps(answer.body).encode()).hexdigest()
    return kept(read_points(answer, where), asked, digest)


def _history(connections: Connections, one: Prometheus) -> Kept:
    """How many targets were scraped, over the whole retention."""
    now = _clock(connections, one)
    span = one.metrics.retention
    return _range(connections, one, Range("count(up)", now - span, now, span / POINTS))


def _availability(connections: Connections, one: Prometheus) -> Kept:
    promised = one.metrics.availability
    if promised is None:
        raise NotRun(
            "how availability is told is not declared", declare="`availability` of the metrics"
        )
    now = _clock(connections, one)
    span = connections.site.objectives.availability_window
    return _range(connections, one, Range(promised.expression, now - span, now, promised.step))


def _probed(connections: Connections, module: str, one: Prometheus) -> Probed:
    """Ask the declared prober for the wrong page, as a target of this Prometheus would."""
    probes = one.metrics.probes
    if probes is None:
        raise NotRun("no probes from outside are declared", declare="`probes` of the metrics")
    if not _MODULE.fullmatch(module):
        raise NotUnderstood(f"{one.id}: a target's module is called {module[:100]!r}")
    site = connections.site
    at = target(site, site.machine(probes.prober.machine), probes.prober)
    given = urlencode({"module": module, "target": probes.wrong})
    path = f"{(probes.prober.prefix or '').rstrip('/')}/probe?{given}"
    status, body = fetch(at, path, accept="text/plain")
    found = _SUCCESS.search(body)
    if status != 200 or found is None:  # noqa: PLR2004 - HTTP
        raise NotUnderstood(f"{at}: /probe answered HTTP {status} without probe_success")
    return Probed(found[1] == b"1", module)


ASKERS: Final[Askers] = (
    Asker(TARGETS, _targets),
    Asker(RULES, _rules),
    Asker(RUNNING, _running),
    Asker(YOUTH, _youth, by_itself),
    AskerOf(QUERY, _query),
    AskerOf(KNOWN, _described),
    Asker(HISTORY, _history),
    Asker(AVAILABILITY, _availability),
    AskerOf(PROBED, _probed, by_itself),
)
