"""What a trace store answers: spans, as Jaeger's query service has them in JSON.

Jaeger, `/api/traces` (the routes of its user interface; Jaeger 1.35 and later, and 2): times are
microseconds since the epoch, a status is the tag `error` or `otel.status_code`, and what describes
the process stands apart from the spans. What is here stays in memory: attributes may have anything.
"""

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Annotated, Any, Final

from readiness.model.errors import NotUnderstood
from readiness.model.printable import one_line
from readiness.systems.marks import VOLATILE
from readiness.systems.token import Source
from readiness.systems.traces.declared import STORE, StoreOfTraces

MOST_SPANS: Final = 50_000  # of one answer
_MICRO: Final = 1e6
_SHOWN: Final = 80


@dataclass(frozen=True)
class Span:
    """One span; times in seconds since the epoch, `parent` empty where it has none."""

    trace: str
    id: str
    parent: str
    service: str
    operation: str
    start: float
    end: float
    tags: Mapping[str, str] = field(repr=False)
    """Its attributes, and those of its process."""
    events: tuple[str, ...] = field(default=(), repr=False)
    """What its events have as values."""

    @property
    def kind(self) -> str:
        """As which side of a call it was made; empty where it does not say."""
        return self.tags.get("span.kind", "").lower()

    @property
    def failed(self) -> bool:
        """Whether its status is an error."""
        said = (self.tags.get("error", ""), self.tags.get("otel.status_code", ""))
        return said[0].lower() == "true" or said[1].upper() == "ERROR"

    @property
    def texts(self) -> Iterator[tuple[str, str]]:
        """Everything that it says, with where that stands."""
        yield "the name", self.operation
        yield from self.tags.items()
        yield from (("an event", one) for one in self.events)

    def __str__(self) -> str:
        """Operation and service, for a message."""
        return one_line(f"{self.operation} of {self.service}", _SHOWN)


@dataclass(frozen=True)
class FreshTraces:
    """How old the newest trace of each machine's service is, in seconds; None: there is none."""

    ages: Annotated[Mapping[str, float | None], VOLATILE]


def read_traces(body: Any, *, where: str) -> list[Span]:
    """The spans of every trace in an answer.

    Raises:
        NotUnderstood: it is none, or too large.
    """
    data = body.get("data") if isinstance(body, Mapping) else None
    if data is None and isinstance(body, Mapping) and body.get("errors"):
        data = []  # none of the traces that were asked for is there
    if not isinstance(data, list):
        raise NotUnderstood(f"{where}: the answer has no list of traces")
    found: list[Span] = []
    for one in data:
        processes = _mapping(one, "processes", where)
        spans = one.get("spans") if isinstance(one, Mapping) else None
        if not isinstance(spans, list):
            raise NotUnderstood(f"{where}: a trace has no list of spans")
        if len(found) + len(spans) > MOST_SPANS:
            raise NotUnderstood(f"{where}: more than {MOST_SPANS} spans")
        found += [_span(each, processes, where) for each in spans]
    return found


def _span(one: Any, processes: Mapping[str, Any], where: str) -> Span:
    try:
        trace, own = one["traceID"], one["spanID"]
        process = processes[one["processID"]]
        start, took = _number(one["startTime"]), _number(one["duration"])
        service, operation = process["serviceName"], one["operationName"]
        parents = [
            each["spanID"]
            for each in one.get("references") or ()
            if each["traceID"] == trace and each["refType"] == "CHILD_OF"
        ]
        follows = [
            each["spanID"] for each in one.get("references") or () if each["traceID"] == trace
        ]
        tags = {**_tags(process.get("tags")), **_tags(one.get("tags"))}
        events = [str(each.get("value")) for log in one.get("logs") or () for each in log["fields"]]
    except (AttributeError, KeyError, IndexError, TypeError, ValueError) as error:
        raise NotUnderstood(f"{where}: a span is not as Jaeger has it ({error!r:.80})") from error
    return Span(
        trace=str(trace).lower().zfill(32),
        id=str(own).lower().zfill(16),
        parent=str((parents or follows or [""])[0]).lower(),
        service=str(service),
        operation=str(operation),
        start=start / _MICRO,
        end=(start + took) / _MICRO,
        tags=tags,
        events=tuple(events),
    )


def _number(value: Any) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(value):
        raise ValueError(value)
    return float(value)


def _tags(listed: Sequence[Mapping[str, Any]] | None) -> dict[str, str]:
    """Attributes as texts; true and false as JSON has them."""
    found = {}
    for one in listed or ():
        value = one["value"]
        found[str(one["key"])] = str(value).lower() if isinstance(value, bool) else str(value)
    return found


def _mapping(body: Any, key: str, where: str) -> Mapping[str, Any]:
    found = body.get(key) if isinstance(body, Mapping) else None
    if not isinstance(found, Mapping):
        raise NotUnderstood(f"{where}: a trace has no {key}")
    return found


FRESH: Final[Source[StoreOfTraces, FreshTraces]] = Source(
    "fresh traces",
    STORE,
    FreshTraces,
    says=lambda one: f"{len(one.ages)} services on machines are looked for",
)
SOURCES: Final = (FRESH,)
