"""Whether the spans of one trace are what one request must leave: pure, over what was read.

A span belongs to a declared step when it is its service's, of its kind, and has its attribute, and
when the span of the step before is among those that it descends from. What a site makes besides is
its own: only that no span hangs in the air, and that none begins before what called it.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from readiness.model.printable import one_line
from readiness.site.declared.machine import Machine
from readiness.systems.logs.encoded import fragments
from readiness.systems.traces.declared import Hop, Tracing
from readiness.systems.traces.reading import Span

MOST_NAMED = 3


@dataclass(frozen=True)
class Sent:
    """One request: the ids of its context, when it was sent and answered, and who answered."""

    trace: str
    span: str
    begun: float
    ended: float
    edge: Machine
    server: Machine


@dataclass(frozen=True)
class Whole:
    """What the spans of one trace are, judged by nobody yet."""

    spans: int
    missing: tuple[str, ...]
    """Steps that left no span below the one before."""
    strangers: tuple[str, ...]
    """Spans of steps that are another machine's than the request passed."""
    in_the_air: tuple[str, ...]
    """Spans whose parent is not there, and second beginnings."""
    before: float
    """Seconds, at most, that a span begins before what called it."""
    outside: float
    """Seconds, at most, that a step's span reaches out of the one before, or of the request."""
    failed: tuple[str, ...]
    """Spans with an error as their status."""
    server_failed: bool
    """Whether one of them is of the service that answered."""
    attributes: int
    personal: tuple[str, ...]
    """Where a value stands that must be in no span: which, how, and in what attribute."""


def of(tracing: Tracing, spans: Sequence[Span], sent: Sent) -> Whole:
    """What the spans of a request's trace are."""
    known = {one.id: one for one in spans}
    steps, missing = _steps(tracing, known, sent)
    failed = [one for one in spans if one.failed]
    return Whole(
        spans=len(spans),
        missing=missing,
        strangers=tuple(_strangers(tracing, steps, sent)),
        in_the_air=_named(_in_the_air(known, sent)),
        before=round(max((_before(one, known) for one in spans), default=0.0), 6),
        outside=round(max(_outside([one for _, one in steps], known, sent), default=0.0), 6),
        failed=_named(failed),
        server_failed=any(one.service == tracing.server.service for one in failed),
        attributes=sum(1 for one in spans for _ in one.texts),
        personal=personal(tracing.never, spans),
    )


def _named(spans: Iterable[Span]) -> tuple[str, ...]:
    return tuple(sorted({str(one) for one in spans})[:MOST_NAMED])


def _above(span: Span, known: Mapping[str, Span]) -> Iterator[Span]:
    """What called a span, and what called that; an end even where they call each other."""
    seen = {span.id}
    while (parent := known.get(span.parent)) is not None and parent.id not in seen:
        seen.add(parent.id)
        yield parent
        span = parent


def _is_of(hop: Hop, span: Span) -> bool:
    return (
        span.service == hop.service
        and (hop.kind is None or span.kind == hop.kind)
        and (hop.attribute is None or hop.attribute in span.tags)
    )


def _machine_of(tracing: Tracing, hop: Hop, sent: Sent) -> Machine | None:
    """The machine that a request passed at a step; None where nobody knows."""
    if hop is tracing.edge:
        return sent.edge
    return sent.server if hop is tracing.server else None


def _steps(
    tracing: Tracing, known: Mapping[str, Span], sent: Sent
) -> tuple[list[tuple[Hop, Span]], tuple[str, ...]]:
    """A span of each step, each below the one before, and the first step that has none.

    Of several the one on the right machine is taken, where one is: an edge may try a second server.
    """
    found: list[tuple[Hop, Span]] = []
    for hop in tracing.made:
        last = found[-1][1] if found else None
        fitting = [
            one
            for one in known.values()
            if _is_of(hop, one) and (last is None or last in [*_above(one, known)])
        ]
        if not fitting:
            return found, (label(hop),)
        machine = _machine_of(tracing, hop, sent)
        right = [one for one in fitting if machine and _is_at(tracing, machine, one)]
        # The one that calls the others, so that what comes next can be below it.
        found.append((hop, min(right or fitting, key=lambda one: len([*_above(one, known)]))))
    return found, ()


def label(hop: Hop) -> str:
    """A step for a message."""
    more = " ".join(filter(None, (hop.kind, hop.attribute)))
    return f"{hop.service} ({more})" if more else hop.service


def _is_at(tracing: Tracing, machine: Machine, span: Span) -> bool:
    return machine.known_as(span.tags.get(tracing.host, ""))


def _strangers(tracing: Tracing, steps: Sequence[tuple[Hop, Span]], sent: Sent) -> Iterator[str]:
    for hop, span in steps:
        machine = _machine_of(tracing, hop, sent)
        if machine and not _is_at(tracing, machine, span):
            host = one_line(span.tags.get(tracing.host, "nobody"), 60)
            yield f"{label(hop)} of {host}, not {machine.name}"


def _in_the_air(known: Mapping[str, Span], sent: Sent) -> Iterator[Span]:
    """Spans whose parent is missing; ours is no span, and is the parent of the first.

    One without any parent is a beginning, and there is one at most, and none beside ours.
    """
    ours = [one for one in known.values() if one.parent == sent.span]
    bare = [one for one in known.values() if not one.parent]
    yield from bare if ours else sorted(bare, key=lambda one: one.start)[1:]
    called = {*known, sent.span, ""}
    yield from (one for one in known.values() if one.parent not in called or one.parent == one.id)


def _before(span: Span, known: Mapping[str, Span]) -> float:
    parent = known.get(span.parent)
    return max(parent.start - span.start, 0.0) if parent else 0.0


def _outside(steps: Sequence[Span], known: Mapping[str, Span], sent: Sent) -> Iterator[float]:
    """How far each step's span reaches out of what called it, and out of the request."""
    for one in steps:
        yield sent.begun - one.start
        yield one.end - sent.ended
        for above in _above(one, known):
            yield one.end - above.end


def personal(never: Sequence[str], spans: Sequence[Span]) -> tuple[str, ...]:
    """Where values stand that must be in no span, by their place in the environment file."""
    wanted = [
        (f"never[{place}] {how}", part.lower())
        for place, value in enumerate(never)
        for how, parts in fragments(value).items()
        for part in parts
    ]
    found = {
        f"{name} in {one_line(where, 60)} of {one_line(span.service, 40)}"
        for span in spans
        for where, text in span.texts
        for name, part in wanted
        if part in text.lower() or part in where.lower()
    }
    return tuple(sorted(found)[:MOST_NAMED])
