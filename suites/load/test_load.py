"""The declared load, really offered: how fast right answers come, and whether we could tell."""

from collections.abc import Callable

from readiness import Found, Severity, Tier, check, holds
from readiness.drills.load import Offered, Place
from readiness.site.declared.load import LoadTest
from readiness.site.subjects import LOAD_TEST

Load = Callable[[LoadTest], Found[Offered]]

READS = (
    "GET of the declared pages at the declared rate, at every address of the listener in turn",
)
RIGHTS = "network access to the listener; a synthetic user where a page needs a login"
DISTURBS = "brings as many requests as users do, for as long as declared"
LIMIT = 900.0
# Nearly all of it offered when it was due, by a process that had room to spare. Lag only adds to
# what is measured: it can make a quick page look slow, never a slow one quick.
OFFERED = 99.0
BUSY = 0.8
LEAST_LAG = 0.010
LAG_SHARE = 0.5


def most_lag(test: LoadTest) -> float:
    """Seconds by which requests may be late without counting."""
    return max(LEAST_LAG, LAG_SHARE * test.within)


def addresses(found: Found[Offered], what: Callable[[Place], int] = lambda _: 1) -> list[str]:
    """The addresses of the listener of which this is more than nothing."""
    return [place.address for place in found.reading.places if what(place) > 0]


def able(test: LoadTest, found: Found[Offered]) -> bool:
    """Whether the generator was good enough for a finding against the site.

    Of a load that was ended early there is too little for a bound of the lag: what was seen counts.
    """
    reading = found.reading
    lag = reading.lag.value if reading.aborted else reading.lag.upper
    return (
        reading.busy < BUSY
        and lag is not None
        and lag <= most_lag(test)
        and (reading.on_time.value or 0) >= OFFERED
    )


def not_worse(test: LoadTest, found: Found[Offered], place: Place, *, trusted: bool) -> bool:
    """Claim that what one address answered is not shown to be worse than allowed."""
    for measured, limit in ((place.failures, test.failures), (place.took, test.within)):
        least = measured.lower
        fine = least is not None and least <= limit
        shown = least if fine or trusted else None
        if not holds(found.fact(f"{measured.name} (lower bound)", shown), "<=", limit):
            return False
    return True


@check(
    "LOAD-001",
    "The load is offered as declared: every request when it is due, every page, every address",
    clauses=("test.load/offered-rate-achieved",),
    each=LOAD_TEST,
    severity=Severity.HIGH,
    tier=Tier.LOAD,
    limit=LIMIT,
    risk="A site looks fast because it was asked less than users ask.",
    reads=READS,
    rights=RIGHTS,
    disturbs=DISTURBS,
    remedy="give the gate a machine with more room, or see why the load was ended early",
)
def test_offered_as_declared(load_test: LoadTest, load: Load) -> None:
    """Not ended early, nearly all of it on time, and each page and each address was asked."""
    found = load(load_test)
    early = found.fact("why it ended early", found.reading.aborted or "none")
    assert holds(early, "==", "none")
    on_time = found.fact("percent of requests sent when due", found.reading.on_time)
    assert holds(on_time, ">=", OFFERED)
    for page in found.reading.pages:
        assert holds(found.fact(f"requests for {page.name}", page.requests), ">=", 1)
    declared, asked = addresses(found), addresses(found, lambda place: place.requests)
    assert holds(found.fact("addresses that were asked", asked), "includes", declared)


@check(
    "LOAD-002",
    "The generator of the load is not its bottleneck",
    clauses=("test.load/generator-not-bottleneck",),
    each=LOAD_TEST,
    severity=Severity.HIGH,
    tier=Tier.LOAD,
    limit=LIMIT,
    risk="The figures are those of the machine that asks.",
    reads=READS,
    rights=RIGHTS,
    disturbs=DISTURBS,
    remedy="look from a machine with more room, and with nothing else to do",
)
def test_generator_has_room(load_test: LoadTest, load: Load) -> None:
    """Its processor was not busy all the time, and requests left when they were due."""
    found = load(load_test)
    assert holds(found.fact("busy share of its processor", found.reading.busy), "<", BUSY)
    lag = found.fact("lag of 99 % of the requests", found.reading.lag)
    assert holds(lag, "<=", most_lag(load_test))


@check(
    "LOAD-003",
    "Every page is right and quick enough for users under the declared load, at every address",
    clauses=("test.load/sla-at-volume", "test.performance/percentiles-within-sla"),
    each=LOAD_TEST,
    severity=Severity.CRITICAL,
    tier=Tier.LOAD,
    limit=LIMIT,
    risk="Students wait, or read an error page, when many of them come.",
    reads=READS,
    rights=RIGHTS,
    disturbs=DISTURBS,
    remedy="ask each machine behind the balancer for that page by itself, and compare",
)
def test_quick_and_right(load_test: LoadTest, load: Load) -> None:
    """The percentile's upper bound is within the limit for each page; failures count as slowest.

    Of what one address answers, a part of the load, the lower bounds are compared: none is worse.
    """
    found = load(load_test)
    # Asked before there was any load, by a generator that the control let in.
    out = found.fact("what kept a user from logging in", found.reading.shut_out or "nothing")
    assert holds(out, "==", "nothing")
    trusted = able(load_test, found)
    failures = found.reading.failures
    good = failures.upper is not None and failures.upper <= load_test.failures
    first = next((one.problem for one in found.reading.pages if one.problem), "none")
    bad = addresses(found, lambda place: place.failed)
    only = f", all at {bad[0]}" if len(bad) == 1 < len(found.reading.places) else ""
    name = f"percent of requests that failed (the first: {first}){only}"
    assert holds(found.fact(name, failures if good or trusted else None), "<=", load_test.failures)
    for page in found.reading.pages:
        took = page.took
        fast = took.upper is not None and took.upper <= load_test.within
        # Lag counts into the time: quick is quick, slow may be the generator's own doing.
        shown = took if fast or trusted else None
        assert holds(found.fact(took.name, shown), "<=", load_test.within)
    for address in found.reading.places:
        assert not_worse(load_test, found, address, trusted=trusted)
    right = addresses(found, lambda place: place.requests - place.failed)
    fact = found.fact("addresses that answered rightly", right)
    assert holds(fact, "includes", addresses(found))
