"""Lose a balancer, or a server behind it, while users ask and write: how long, and what is lost."""

from collections.abc import Callable

from readiness import Environment, Fact, Found, Severity, Tier, check, holds
from readiness.drills.served_trial import ServedTrial
from readiness.model.errors import NotRun
from readiness.model.quantities import in_words
from readiness.running.balancing_fixtures import ServedDrilled
from readiness.site.subjects import BACKEND, Backend
from readiness.systems.balancing.declared import BALANCER, Balanced, BalancingDrill, drill_of

LostBalancer = Callable[[Balanced], ServedDrilled]
LostBackend = Callable[[Backend], ServedDrilled]
Confidence = Callable[[int, str], None]

READS = (
    "GET of the page of the balancer and PUT of notes of its own, at each address, twice a second",
    "the notes of this run, as the application lists them",
)
RIGHTS = (
    "network access to the listener, and a system user that may kill and start the declared unit, "
    "and set a firewall table where machines are cut off"
)
LIMIT = 900.0


def declared(site: Environment, subject: Backend | Balanced) -> BalancingDrill:
    """What is declared of the drill."""
    found = drill_of(site, subject.balancer)
    if found is None:
        raise NotRun(f"{subject.balancer.name}: no drill is declared")
    return found


def undisturbed(drill: ServedDrilled) -> tuple[Found[ServedTrial], ...]:
    """The trials, once claimed that the harness itself causes neither failure nor loss."""
    assert holds(usable(drill.control), "==", "none")
    return drill.trials


def usable(trial: Found[ServedTrial]) -> Fact[str]:
    """The claim's subject: that the trial shows something."""
    problem = trial.reading.problem
    known = None if problem else "none"
    return trial.fact(f"problem of trial {trial.reading.number} ({problem or 'none'})", known)


def in_time(trials: tuple[Found[ServedTrial], ...], limit: float) -> None:
    """Assert that the outage of every group, at its upper bound, is within the declared time."""
    for trial in trials:
        read = trial.reading
        for group, outage in sorted(read.outages.items()):
            name = f"outage of {group} in trial {read.number} ({read.way} {read.victim})"
            assert holds(trial.fact(name, outage), "<=", limit)
        assert holds(usable(trial), "==", "none")


def nothing_lost(trials: tuple[Found[ServedTrial], ...]) -> None:
    """Assert that what was acknowledged is stored, and nothing that nobody wrote."""
    for trial in trials:
        read, where = trial.reading, f"trial {trial.reading.number} ({trial.reading.way})"
        sample = f" ({', '.join(read.lost_sample[:3])}…)" if read.lost_sample else ""
        lost = trial.fact(f"acknowledged writes lost in {where}{sample}", read.lost)
        assert holds(lost, "<=", 0)
        for what, count in read.wrong.items():
            assert holds(trial.fact(f"{what} writes in {where}", count), "==", 0)
        assert holds(usable(trial), "==", "none")


@check(
    "LB-009",
    "Users are served again in time when the balancer that holds the address is lost",
    clauses=("test.failover/load-balancer-in-time",),
    each=BALANCER,
    declared=("its shared address", "lost balancers"),
    severity=Severity.CRITICAL,
    tier=Tier.DISRUPT,
    limit=LIMIT,
    risk="Nobody reaches the site for longer than was promised, or half of all users does not.",
    reads=(*READS, "ip -json address show on every machine that may hold the address"),
    rights=RIGHTS,
    disturbs="kills the balancer that holds the shared addresses, then cuts its machine off where "
    "that is declared, `trials` times each",
    remedy="see in the timeline whether the address moved late or not at all: a health script of "
    "keepalived that sees the balancer's death, `advert_int`, both families in one group; and "
    "whether the other machine has the same configuration",
)
def test_balancer_is_replaced_in_time(
    balancer: Balanced, lost_balancer: LostBalancer, site: Environment, confidence: Confidence
) -> None:
    """The outage in each family is within the declared time, and each address has one holder."""
    part = declared(site, balancer).balancer
    assert part is not None
    trials = undisturbed(lost_balancer(balancer))
    in_time(trials, part.recovery_time)
    for trial in trials:
        for address, names in sorted(trial.reading.owners.items()):
            holders = trial.fact(f"holders of {address} after trial {trial.reading.number}", names)
            own = [(name,) for name in balancer.balancer.may_hold]
            assert holds(holders, "in", own)
    confidence(len(trials), f"under {in_words(part.recovery_time)}")


@check(
    "LB-010",
    "No write acknowledged through the balancer is lost when the balancer is lost",
    clauses=("test.failover/load-balancer-nothing-lost",),
    each=BALANCER,
    declared=("its shared address", "lost balancers", "balanced writes"),
    severity=Severity.HIGH,
    tier=Tier.DISRUPT,
    limit=LIMIT,
    risk="Users were told that something is done, and it is not.",
    reads=READS,
    rights=RIGHTS,
    disturbs="kills the balancer that holds the shared addresses, as LB-009 does: once for both",
    remedy="see who acknowledges a write before it is stored: a balancer or a cache that answers "
    "by itself, or the application",
)
def test_nothing_is_lost_with_the_balancer(
    balancer: Balanced, lost_balancer: LostBalancer, confidence: Confidence
) -> None:
    """Every acknowledged note is listed in the end, with its text."""
    trials = undisturbed(lost_balancer(balancer))
    nothing_lost(trials)
    confidence(len(trials), "without a loss")


@check(
    "LB-011",
    "Users are served again in time when a backend is lost",
    clauses=("test.failover/application-in-time",),
    each=BACKEND,
    declared=("lost servers",),
    severity=Severity.CRITICAL,
    tier=Tier.DISRUPT,
    limit=LIMIT,
    risk="One dead server of several takes a share of all requests with it.",
    reads=READS,
    rights=RIGHTS,
    disturbs="kills one server at a time, then cuts its machine off where that is declared, "
    "`trials` times each",
    remedy="shorten the interval of the health check and the time to connect at that balancer, and "
    "let it try another server (`option redispatch`)",
)
def test_backend_is_replaced_in_time(
    backend: Backend, lost_backend: LostBackend, site: Environment, confidence: Confidence
) -> None:
    """The outage at each address is within the declared time, and the server serves again."""
    drill = declared(site, backend)
    assert drill.application is not None
    trials = undisturbed(lost_backend(backend))
    in_time(trials, drill.application.recovery_time)
    for trial in trials:
        back = trial.reading.returned is not None
        name = f"{backend.machine.name} serves again after trial {trial.reading.number}"
        assert holds(trial.fact(name, back), "==", True)
    confidence(len(trials), f"under {in_words(drill.application.recovery_time)}")


@check(
    "LB-012",
    "No write that a backend acknowledged is lost when the backend is lost",
    clauses=("test.failover/application-nothing-lost",),
    each=BACKEND,
    declared=("lost servers", "balanced writes"),
    severity=Severity.CRITICAL,
    tier=Tier.DISRUPT,
    limit=LIMIT,
    risk="Users were told that something is done, and it is not.",
    reads=READS,
    rights=RIGHTS,
    disturbs="kills one server at a time, as LB-011 does: once for both",
    remedy="let the application acknowledge a write when it is stored, and not when it is queued "
    "in its memory",
)
def test_nothing_is_lost_with_the_backend(
    backend: Backend, lost_backend: LostBackend, confidence: Confidence
) -> None:
    """Every acknowledged note is listed in the end, with its text."""
    trials = undisturbed(lost_backend(backend))
    nothing_lost(trials)
    confidence(len(trials), "without a loss")
