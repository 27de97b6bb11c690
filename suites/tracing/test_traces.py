"""Whether a request is found as one whole trace, and by its id in the logs that it passed."""

from collections.abc import Callable

from readiness import Ask, Found, NotUnderstood, Severity, Tier, check, holds
from readiness.drills.trace_logs import LoggedIds
from readiness.drills.trace_trial import EACH, Left, Sampled, TracedPath
from readiness.measure.share import chance
from readiness.systems.traces.declared import (
    EDGE,
    LOG,
    PATH,
    STORE,
    StoreOfTraces,
    TraceEdge,
    TraceLog,
    TracePath,
)
from readiness.systems.traces.reading import FRESH
from readiness.systems.traces.whole import Whole

QUERY = "GET /api/traces of each store"
RIGHTS = "a login or a token of the store, where it asks for one"
SENDS = "the canary's path through each edge, until each server has answered often enough"
# A share that is drawn by lot is red when chance alone would be so far off once in a million times,
# and shown when it would be once in a thousand; between them more requests tell.
RED = 1e-6
SHOWN = 1e-3


@check(
    "TRC-001",
    "Every trace store has a recent trace of each service that makes spans, on each machine of it",
    clauses=("obs.apm/trace-end-to-end",),
    each=STORE,
    severity=Severity.MEDIUM,
    risk="One machine of several leaves no traces, and the slow request of the night was on it.",
    reads=(f"{QUERY}, by service and host, one trace each",),
    rights=RIGHTS,
    remedy="look at that machine's exporter (its endpoint, its queue) and its sampler",
)
def test_every_machine_leaves_traces(trace_store: StoreOfTraces, ask: Ask) -> None:
    """One that is no older than declared, from every machine of every step."""
    found = ask(FRESH, trace_store)
    most = trace_store.tracing.silent
    assert holds(found.fact("services on machines", len(found.reading.ages)), ">=", 1)
    for name, age in found.reading.ages.items():
        there = found.fact(f"a trace of {name} in {most:g} s", age is not None)
        assert holds(there, "==", True)
        assert holds(found.fact(f"age of a trace of {name}", age), "<=", most)


@check(
    "TRC-002",
    "A request is found in every store as one whole trace, from the edge to the last step",
    clauses=("obs.apm/trace-end-to-end",),
    each=PATH,
    severity=Severity.HIGH,
    tier=Tier.TOUCH,
    limit=240,
    risk="On the night that something is slow the trace ends at the machine that is to blame.",
    reads=(SENDS, f"{QUERY}, by the ids that were sent"),
    rights=RIGHTS,
    disturbs="A few requests on each way, which read what is declared; their traces stay until "
    "retention takes them.",
    remedy="send one request with a context of its own, and see at which step its id is lost",
)
def test_a_request_is_one_trace(
    trace_path: TracePath, traced_path: Callable[[TracePath], Found[TracedPath]]
) -> None:
    """Each step where it passed, below the one before, nothing in the air, in time."""
    tracing = trace_path.tracing
    found = traced_path(trace_path)
    wanted = EACH * (2 if tracing.canary.fails else 1)
    if found.reading.requests < wanted:
        many = f"{found.reading.requests} of {wanted} requests"
        raise NotUnderstood(f"{trace_path.id}: {many} went this way, whatever was tried")
    for store, requests in found.reading.stores.items():
        for number, one in enumerate(requests, 1):
            at = f"of request {number} at {store}"
            assert holds(found.fact(f"spans {at}", one.whole.spans), ">=", 1)
            assert together(found, one.whole, at, tracing.clock)
            assert right(found, one, at)
            after = found.fact(f"seconds until it was whole {at}", one.after)
            assert holds(after, "<=", tracing.deadline)


def right(found: Found[TracedPath], one: Left, at: str) -> bool:
    """Whether a request went as its spans say: with every step, or with the error of its design."""
    if one.fails:
        error = one.whole.server_failed
        name = f"an error of the server {at}, which fails by design"
        return bool(holds(found.fact(name, error), "==", True))
    missing = holds(found.fact(f"steps without a span {at}", one.whole.missing), "==", ())
    failed = holds(found.fact(f"spans with an error {at}", one.whole.failed), "==", ())
    return bool(missing and failed)


def together(found: Found[TracedPath], whole: Whole, at: str, clock: float) -> bool:
    """Whether spans are of the right machines, hang together in time, and hold nobody's data."""
    strangers = found.fact(f"spans of other machines {at}", whole.strangers)
    loose = found.fact(f"spans without their parent {at}", whole.in_the_air)
    early = found.fact(f"seconds that a span begins before its caller {at}", whole.before)
    out = found.fact(f"seconds that a step is outside of its caller {at}", whole.outside)
    searched = found.fact(f"attributes {at}", whole.attributes)
    personal = found.fact(f"values of students {at}", whole.personal)
    return all(
        (
            holds(strangers, "==", ()),
            holds(loose, "==", ()),
            holds(early, "<=", clock),
            holds(out, "<=", clock),
            holds(searched, ">=", 1),
            holds(personal, "==", ()),
        )
    )


@check(
    "TRC-003",
    "Each edge keeps as many traces as declared of the requests that bring no context",
    clauses=("obs.apm/trace-end-to-end",),
    each=EDGE,
    severity=Severity.MEDIUM,
    tier=Tier.TOUCH,
    limit=240,
    risk="The sampler keeps nothing: a request that somebody forces is found, and no user's ever.",
    reads=("the canary's path without a context, a declared number of times", QUERY),
    rights=RIGHTS,
    disturbs="The declared number of requests through each edge; their traces stay until retention "
    "takes them.",
    remedy="compare the sampler of this edge with what is declared, and with the other edges'",
)
def test_sampling_is_as_declared(
    trace_edge: TraceEdge, sampled: Callable[[TraceEdge], Found[Sampled]]
) -> None:
    """By the chance of the count at the declared share; what chance may have done is not red."""
    tracing, found = trace_edge.tracing, sampled(trace_edge)
    share, many = tracing.sampling.share, found.reading.requests
    for store, kept in found.reading.kept.items():
        if not found.reading.controls[store] or found.reading.unseen[store]:
            raise NotUnderstood(
                f"{store}: a search for {tracing.sampling.attribute} does not find requests whose "
                "traces are there, so that nobody can count how many are kept"
            )
        odds = chance(kept, many, share)
        name = f"chance of {kept} traces of {many} requests at {store}, {share:g} of which are kept"
        assert holds(found.fact(name, odds), ">=", RED)
        if odds < SHOWN:
            raise NotUnderstood(f"{store}: {kept} of {many} may be chance: send more `requests`")


@check(
    "TRC-004",
    "A request's trace id finds its line in the log of each machine that it passed",
    clauses=("obs.apm/correlation-id-in-logs",),
    each=LOG,
    severity=Severity.HIGH,
    tier=Tier.TOUCH,
    limit=240,
    risk="From a slow trace nobody gets to what the machine said meanwhile, nor from a line to its "
    "request.",
    reads=(SENDS, "grep for the ids in the declared file, or journalctl of the declared unit"),
    rights="an SSH login that may read the declared log",
    disturbs="The requests of TRC-002.",
    remedy="have that machine's logger write the trace's id of the context in every line",
)
def test_the_id_is_in_the_log(
    trace_log: TraceLog, logged_ids: Callable[[TraceLog], Found[LoggedIds]]
) -> None:
    """Of every request that it answered; and an id that was never sent finds nothing."""
    found = logged_ids(trace_log)
    requests = found.reading.requests
    assert holds(found.fact("requests that passed it", requests), ">=", EACH)
    missing = found.fact("requests whose id is in no line", requests - found.reading.found)
    assert holds(missing, "==", 0)
    assert holds(found.fact("lines with an id that was never sent", found.reading.strange), "==", 0)
