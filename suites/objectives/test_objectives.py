"""Whether what the owner promised can be true together, and with the settings that were found."""

from collections.abc import Callable

from readiness import Ask, Environment, Found, Objectives, Severity, check, derive, holds
from readiness.session.look import Look
from readiness.site.subjects import DATABASE_CLUSTER, ENVIRONMENT, Cluster, Member
from readiness.systems.patroni.reading import PATRONI, DynamicConfig, MemberReading

Patroni = Callable[[Member], Found[MemberReading]]
# Seconds that Patroni lets a crashed primary try to start where nothing else is set.
START_TIMEOUT = 300


@check(
    "OBJ-001",
    "The declared objectives do not contradict each other",
    clauses=("slo.objectives/objectives-consistent",),
    each=ENVIRONMENT,
    severity=Severity.HIGH,
    risk="One outage within the promised recovery time breaks the promised availability.",
    reads=("the environment file",),
    rights="none",
    remedy="lower the recovery time, or the availability, until one such outage fits the budget",
)
def test_objectives_agree(environment: Environment, look: Look, objectives: Objectives) -> None:
    """One outage of the promised length fits the error budget; parts recover before the whole."""
    promised = look.note(environment.name, "environment file", objectives)
    budget = (1 - objectives.availability / 100) * objectives.availability_window
    window = f"{objectives.availability} % of {objectives.availability_window / 86400:g} days"
    outage = promised.fact(
        f"recovery time in seconds (the downtime that {window} allows is the limit)",
        objectives.recovery_time,
    )
    assert holds(outage, "<=", round(budget, 3))
    part = promised.fact("database recovery time in seconds", objectives.database_recovery_time)
    assert holds(part, "<=", objectives.recovery_time)


@check(
    "OBJ-002",
    "The automation's settings allow a failover within the database's recovery time",
    clauses=("slo.objectives/settings-consistent",),
    each=DATABASE_CLUSTER,
    declared=("any automation",),
    severity=Severity.HIGH,
    risk="The promised failover time can't be met even when everything works.",
    reads=("GET /config on every member",),
    rights="network access to the REST interface of every member",
    remedy="lower ttl, loop_wait, retry_timeout and primary_start_timeout (300 s unless set), or "
    "promise a longer recovery time",
)
def test_settings_allow_the_objective(
    database_cluster: Cluster, ask: Ask, objectives: Objectives
) -> None:
    """On every member: a lease that ends, and a primary that crashed, are replaced in time."""
    for member in database_cluster.members:
        found = ask(PATRONI, member)
        config = found.reading.config
        known = (config.ttl, config.loop_wait, config.retry_timeout)
        ttl, loop, retry = known
        complete = None not in known
        # A failure right after a renewal: the whole TTL passes, then a loop until a standby looks.
        worst = ttl + loop if ttl is not None and loop is not None else None
        slowest = found.fact("seconds to take over at worst (ttl + loop_wait)", worst)
        assert holds(slowest, "<=", objectives.database_recovery_time)
        # Patroni's own rule: otherwise a healthy primary can lose its lease.
        least = loop + 2 * retry if complete and loop is not None and retry is not None else None
        fact = derive(
            "ttl in seconds (loop_wait + 2 x retry_timeout is the limit)", found.subject, ttl, found
        )
        assert holds(fact, ">=", least)
        words = "seconds to take over after a crash at worst (loop_wait, primary_start_timeout)"
        crash = found.fact(words, after_a_crash(config))
        assert holds(crash, "<=", objectives.database_recovery_time)


def after_a_crash(config: DynamicConfig) -> float | None:
    """Seconds until a primary that crashed is given up: it keeps its lease while it tries to start.

    The sum is that of Patroni's documentation of primary_start_timeout.
    """
    loop, start = config.loop_wait, config.primary_start_timeout
    if loop is None or start == 0:
        return loop
    return loop + (START_TIMEOUT if start is None else start) + loop
