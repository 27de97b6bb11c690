"""Break and drain servers behind a balancer while users ask: what they notice, and what returns."""

from collections.abc import Callable

from readiness import Environment, Fact, Found, Severity, Tier, check, holds
from readiness.drills.served_trial import ServedTrial, is_up
from readiness.model.errors import NotRun
from readiness.model.quantities import in_words
from readiness.running.balancing_fixtures import ServedDrilled
from readiness.site.subjects import BACKEND, Backend
from readiness.systems.balancing.declared import BalancingDrill, drill_of

Drill = Callable[[Backend], ServedDrilled]
Confidence = Callable[[int, str], None]

RIGHTS = "network access to the listener, and a system user that may run the declared commands"
LIMIT = 900.0


def declared(site: Environment, backend: Backend) -> BalancingDrill:
    """What is declared of the drill."""
    found = drill_of(site, backend.balancer)
    if found is None:
        raise NotRun(f"{backend.balancer.name}: no drill is declared")
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


def called(trial: Found[ServedTrial]) -> str:
    """A trial as reasons name it."""
    return f"trial {trial.reading.number} ({trial.reading.way})"


@check(
    "LB-007",
    "A broken backend leaves rotation everywhere in time, and comes back without a wrong answer",
    clauses=("infra.load-balancer/broken-backend-seen",),
    each=BACKEND,
    declared=("broken servers",),
    severity=Severity.CRITICAL,
    tier=Tier.DISRUPT,
    limit=LIMIT,
    risk="A share of all users gets errors for as long as one server is ill, since it takes "
    "connections and nobody asks it for more.",
    reads=(
        "GET of the page of the balancer at each of its addresses, twice a second",
        "the statistics of each machine of the balancer, where it has any",
    ),
    rights=RIGHTS,
    disturbs="breaks one server at a time in each declared way, `trials` times, and mends it",
    remedy="let the health check of that balancer ask what users need (`option httpchk` with `http-"
    "check expect status 200`), often enough, and see that it decides about rotation",
)
def test_broken_server_leaves(
    backend: Backend, broken_backend: Drill, site: Environment, confidence: Confidence
) -> None:
    """No request that begins after the declared time is answered wrong, or by the broken server."""
    drill, name = declared(site, backend), backend.machine.name
    trials = undisturbed(broken_backend(backend))
    for trial in trials:
        read, where = trial.reading, called(trial)
        right = trial.fact(f"time until users were right in {where}", read.right_after)
        assert holds(right, "<=", drill.within)
        late = trial.fact(f"answers of {name} after that in {where}", read.answers_after)
        assert holds(late, "==", 0)
        for machine, status in read.status.items():
            seen = trial.fact(f"{machine} calls it up in {where} ({status})", is_up(status))
            assert holds(seen, "==", False)
        came = trial.fact(f"time until {name} served again after {where}", read.returned)
        assert holds(usable(trial), "==", "none")
        assert holds(trial.fact(f"{name} serves again after {where}", came_back(read)), "==", True)
        assert holds(came, "<=", drill.returns)
        again = trial.fact(f"failures while it came back in {where}", read.failed_after)
        assert holds(again, "==", 0)
    confidence(len(trials), f"under {in_words(drill.within)}")


def came_back(trial: ServedTrial) -> bool:
    """Whether the server answered at every address again."""
    return trial.returned is not None


@check(
    "LB-008",
    "A backend is drained without a failed request, and comes back",
    clauses=("infra.load-balancer/draining",),
    each=BACKEND,
    declared=("draining",),
    severity=Severity.HIGH,
    tier=Tier.DISRUPT,
    limit=LIMIT,
    risk="Each release cuts users off in the middle of what they do.",
    reads=(
        "GET of the page of the balancer at each of its addresses, twice a second",
        "GET of a slow page at each machine of the balancer",
    ),
    rights=RIGHTS,
    disturbs="drains one server at a time at every machine of the balancer, and takes it back",
    remedy="drain by the balancer's own way (`set server … state drain`), on every machine, and "
    "let requests end: no `on-marked-down shutdown-sessions`, no maintenance state",
)
def test_drained_server_ends_what_it_does(
    backend: Backend, drained_backend: Drill, site: Environment, confidence: Confidence
) -> None:
    """Slow requests end whole, no request fails, new ones go elsewhere, and it serves again."""
    drill, name = declared(site, backend), backend.machine.name
    trials = undisturbed(drained_backend(backend))
    for trial in trials:
        read, where = trial.reading, called(trial)
        for one in read.slow:
            cut = trial.fact(f"slow requests cut at {one.machine} in {where}", one.broken)
            assert holds(cut, "==", 0)
        assert holds(trial.fact(f"failed requests in {where}", read.failed), "==", 0)
        late = trial.fact(f"answers of {name} once it was drained in {where}", read.answers_after)
        assert holds(late, "==", 0)
        assert holds(usable(trial), "==", "none")
        for one in read.slow:
            # Without one on its way nothing shows that draining waits.
            over = one.asked or None
            running = trial.fact(f"slow requests of {name} at {one.machine} in {where}", over)
            assert holds(running, ">=", 1)
        assert holds(trial.fact(f"{name} serves again after {where}", came_back(read)), "==", True)
        came = trial.fact(f"time until {name} served again after {where}", read.returned)
        assert holds(came, "<=", drill.returns)
    confidence(len(trials), "without a failed request")
