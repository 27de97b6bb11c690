"""Sends requests with a trace's context of their own, and looks for what they left.

A request reads what the site declares for it. What is kept of a trace is what is wrong with it:
attributes may have anything, and are in no reading.
"""

import itertools
import secrets
import time
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import Final

from readiness.drills.permit import Permit
from readiness.measure.measurement import Measurement, digest_of
from readiness.model.errors import NotUnderstood, Unreachable
from readiness.model.words import Tier
from readiness.probes.application import Application, send
from readiness.site.declared.machine import Machine
from readiness.systems.asker import Connections
from readiness.systems.traces.asking import by_ids, matching
from readiness.systems.traces.declared import StoreOfTraces, TracePath, Tracing, paths, stores
from readiness.systems.traces.reading import Span
from readiness.systems.traces.whole import Sent, Whole, of

# A server may run several processes, each of which exports by itself.
EACH: Final = 3
PATIENCE: Final = 12
"""Requests at most, for each server, until all of them have answered often enough."""
AT_ONCE: Final = 4
POLL: Final = 0.25  # seconds
_FAILS: Final = 500
AGENT: Final = "readiness"


@dataclass(frozen=True)
class Left:
    """What one request left in one store, by the last look."""

    fails: bool
    """Whether it was the one that fails by design."""
    whole: Whole
    after: Measurement
    """Seconds from the answer until every step had its span."""


@dataclass(frozen=True)
class TracedPath:
    """What the requests of one way left, by store."""

    requests: int
    stores: Mapping[str, tuple[Left, ...]]


@dataclass(frozen=True)
class Sampled:
    """How many traces requests without a context of their own left, by store.

    `control` is of requests whose traces are there by their ids: how many of those the same search
    does not find.
    """

    requests: int
    kept: Mapping[str, int]
    controls: Mapping[str, int]
    unseen: Mapping[str, int]


@dataclass
class _Looked:
    """A request that is looked for in one store."""

    sent: Sent
    fails: bool
    spans: list[Span] = field(default_factory=list)
    unseen: float | None = None
    seen: float | None = None


def context(tracing: Tracing, trace: str, span: str, *, kept: bool = True) -> dict[str, str]:
    """The header that hands a context on (W3C Trace Context, 2.2; B3 in one header)."""
    if tracing.propagation == "b3":
        return {"b3": f"{trace}-{span}-{int(kept)}"}
    return {"traceparent": f"00-{trace}-{span}-0{int(kept)}"}


def new_trace() -> str:
    """An id that nobody else has; not all zeros, which is none."""
    return secrets.token_hex(15) + "01"


class TraceTrial:
    """The trial of one tracing: canary requests on every way, found in every store."""

    def __init__(self, connections: Connections, permit: Permit, tracing: Tracing) -> None:
        permit.require(Tier.TOUCH)
        self._connections, self._tracing = connections, tracing
        site = connections.site
        self._stores = [one for one in stores(site) if one.tracing is tracing]
        self._paths = [one for one in paths(site) if one.tracing is tracing]
        self.mark = f"{AGENT}/{secrets.token_hex(8)}"
        self.begun = time.time()
        self._looked: dict[str, list[_Looked]] = {one.id: [] for one in self._stores}

    @property
    def requests(self) -> tuple[Sent, ...]:
        """Every request that was sent and answered."""
        return tuple(one.sent for one in next(iter(self._looked.values())))

    def run(self) -> dict[str, TracedPath]:
        """Send, look until it is too late, and give each way what its requests left.

        Raises:
            ProbeError: an edge or a store does not answer, or a page is not as declared.
        """
        for edge in dict.fromkeys(one.edge for one in self._paths):
            self._send(edge)
        self._look()
        return {one.id: self._of(one) for one in self._paths}

    def _send(self, edge: Machine) -> None:
        """Ask through one edge until each server behind it has answered often enough."""
        canary = self._tracing.canary
        for path in filter(None, (canary.path, canary.fails)):
            fails = path is canary.fails
            counted = dict.fromkeys(self._tracing.server.machines, 0)
            addresses = itertools.cycle(edge.addresses)
            for _ in range(PATIENCE * len(counted)):
                if min(counted.values()) >= EACH:
                    break
                sent = self._once(edge, next(addresses), path, fails=fails)
                counted[sent.server.name] += 1
                if counted[sent.server.name] <= EACH:
                    for looked in self._looked.values():
                        looked.append(_Looked(sent, fails))

    def _once(self, edge: Machine, address: str, path: str, *, fails: bool) -> Sent:
        tracing, trace, span = self._tracing, new_trace(), secrets.token_hex(7) + "01"
        where = application(self._connections, tracing, edge, address)
        given = {**tracing.canary.headers, "User-Agent": self.mark}
        answer = send(where, path, headers={**given, **context(tracing, trace, span)})
        if (answer.status >= _FAILS) != fails or answer.status in range(300, _FAILS):
            expected = "500 or more" if fails else "200 to 299"
            said = f"{path} answered {answer.status}, expected {expected}"
            raise NotUnderstood(f"{tracing.name} through {edge.name}: {said}")
        site = self._connections.site
        named = [site.machine(one) for one in tracing.server.machines]
        server = next((one for one in named if one.known_as(answer.served_by)), None)
        if server is None:
            header = tracing.server.served_by
            raise NotUnderstood(f"{tracing.name}: {path}: {header} names no declared machine")
        return Sent(trace, span, answer.sent, answer.received, edge, server)

    def _look(self) -> None:
        """Look in every store, until a look that began when each trace must be whole.

        What is there now and gone in a moment was not kept, so the last look counts.
        """
        if not self.requests:
            raise Unreachable(f"{self._tracing.name}: no request was answered")
        end = max(one.ended for one in self.requests) + self._tracing.deadline
        while True:
            last = time.time() >= end
            for store in self._stores:
                wanted = [one for one in self._looked[store.id] if last or one.seen is None]
                self._look_once(store, wanted)
            if last:
                return
            time.sleep(POLL)

    def _look_once(self, store: StoreOfTraces, wanted: Sequence[_Looked]) -> None:
        begun = time.time()
        found = by_ids(self._connections, store, [one.sent.trace for one in wanted])
        for one in wanted:
            one.spans = [each for each in found if each.trace == one.sent.trace]
            if one.spans and (one.fails or not of(self._tracing, one.spans, one.sent).missing):
                one.seen = one.seen or time.time()
            elif one.seen is None:
                one.unseen = begun

    def _of(self, path: TracePath) -> TracedPath:
        def left(store: str) -> tuple[Left, ...]:
            return tuple(
                Left(one.fails, of(self._tracing, one.spans, one.sent), _after(one))
                for one in self._looked[store]
                if one.sent.edge == path.edge and one.sent.server == path.server
            )

        found = {store: left(store) for store in self._looked}
        return TracedPath(len(next(iter(found.values()))), found)

    def sampled(self, edge: Machine) -> Sampled:
        """How many of some requests through an edge, whose context is not given, are kept.

        Raises:
            ProbeError: an edge or a store does not answer.
        """
        tracing, mark, since = self._tracing, f"{AGENT}/{secrets.token_hex(8)}", time.time()
        addresses = itertools.cycle(edge.addresses)

        def once(address: str) -> None:
            where = application(self._connections, tracing, edge, address)
            send(where, tracing.canary.path, headers={**tracing.canary.headers, "User-Agent": mark})

        asked = list(itertools.islice(addresses, tracing.sampling.requests))
        with ThreadPoolExecutor(AT_ONCE) as pool:
            list(pool.map(once, asked))
        time.sleep(tracing.deadline)
        kept, controls, unseen = {}, {}, {}
        for store in self._stores:
            kept[store.id] = len(self._marked(store, mark, since))
            known = {
                one.sent.trace
                for one in self._looked[store.id]
                if one.spans and one.sent.edge == edge
            }
            there = self._marked(store, self.mark, self.begun)
            controls[store.id], unseen[store.id] = len(known), len(known - there)
        return Sampled(len(asked), kept, controls, unseen)

    def _marked(self, store: StoreOfTraces, mark: str, since: float) -> set[str]:
        """The ids of traces whose first span has this User-Agent."""
        tracing = self._tracing
        tags = {tracing.sampling.attribute: mark}
        most = max(tracing.sampling.requests, len(self.requests)) + 10
        clock = since - tracing.clock
        found = matching(self._connections, store, tracing.made[0].service, tags, clock, most)
        return {one.trace for one in found}


def application(
    connections: Connections, tracing: Tracing, edge: Machine, address: str
) -> Application:
    """An edge at an address, as users reach it."""
    site = connections.site
    listener = site.listener(tracing.listener)
    return Application(
        name=listener.names[0] if listener.names else edge.name,
        address=address,
        port=listener.port,
        ca_file=site.path(site.authorities[listener.authority]),
        served_by=tracing.server.served_by or "",
    )


def _after(looked: _Looked) -> Measurement:
    """Seconds from the answer until the trace was whole; unknown where it never was."""
    span = None
    if looked.seen is not None:
        least = max((looked.unseen or 0.0) - looked.sent.ended, 0.0)
        span = (least, max(looked.seen - looked.sent.ended, least))
    return Measurement(
        name="seconds until the trace was whole",
        value=span and span[1],
        lower=span and span[0],
        upper=span and span[1],
        unit="s",
        resolution=POLL,
        n=0 if span is None else 1,
        digest=digest_of([str(span)]),
    )
