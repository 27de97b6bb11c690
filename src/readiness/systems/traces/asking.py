"""Asks a trace store for traces, with GET requests only: by their ids, or by what they have."""

import json
import time
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final
from urllib.parse import urlencode

from readiness.model.errors import NotUnderstood
from readiness.probes.rest import RestTarget, ask
from readiness.site.declared.machine import Machine
from readiness.systems.asker import Asker, Askers, Connections
from readiness.systems.interface import target
from readiness.systems.traces.declared import Hop, StoreOfTraces
from readiness.systems.traces.reading import FRESH, FreshTraces, Span, read_traces

_ROUTE: Final = "/api/traces"
_MICRO: Final = 1e6
# Traces of one answer, which has 4 MB at most: 20 spans of 2 kB each are usual.
AT_ONCE: Final = 25
AMONG: Final = 50
# 404: none of the traces that were asked for is there.
_ANSWERS: Final = (200, 404)


def by_ids(connections: Connections, one: StoreOfTraces, ids: Sequence[str]) -> list[Span]:
    """The spans of these traces that the store has, its clocks not set right.

    Raises:
        ProbeError: it does not answer, or something else.
    """
    found: list[Span] = []
    for first in range(0, len(ids), AT_ONCE):
        named = [("traceID", each) for each in ids[first : first + AT_ONCE]]
        found += _asked(connections, one, [*named, ("raw", "true")])
    wanted = {*ids}
    return [each for each in found if each.trace in wanted]


def matching(
    connections: Connections,
    one: StoreOfTraces,
    service: str,
    tags: Mapping[str, str],
    since: float,
    most: int,
) -> list[Span]:
    """The spans of traces in which a span of a service has these attributes.

    Raises:
        ProbeError: it does not answer, or something else.
    """
    given: list[tuple[str, Any]] = [
        ("service", service),
        ("start", round(since * _MICRO)),
        ("end", round((time.time() + 60) * _MICRO)),
        ("limit", most),
        ("raw", "true"),
    ]
    if tags:
        given.append(("tags", json.dumps(dict(tags))))
    return _asked(connections, one, given)


def _asked(
    connections: Connections, one: StoreOfTraces, given: Sequence[tuple[str, Any]]
) -> list[Span]:
    at = where(connections, one)
    path = (one.store.prefix or "").rstrip("/") + _ROUTE
    answer = ask(at, f"{path}?{urlencode(given)}")
    if answer.status not in _ANSWERS:
        raise NotUnderstood(f"{at}: {path} answered HTTP {answer.status}, expected 200")
    return read_traces(answer.body, where=f"{at}: {path}")


def where(connections: Connections, one: StoreOfTraces) -> RestTarget:
    """The store, and as whom it is asked."""
    return target(connections.site, one.machine, one.store)


def _wanted(one: StoreOfTraces) -> Iterator[tuple[Hop, str]]:
    """Every service that makes spans, on each machine that it is declared on."""
    for hop in one.tracing.made:
        for name in hop.machines:
            yield hop, name


def _fresh(connections: Connections, one: StoreOfTraces) -> FreshTraces:
    """One trace of each, from a time no longer ago than declared."""
    tracing, now, ages = one.tracing, time.time(), {}
    for hop, name in _wanted(one):
        machine = connections.site.machine(name)
        own: list[float] = []
        for tags, most in _ways(tracing.host, machine):
            found = matching(connections, one, hop.service, tags, now - tracing.silent, most)
            own = [
                each.start
                for each in found
                if each.service == hop.service and machine.known_as(each.tags.get(tracing.host, ""))
            ]
            if own:
                break
        ages[f"{hop.service} on {name}"] = round(now - max(own), 3) if own else None
    return FreshTraces(ages)


def _ways(host: str, machine: Machine) -> Iterator[tuple[dict[str, str], int]]:
    """How a machine's traces are looked for: by its names, and among some of everybody's.

    An attribute is found by the whole of its value, and a machine may give its full name there.
    """
    for called in (machine.name, *machine.names):
        yield {host: called}, 1
    yield {}, AMONG


ASKERS: Final[Askers] = (Asker(FRESH, _fresh),)
