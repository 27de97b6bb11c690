"""Disturb the primary while clients write: who takes over, how fast, and what is lost."""

from collections import Counter
from collections.abc import Callable

from readiness import Fact, Found, Objectives, Severity, Tier, check, holds
from readiness.drills.trial import Trial
from readiness.model.quantities import in_words
from readiness.running.fixtures import Drilled
from readiness.site.subjects import DATABASE_CLUSTER, Cluster

Drill = Callable[[Cluster], Drilled]
Confidence = Callable[[int, str], None]

READS = ("rows of a table of its own, the automation's REST interface of every member",)
RIGHTS = (
    "the touch login, and a system user that may set a firewall table on a member, or stop the "
    "unit that an experiment names"
)
DISTURBS = (
    "plays each declared experiment, `trials` times: where none is named, it cuts the primary off "
    "from the network for promotion plus TTL"
)
LIMIT = 1800.0


def undisturbed(drill: Drilled) -> tuple[Found[Trial], ...]:
    """The trials, once claimed that the harness itself causes neither outage nor loss."""
    problem = drill.control.reading.problem
    name = f"problem of the control trial ({problem or 'none'})"
    assert holds(drill.control.fact(name, known(problem)), "==", "none")
    return drill.trials


def known(problem: str) -> str | None:
    """`none` for a usable trial; unknown for one that shows nothing."""
    return None if problem else "none"


def usable(trial: Found[Trial]) -> Fact[str]:
    """The claim's subject: that the trial shows something."""
    name = f"problem of trial {trial.reading.number} ({trial.reading.problem or 'none'})"
    return trial.fact(name, known(trial.reading.problem))


def fewest(trials: tuple[Found[Trial], ...]) -> int:
    """Of how many trials one may speak: those of the experiment that was tried least often."""
    return min(Counter(trial.reading.experiment for trial in trials).values(), default=0)


@check(
    "PG-020",
    "A standby takes over within the recovery-time objective, for every kind of client",
    # Its pooled clients go the application's way, and are not back before that leads elsewhere.
    clauses=("test.failover/database-in-time", "infra.database-ha/client-path-follows-primary"),
    each=DATABASE_CLUSTER,
    declared=("standby", "automation", "failover drill", "touch login"),
    severity=Severity.CRITICAL,
    tier=Tier.DISRUPT,
    limit=LIMIT,
    risk="The portal can't be written to for longer than was promised.",
    reads=READS,
    rights=RIGHTS,
    disturbs=DISTURBS,
    remedy="see in the timeline which client group was last, and what it was connected to",
)
def test_takes_over_in_time(
    database_cluster: Cluster,
    failover_drill: Drill,
    objectives: Objectives,
    confidence: Confidence,
) -> None:
    """The outage of the slowest client group, at its upper bound, is within the objective."""
    trials = undisturbed(failover_drill(database_cluster))
    for trial in trials:
        outages = trial.reading.outages
        kinds = trial.fact(f"kinds of client in trial {trial.reading.number}", len(outages))
        assert holds(kinds, ">=", 1)
        for client, outage in outages.items():
            name = f"outage of {client} in trial {trial.reading.number}"
            assert holds(trial.fact(name, outage), "<=", objectives.database_recovery_time)
        assert holds(usable(trial), "==", "none")
    confidence(fewest(trials), f"under {in_words(objectives.database_recovery_time)}")


@check(
    "PG-021",
    "No acknowledged write is lost in a failover",
    clauses=("test.failover/database-nothing-lost",),
    each=DATABASE_CLUSTER,
    declared=("standby", "automation", "failover drill", "touch login"),
    severity=Severity.CRITICAL,
    tier=Tier.DISRUPT,
    limit=LIMIT,
    risk="A student's change was confirmed and is gone.",
    reads=READS,
    rights=RIGHTS,
    disturbs=DISTURBS,
    remedy="compare when the lost writes were acknowledged with the cut: before it, their commits "
    "did not wait for the standby that was promoted; after it, the old primary was not demoted",
)
def test_nothing_is_lost(
    database_cluster: Cluster, failover_drill: Drill, confidence: Confidence
) -> None:
    """Every acknowledged id is on the proven primary, and on every standby that caught up with it.

    A standby that never caught up says nothing of a loss; it is what PG-023 is about.
    """
    trials = undisturbed(failover_drill(database_cluster))
    for trial in trials:
        read, number = trial.reading, trial.reading.number
        sample = f" ({', '.join(read.lost_sample[:3])}…)" if read.lost_sample else ""
        lost = trial.fact(f"acknowledged writes lost in trial {number}{sample}", read.lost)
        assert holds(lost, "<=", 0)
        for what, count in read.wrong.items():
            assert holds(trial.fact(f"{what} writes in trial {number}", count), "==", 0)
        for standby, missing in read.missing_on_standbys.items():
            name = f"acknowledged writes missing on {standby} after trial {number}"
            assert holds(trial.fact(name, missing), "==", 0)
        assert holds(usable(trial), "==", "none")
    confidence(fewest(trials), "without a loss")


@check(
    "PG-022",
    "Never do two primaries accept writes at the same time",
    clauses=("test.failover/database-one-writer",),
    each=DATABASE_CLUSTER,
    declared=("standby", "automation", "failover drill", "touch login"),
    severity=Severity.CRITICAL,
    tier=Tier.DISRUPT,
    limit=LIMIT,
    risk="Two histories exist, and one of them will be thrown away.",
    reads=(*READS, "the log of a writer on the victim itself"),
    rights=RIGHTS,
    disturbs=DISTURBS,
    remedy="make the automation demote before its lease ends; consider a watchdog",
)
def test_one_writer(
    database_cluster: Cluster, failover_drill: Drill, confidence: Confidence
) -> None:
    """The cut-off primary acknowledges no local commit after the new primary's first."""
    trials = undisturbed(failover_drill(database_cluster))
    for trial in trials:
        overlap = trial.reading.two_primaries
        answer = str(overlap.overlap) if overlap and overlap.overlap != "unknown" else None
        why = overlap.reason if overlap else "no log"
        name = f"two primaries accepting writes in trial {trial.reading.number} ({why})"
        assert holds(trial.fact(name, answer), "==", "no")
        assert holds(usable(trial), "==", "none")
    confidence(fewest(trials), "without a second writer")


@check(
    "PG-023",
    "The old primary rejoins as a standby, and redundancy is full again",
    clauses=("test.failover/database-old-primary-rejoins",),
    each=DATABASE_CLUSTER,
    declared=("standby", "automation", "failover drill", "touch login"),
    severity=Severity.CRITICAL,
    tier=Tier.DISRUPT,
    limit=LIMIT,
    risk="The next failure has no standby to go to.",
    reads=READS,
    rights=RIGHTS,
    disturbs=DISTURBS,
    remedy="see the log of the member that did not come back: pg_rewind must be allowed and able "
    "to connect, and the new primary must accept its replication login",
)
def test_old_primary_rejoins(
    database_cluster: Cluster, failover_drill: Drill, confidence: Confidence
) -> None:
    """After the cut every member streams on one timeline, the declared standbys in step."""
    trials = undisturbed(failover_drill(database_cluster))
    for trial in trials:
        seconds = trial.reading.rejoin_seconds
        why = trial.reading.not_whole or trial.reading.problem or "ok"
        name = f"old primary back in trial {trial.reading.number} ({why})"
        assert holds(trial.fact(name, seconds is not None), "==", True)
        behind = [f"{name}: {why}" for name, why in trial.reading.behind.items()]
        words = f"standbys that did not catch up with trial {trial.reading.number}"
        assert holds(trial.fact(words, behind), "==", ())
        assert holds(usable(trial), "==", "none")
    confidence(fewest(trials), "with the old primary back in time")


@check(
    "PG-024",
    "After every failover users get the right page, from every backend and at every address",
    clauses=("infra.database-ha/client-path-follows-primary",),
    each=DATABASE_CLUSTER,
    declared=("standby", "automation", "failover drill", "touch login", "balancer"),
    severity=Severity.CRITICAL,
    tier=Tier.DISRUPT,
    limit=LIMIT,
    risk="The database fails over as promised, and the application does not: the new primary "
    "refuses its login, or its path leads to the old one.",
    reads=(*READS, "GET of the page of every balancer, as LB-002"),
    rights=f"{RIGHTS}; network access to the listeners",
    disturbs=DISTURBS,
    remedy="see why that machine's application can't use the member that was promoted: access "
    "rules, rights, the path to the primary",
)
def test_users_are_served(
    database_cluster: Cluster,
    failover_drill: Drill,
    confidence: Confidence,
) -> None:
    """The declared page is whole from each machine behind each balancer, under the new primary."""
    trials = undisturbed(failover_drill(database_cluster))
    for trial in trials:
        number, led = trial.reading.number, trial.reading.promoted or "the same primary"
        for place, wrong in (trial.reading.pages or {}).items():
            name = f"what is wrong with the page of {place} under {led} in trial {number}"
            assert holds(trial.fact(name, wrong or "none"), "==", "none")
        asked = trial.reading.pages and len(trial.reading.pages)
        assert holds(trial.fact(f"pages asked for in trial {number}", asked), ">=", 1)
        assert holds(usable(trial), "==", "none")
    confidence(fewest(trials), "with all users served")
