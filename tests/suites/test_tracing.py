"""The checks of traces, green and red without a lab."""

import re
import runpy
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from readiness.drills.trace_logs import LoggedIds
from readiness.drills.trace_trial import Left, Sampled, TracedPath
from readiness.evidence.claim import CURRENT, Found
from readiness.measure.measurement import Measurement, digest_of
from readiness.model.errors import NotUnderstood
from readiness.site.documents import load_environment
from readiness.systems.traces.declared import edges, logs, paths, stores
from readiness.systems.traces.reading import FreshTraces, Span
from readiness.systems.traces.whole import Sent, Whole, of

ROOT = Path(__file__).parents[2]
SUITE = runpy.run_path(str(ROOT / "suites/tracing/test_traces.py"))
SITE = load_environment(ROOT / "environments/traced.yaml")
TRACING = SITE.tracing[0]
STORE = "portal/trace1"
EDGE, SERVER = SITE.machine("edge1"), SITE.machine("app1")
SENT = Sent("0" * 31 + "1", "f" * 16, 100.0, 101.0, EDGE, SERVER)


@pytest.fixture
def reasons() -> Iterator[list[str]]:
    """What the check claims, as people will read it."""
    said: list[str] = []
    token = CURRENT.set(SimpleNamespace(claim=lambda claim, **_: said.append(str(claim))))
    yield said
    CURRENT.reset(token)


def found(reading: Any) -> Callable[..., Found[Any]]:
    """What finds this reading, whoever is asked about."""
    return lambda *_: Found(reading, "portal", 0)


def span(name: str, parent: str, service: str, **other: Any) -> Span:
    """A span of the request, from 100.1 s to 100.9 s on its service's machine."""
    host = {"edge": "edge1", "portal": "app1"}[service]
    tags = {"span.kind": "server", "host.name": host, **other.pop("tags", {})}
    given = {"start": 100.1, "end": 100.9, **other}
    return Span(SENT.trace, name, parent, service, name, tags=tags, **given)


QUERY = {"span.kind": "client", "db.system": "postgresql"}


def trace() -> dict[str, Span]:
    """A whole trace: the edge, its call, the server, what it does, and the query."""
    return {
        "edge": span("edge", SENT.span, "edge"),
        "call": span("call", "edge", "edge", tags={"span.kind": "client"}),
        "server": span("server", "call", "portal"),
        "record": span("record", "server", "portal", tags={"span.kind": "internal"}),
        "query": span("query", "record", "portal", tags=QUERY),
    }


def changed(name: str, **other: Any) -> list[Span]:
    """The whole trace with one span changed."""
    return [*(trace() | {name: replace(trace()[name], **other)}).values()]


def without(*names: str) -> list[Span]:
    """The whole trace without some spans."""
    return [one for name, one in trace().items() if name not in names]


def took(seconds: float | None) -> Measurement:
    """How long a trace took."""
    many = 0 if seconds is None else 1
    return Measurement("whole", seconds, seconds, seconds, "s", 0.25, many, digest_of(()))


def judge(spans: Sequence[Span], after: float | None = 1.0, *, fails: bool = False) -> None:
    """Judge six requests of a way that all left these spans."""
    one = Left(fails, of(TRACING, spans, SENT), took(after))
    reading = TracedPath(6, {STORE: (one,) * 6})
    SUITE["test_a_request_is_one_trace"](paths(SITE)[0], found(reading))


def other_machine(name: str) -> dict[str, str]:
    """The attributes of the server's span on another machine."""
    return {"span.kind": "server", "host.name": name}


@pytest.mark.parametrize(
    "spans",
    [
        [*trace().values()],
        [*reversed(trace().values())],
        [*trace().values(), span("more", "query", "portal", tags={"span.kind": "internal"})],
        # What goes on in the background ends after what began it.
        [*trace().values(), span("late", "server", "portal", start=100.8, end=109.0)],
        # Clocks within what is declared.
        changed("server", start=99.5),
        changed("edge", parent=""),
        changed("server", tags=other_machine("app1.example.edu")),
        # The edge tried another server first, which did not answer.
        [
            *trace().values(),
            span("tried", "edge", "portal", tags=other_machine("app2")),
        ],
    ],
)
def test_a_whole_trace_is_green(spans: list[Span]) -> None:
    """In any order, with what the site makes besides."""
    judge(spans)


@pytest.mark.parametrize(
    ("spans", "said"),
    [
        ([], "spans of request 1 at portal/trace1 at least 1, found 0"),
        (without("query"), "steps without a span .* found portal \\(client db.system\\)"),
        (without("server", "record", "query"), "steps without a span .* found portal \\(server\\)"),
        (without("record"), "spans without their parent .* found query of portal"),
        (without("call"), "spans without their parent .* found server of portal"),
        (changed("server", parent=""), "spans without their parent .* found server of portal"),
        (changed("query", parent="query"), "spans without their parent .* found query of portal"),
        (changed("query", tags={**QUERY, "error": "true"}), "with an error .* found query of"),
        (changed("query", tags={**QUERY, "otel.status_code": "ERROR"}), "with an error .* query"),
        (changed("server", tags=other_machine("app2")), "other machines .* portal \\(server\\) of"),
        (changed("server", tags={"span.kind": "server"}), "other machines .* of nobody, not app1"),
        (changed("query", service="other"), "steps without a span"),
        (changed("server", start=98.0), "begins before its caller .* at most 1, found 2.1"),
        (changed("query", end=109.0), "outside of its caller .* at most 1, found 8.1"),
        (changed("edge", start=90.0), "outside of its caller .* at most 1, found 10"),
        (changed("record", start=99.0), "begins before its caller .* at most 1, found 1.1"),
        (
            changed("query", tags={**QUERY, "db.statement": "= 'CANARY-student@example.test'"}),
            "values of students .* found never\\[0\\] plain in db.statement of portal",
        ),
        (
            changed("edge", operation="/people?who=canary-student%40example.test"),
            "values of students .* found never\\[0\\] percent-encoded in the name of edge",
        ),
        (
            changed("record", events=("no row for Canary-Classmate-2413",)),
            "values of students .* found never\\[1\\] plain in an event of portal",
        ),
    ],
)
def test_what_is_wrong_with_a_trace_is_red(
    spans: list[Span], said: str, reasons: list[str]
) -> None:
    """One of its claims tells why, and no claim breaks."""
    with pytest.raises(AssertionError):
        judge(spans)
    assert any(re.search(said, one) for one in reasons), reasons


def test_spans_that_call_each_other_end() -> None:
    """Parents in a circle are in nobody's trace, and the search for them ends."""
    spans = changed("server", parent="query")
    with pytest.raises(AssertionError):
        judge(spans)


@pytest.mark.parametrize("after", [None, 10.5])
def test_a_late_trace_is_not_green(after: float | None) -> None:
    """Nor one of which nobody knows when it was there."""
    with pytest.raises(AssertionError):
        judge([*trace().values()], after)


def test_a_request_that_fails_by_design_is_an_error_of_the_server(reasons: list[str]) -> None:
    """It needs no query; an edge that alone calls it one is not enough."""
    failed = {"span.kind": "server", "host.name": "app1", "error": "true"}
    spans = [one for one in changed("server", tags=failed) if one.id not in ("record", "query")]
    judge(spans, fails=True)
    with pytest.raises(AssertionError):
        judge(without("record", "query"), fails=True)
    assert "which fails by design to be yes, found no" in reasons[-1]


def test_a_way_that_no_request_took_is_a_question() -> None:
    """A balancer may keep us with one server: that is no fault of the traces."""
    reading = TracedPath(0, {STORE: ()})
    with pytest.raises(NotUnderstood, match="0 of 6 requests went this way"):
        SUITE["test_a_request_is_one_trace"](paths(SITE)[0], found(reading))


def sampled(kept: int, *, controls: int = 12, unseen: int = 0, requests: int = 60) -> None:
    """Judge so many traces of sixty requests."""
    reading = Sampled(requests, {STORE: kept}, {STORE: controls}, {STORE: unseen})
    SUITE["test_sampling_is_as_declared"](edges(SITE)[0], found(reading))


@pytest.mark.parametrize("kept", [18, 30, 42])
def test_a_share_that_chance_explains_is_green(kept: int) -> None:
    """Half of sixty, and what is near it."""
    sampled(kept)


@pytest.mark.parametrize("kept", [0, 60, 8])
def test_a_share_that_chance_does_not_explain_is_red(kept: int, reasons: list[str]) -> None:
    """A sampler at 0, one that keeps all, and one that keeps too few."""
    with pytest.raises(AssertionError):
        sampled(kept)
    assert f"chance of {kept} traces of 60 requests" in reasons[-1]


def test_what_chance_might_explain_is_a_question() -> None:
    """Between red and green; and where the search finds nothing of what is there."""
    with pytest.raises(NotUnderstood, match="may be chance"):
        sampled(15)
    with pytest.raises(NotUnderstood, match="does not find requests whose traces are there"):
        sampled(30, unseen=1)
    with pytest.raises(NotUnderstood, match="does not find requests whose traces are there"):
        sampled(30, controls=0)


@pytest.mark.parametrize(
    ("ids", "said"),
    [
        (LoggedIds(12, 12, 0), ""),
        (LoggedIds(12, 11, 0), "requests whose id is in no line to be 0, found 1"),
        (LoggedIds(12, 12, 1), "lines with an id that was never sent to be 0, found 1"),
        (LoggedIds(0, 0, 0), "requests that passed it at least 3, found 0"),
    ],
)
def test_every_id_is_in_the_log_and_no_other(ids: LoggedIds, said: str, reasons: list[str]) -> None:
    """A log that has every id has none."""
    if not said:
        SUITE["test_the_id_is_in_the_log"](logs(SITE)[0], found(ids))
        return
    with pytest.raises(AssertionError):
        SUITE["test_the_id_is_in_the_log"](logs(SITE)[0], found(ids))
    assert said in reasons[-1]


@pytest.mark.parametrize(
    ("ages", "green"),
    [
        ({"edge on edge1": 1.0}, True),
        ({"edge on edge1": None}, False),
        ({"edge on edge1": 31.0}, False),
        ({}, False),
    ],
)
def test_every_machine_has_a_recent_trace(ages: dict[str, float | None], *, green: bool) -> None:
    """None at all is red, and so is one that is too old."""
    ask = found(FreshTraces(ages))
    if green:
        SUITE["test_every_machine_leaves_traces"](stores(SITE)[0], ask)
        return
    with pytest.raises(AssertionError):
        SUITE["test_every_machine_leaves_traces"](stores(SITE)[0], ask)


def test_nothing_of_an_attribute_is_in_a_reading() -> None:
    """What is kept of a trace says where a value stands, and not which one."""
    spans = changed("query", tags={**QUERY, "db.statement": "canary-student@example.test secret"})
    whole: Whole = of(TRACING, spans, SENT)
    assert "canary-student" not in repr(whole)
    assert "secret" not in repr(whole)
    assert "canary-student" not in repr(spans)
