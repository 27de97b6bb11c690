"""Whether every Prometheus scrapes what it must, freshly, and keeps it."""

from collections import Counter
from datetime import UTC, datetime

from readiness import Ask, Environment, Severity, check, derive, holds
from readiness.site.declared.machine import Machine
from readiness.systems.prometheus.declared import PROMETHEUS, Job, Prometheus, expected
from readiness.systems.prometheus.durations import kept_for
from readiness.systems.prometheus.reading import (
    HISTORY,
    QUERY,
    RUNNING,
    TARGETS,
    Kept,
    Series,
    Target,
)
from readiness.systems.prometheus.starting import is_waited_for, require_time

# A sample is stale after two scrapes that gave none; one more second is for the answer itself.
INTERVALS = 2
SLACK = 1.0
# How much of the retention may lie before the oldest sample: it is looked at in 400 steps.
YOUNGER = 0.01
DAY = 86400.0


@check(
    "MET-001",
    "Every Prometheus scrapes every machine that it has to, each once",
    clauses=("obs.metrics/targets-scraped",),
    each=PROMETHEUS,
    severity=Severity.HIGH,
    risk="What nobody scrapes is never red: its rules find nothing, and nobody is told.",
    reads=("GET /api/v1/targets?state=active", "GET /api/v1/query?query=time()"),
    rights="network access to every Prometheus",
    remedy="add the machine to the job on that server, mend its exporter or the way to it; what is "
    "meant to be off stands under `off`",
)
def test_everything_is_scraped(prometheus: Prometheus, ask: Ask, site: Environment) -> None:
    """Of each declared job every machine is a target, once, up, and was scraped lately."""
    found = ask(TARGETS, prometheus)
    unknown: dict[str, tuple[list[str], list[str]]] = {}
    for job in prometheus.metrics.jobs:
        mine = [one for one in found.reading.targets if one.job == job.job]
        wanted = expected(site, job)
        fact = found.fact(f"instances of {job.job} that stand for two targets", doubled(mine))
        assert holds(fact, "==", [])
        known = (*wanted, *(site.machine(name) for name in job.off))
        strays = [one.instance for one in mine if owner(one, known) is None]
        assert holds(found.fact(f"targets of {job.job} that are nobody's", strays), "==", [])
        ours = [one for one in mine if owner(one, wanted)]
        new = sorted({one.instance for one in ours if is_waited_for(one)})
        bad = sorted({in_words(one) for one in ours if not up(one) and one.instance not in new})
        assert holds(found.fact(f"targets of {job.job} that are not up", bad), "==", [])
        unknown[job.job] = [one.name for one in wanted if not owned(mine, one)], new
    # What is wrong for certain is told first: nothing that is not known yet may hide it.
    require_time(
        ask, prometheus, {one for each in unknown.values() for some in each for one in some}
    )
    for name, (lacking, new) in unknown.items():
        missing = found.fact(f"machines that {name} does not scrape", lacking)
        assert holds(missing, "==", [])
        never = found.fact(f"targets of {name} that were never scraped", new)
        assert holds(never, "==", [])


def in_words(target: Target) -> str:
    """What a target is called, and how it is."""
    return f"{target.instance}: {target.health} {target.error}"


def doubled(targets: list[Target]) -> list[str]:
    """The instances whose samples come from two places, so that one of them is lost."""
    many = Counter(one.instance for one in targets)
    return sorted(one for one in many if many[one] > 1)


def owner(target: Target, machines: tuple[Machine, ...]) -> Machine | None:
    """The machine that a target is about, by what is asked or by its label."""
    label = target.instance.rpartition(":")[0].strip("[]") or target.instance
    for one in machines:
        if one.known_as(target.host):
            return one
    return next((one for one in machines if one.known_as(label)), None)


def owned(targets: list[Target], machine: Machine) -> list[Target]:
    """The targets that are about a machine."""
    return [one for one in targets if owner(one, (machine,)) is machine]


def up(target: Target) -> bool:
    """Whether its last scrape worked, and was lately."""
    late = target.age is None or target.interval is None
    return target.health == "up" and not late and not too_old(target.age or 0.0, target)


def too_old(age: float, target: Target) -> bool:
    """Whether more than two intervals have passed."""
    return age > INTERVALS * (target.interval or 0.0) + SLACK


@check(
    "MET-002",
    "Every target's samples are fresh, and dated right",
    clauses=("obs.metrics/samples-fresh",),
    each=PROMETHEUS,
    severity=Severity.HIGH,
    risk="A target is up with an empty page, or with samples that are too old to be kept: its "
    "rules find nothing, and nobody is told.",
    reads=(
        "GET /api/v1/targets?state=active",
        "GET /api/v1/query?query=time()",
        "GET /api/v1/query?query=timestamp(METRIC{job=JOB}), of each job's declared metric",
    ),
    rights="network access to every Prometheus",
    remedy="mend the exporter so that it gives that metric again, and the clock of whoever dates "
    "it",
)
def test_samples_are_fresh(prometheus: Prometheus, ask: Ask, site: Environment) -> None:
    """Each target's declared metric has a sample of the last two intervals, none of the future."""
    found = ask(TARGETS, prometheus)
    tolerance = prometheus.metrics.clock_tolerance
    low, high = found.reading.ahead
    off = max(low, -high, 0.0)
    clock = found.fact("seconds that its clock differs from ours at least", round(off, 3))
    assert holds(clock, "<=", tolerance)
    unknown = set()
    for job in prometheus.metrics.jobs:
        dated = ask(QUERY.of(asked(job)), prometheus)
        now = max((one.at for one in dated.reading), default=0.0)
        for machine in expected(site, job):
            mine = owned([one for one in found.reading.targets if one.job == job.job], machine)
            unknown |= {machine.name} if not mine else set()
            for target in mine:
                if is_waited_for(target):
                    unknown.add(target.instance)
                    continue
                ages = [now - one.value for one in dated.reading if of(one, target)]
                words = f"seconds since {target.instance} gave {job.metric}"
                newest = derive(words, prometheus.id, newest_age(ages), found, dated)
                assert holds(newest, "<=", limit(target))
                ahead = derive(f"{words}, at least", prometheus.id, min(ages), dated)
                assert holds(ahead, ">=", -tolerance)
    require_time(ask, prometheus, unknown)
    never = sorted(one.instance for one in found.reading.targets if one.instance in unknown)
    assert holds(found.fact("targets without any sample", never), "==", [])


def asked(job: Job) -> str:
    """What gives the moment of each series of the metric of a job."""
    name = job.job.replace("\\", "\\\\").replace('"', '\\"')
    return f'timestamp({job.metric}{{job="{name}"}})'


def of(series: Series, target: Target) -> bool:
    """Whether a series came from a target."""
    return series.labels.get("instance") == target.instance


def newest_age(ages: list[float]) -> float:
    """Seconds since the newest sample; five minutes are what Prometheus looks back."""
    return round(min(ages), 3) if ages else 300.0


def limit(target: Target) -> float | None:
    """How old a sample may be; None where the target does not say how often it is scraped."""
    return None if target.interval is None else INTERVALS * target.interval + SLACK


@check(
    "MET-004",
    "Every Prometheus keeps its samples as long as declared",
    clauses=("obs.metrics/retention",),
    each=PROMETHEUS,
    severity=Severity.MEDIUM,
    risk="What happened can't be looked up, and availability is worked out from what is left.",
    reads=(
        "GET /api/v1/status/runtimeinfo",
        "GET /api/v1/alertmanagers",
        "GET /api/v1/query_range?query=count(up) over the declared retention",
    ),
    rights="network access to every Prometheus",
    remedy="raise --storage.tsdb.retention.time, and the size limit beside it; of a server that is "
    "younger say `began`",
)
def test_samples_are_kept(prometheus: Prometheus, ask: Ask) -> None:
    """The oldest sample is as old as the retention, or as the server; what is set allows it."""
    running = ask(RUNNING, prometheus)
    promised = prometheus.metrics.retention
    set_to = kept_for(running.reading.retention)
    if set_to is not None:
        words = "days that its setting keeps samples"
        assert holds(running.fact(words, set_to / DAY), ">=", promised / DAY)
    history = ask(HISTORY, prometheus)
    age = oldest(history.reading)
    fact = derive("days since its oldest sample", prometheus.id, age, running, history)
    assert holds(fact, ">=", least(prometheus, history.reading.end))


def oldest(kept: Kept) -> float | None:
    """Days since the oldest sample."""
    return None if kept.first is None else round((kept.end - kept.first) / DAY, 3)


def least(prometheus: Prometheus, now: float) -> float:
    """Days that the oldest sample has to be old: the retention, or since the server began."""
    promised = prometheus.metrics.retention / DAY * (1 - YOUNGER)
    began = prometheus.server.began
    if began is None:
        return round(promised, 3)
    since = (datetime.fromtimestamp(now, UTC).date() - began).days - 1
    return round(min(promised, max(since, 0)), 3)
