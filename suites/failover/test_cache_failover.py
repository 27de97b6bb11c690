"""Cut the cache's master off while clients write: who takes over, how fast, and what is lost."""

from collections.abc import Callable

from readiness import Environment, Fact, Found, Severity, Tier, check, holds
from readiness.drills.cache_failover import CacheTrial
from readiness.model.quantities import in_words
from readiness.running.fixtures import CacheDrilled
from readiness.systems.redis.declared import CACHE, NODE, CacheCluster, CacheNode, cache_of

Drill = Callable[[CacheCluster], CacheDrilled]
Confidence = Callable[[int, str], None]

READS = ("keys of its own at the master, INFO of every node, the master of every Sentinel",)
RIGHTS = (
    "a user of the cache that may set keys of one prefix, and a system user that may set a "
    "firewall table on a member"
)
DISTURBS = (
    "cuts the master off from the network until a replica is promoted and written to, `trials` "
    "times"
)
LIMIT = 900.0


def undisturbed(drill: CacheDrilled) -> tuple[Found[CacheTrial], ...]:
    """The trials, once claimed that the harness itself causes neither outage nor loss."""
    assert holds(usable(drill.control), "==", "none")
    return drill.trials


def usable(trial: Found[CacheTrial]) -> Fact[str]:
    """The claim's subject: that the trial shows something."""
    problem = trial.reading.problem
    known = None if problem else "none"
    return trial.fact(f"problem of trial {trial.reading.number} ({problem or 'none'})", known)


@check(
    "CACHE-013",
    "A replica takes over from the lost master within its time",
    clauses=("test.failover/cache-in-time",),
    each=CACHE,
    declared=("cache failover drill",),
    severity=Severity.CRITICAL,
    tier=Tier.DISRUPT,
    limit=LIMIT,
    risk="Nobody can log in for longer than was promised.",
    reads=READS,
    rights=RIGHTS,
    disturbs=DISTURBS,
    remedy="see in the timeline whether a replica was promoted late, or clients were led to it "
    "late: `down-after`, the Sentinels that still reach each other, their users",
)
def test_takes_over_in_time(
    cache: CacheCluster, cache_failover: Drill, confidence: Confidence
) -> None:
    """The outage of clients that ask Sentinel, at its upper bound, is within the declared time."""
    drill = cache.cache.failover
    assert drill is not None
    trials = undisturbed(cache_failover(cache))
    for trial in trials:
        name = f"outage in trial {trial.reading.number}"
        assert holds(trial.fact(name, trial.reading.outage), "<=", drill.recovery_time)
        assert holds(usable(trial), "==", "none")
        promoted = trial.fact(f"promoted in trial {trial.reading.number}", trial.reading.promoted)
        assert holds(promoted, "in", list(cache.cache.members))
    confidence(len(trials), f"under {in_words(drill.recovery_time)}")


@check(
    "CACHE-014",
    "No acknowledged write of the cache is lost when its master is",
    clauses=("test.failover/cache-nothing-lost",),
    each=CACHE,
    declared=("cache failover drill",),
    severity=Severity.HIGH,
    tier=Tier.DISRUPT,
    limit=LIMIT,
    risk="Whoever has just logged in is logged out again, and what a session held is gone.",
    reads=READS,
    rights=RIGHTS,
    disturbs=DISTURBS,
    remedy="compare when the lost writes were acknowledged with the cut: before it, the replica "
    "that was promoted lagged; after it, the old master took writes (min-replicas-to-write)",
)
def test_nothing_is_lost(
    cache: CacheCluster, cache_failover: Drill, confidence: Confidence
) -> None:
    """Every acknowledged key is at the master that all agree on afterwards, with its value."""
    trials = undisturbed(cache_failover(cache))
    for trial in trials:
        read, number = trial.reading, trial.reading.number
        sample = f" ({', '.join(read.lost_sample[:3])}…)" if read.lost_sample else ""
        lost = trial.fact(f"acknowledged writes lost in trial {number}{sample}", read.lost)
        assert holds(lost, "<=", 0)
        for what, count in read.wrong.items():
            assert holds(trial.fact(f"{what} writes in trial {number}", count), "==", 0)
        assert holds(usable(trial), "==", "none")
    confidence(len(trials), "without a loss")


@check(
    "CACHE-015",
    "Every node follows the new master after a failover, the old master too",
    clauses=("infra.cache/rejoin-after-failover",),
    each=NODE,
    declared=("cache failover drill",),
    severity=Severity.CRITICAL,
    tier=Tier.DISRUPT,
    limit=LIMIT,
    risk="After the first failover there is no replica left for the second.",
    reads=READS,
    rights=RIGHTS,
    disturbs=DISTURBS,
    remedy="see that node's log: its replication login at the new master, whether its "
    "configuration can be rewritten, and what the Sentinels tell it",
)
def test_follows_afterwards(
    cache_node: CacheNode, cache_failover: Drill, site: Environment, confidence: Confidence
) -> None:
    """In each trial but those in which it was promoted itself; in one at least."""
    trials = undisturbed(cache_failover(cache_of(site, cache_node)))
    name, followed = cache_node.machine.name, 0
    for trial in trials:
        read = trial.reading
        if read.promoted != name:
            why = read.not_whole or read.problem or "ok"
            words = f"follows {read.promoted or 'nobody'} after trial {read.number} ({why})"
            assert holds(trial.fact(words, name in read.following), "==", True)
            followed += 1
        assert holds(usable(trial), "==", "none")
    seen = trials[-1].fact("trials after which it had to follow", followed or None)
    assert holds(seen, ">=", 1)
    confidence(len(trials), "with every node on the new master")
