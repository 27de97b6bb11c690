"""Whether every alert that is needed is loaded, can fire, and would come in time."""

import math
import re
from collections.abc import Mapping
from typing import Final

from readiness import Ask, Environment, Found, NotRun, Severity, check, derive, holds
from readiness.systems.alertmanager.declared import Alert, Alerting
from readiness.systems.prometheus.declared import PROMETHEUS, Prometheus
from readiness.systems.prometheus.declared import servers as prometheus_servers
from readiness.systems.prometheus.expressions import asked_of, metrics_of
from readiness.systems.prometheus.reading import (
    KNOWN,
    QUERY,
    RULES,
    RUNNING,
    TARGETS,
    Rule,
    Series,
    Targets,
)
from readiness.systems.prometheus.starting import is_waited_for, require_time

Rules = Found[tuple[Rule, ...]]
# A rule is late when two evaluations and a second have passed.
EVALUATIONS: Final = 2
SLACK: Final = 1.0
# What tells of each way in which a monitoring fails by itself; one of each is enough.
OWN_FAILURES: Final[Mapping[str, re.Pattern[str]]] = {
    "rules that fail": re.compile(r"prometheus_rule_(evaluation_failures|group_iterations_missed)"),
    "alerts that are not sent": re.compile(
        r"prometheus_notifications_(dropped|errors|alertmanagers_discovered)"
    ),
    "notices that fail": re.compile(r"alertmanager_notifications_failed"),
    "a configuration that is not loaded": re.compile(r"_config_last_reload_success"),
    "a store that fails": re.compile(
        r"prometheus_tsdb_(compactions_failed|wal_corruptions|wal_truncations_failed|"
        r"reloads_failures|head_truncations_failed|checkpoint_creations_failed|blocks_loaded)"
    ),
}
# What must not grow now: over so many scrapes and evaluations, of those that come most rarely. What
# failed once and has worked since is told by its alert.
TIMES: Final = 4
WINDOWS: Final = 3
FAILURES: Final = (
    "prometheus_rule_evaluation_failures_total",
    "prometheus_notifications_dropped_total",
    "prometheus_tsdb_compactions_failed_total",
    "prometheus_tsdb_wal_corruptions_total",
    "prometheus_tsdb_wal_truncations_failed_total",
    "alertmanager_notifications_failed_total",
)


@check(
    "MET-003",
    "Every declared alert is loaded on every Prometheus, and can fire in time",
    clauses=("obs.metrics/rules-loaded",),
    each=PROMETHEUS,
    severity=Severity.CRITICAL,
    risk="The alert is in the repository and not in force, or asks for a metric that nobody gives: "
    "it never fires.",
    reads=(
        "GET /api/v1/rules?type=alert",
        "GET /api/v1/query?query=count(SELECTOR), of each metric that an alert's rules name",
    ),
    rights="network access to every Prometheus",
    remedy="load the rule there, mend its expression or the exporter, and shorten `for` below what "
    "`within` allows",
)
def test_alerts_are_loaded(prometheus: Prometheus, ask: Ask, site: Environment) -> None:
    """Each is loaded, healthy, evaluated lately, has data, and waits no longer than it may."""
    alerting = alerts_of(site)
    found = ask(RULES, prometheus)
    for alert in alerting.needed:
        mine = [one for one in found.reading if one.alert == alert.name and fits(one, alert)]
        loaded = found.fact(f"rules that raise {alert.name}", len(mine))
        assert holds(loaded, ">=", 1)
        new = [alert.name for one in mine if is_waited_for(one)]
        bad = [
            f"{one.health} {one.error}".strip()
            for one in mine
            if one.health != "ok" and not is_waited_for(one)
        ]
        assert holds(found.fact(f"rules of {alert.name} that do not work", bad), "==", [])
        require_time(ask, prometheus, new)
        late = [round(one.age or 0.0, 1) for one in mine if is_late(one)]
        assert holds(found.fact(f"rules of {alert.name} not evaluated lately", late), "==", [])
        words = f"seconds that {alert.name} waits before it fires"
        assert holds(
            found.fact(words, min(one.waits + one.interval for one in mine)), "<=", most(alert)
        )
        assert_has_data(prometheus, ask, found, alert, mine)


def alerts_of(site: Environment) -> Alerting:
    """What is declared of alerts.

    Raises:
        NotRun: nothing is.
    """
    if site.alerting is None:
        raise NotRun(
            f"{site.name}: which alerts there must be is not declared", declare="`alerting`"
        )
    return site.alerting


def fits(rule: Rule, alert: Alert) -> bool:
    """Whether a rule gives the labels that are declared; those that a series has are not known."""
    return all(rule.labels.get(key, value) == value for key, value in alert.labels.items())


def is_late(rule: Rule) -> bool:
    """Whether it was not evaluated when it should have been."""
    return rule.age is None or rule.age > EVALUATIONS * rule.interval + SLACK


def most(alert: Alert) -> float:
    """Seconds that it may wait, if the rest of the way took no time at all."""
    return alert.within


def assert_has_data(
    prometheus: Prometheus, ask: Ask, found: Rules, alert: Alert, rules: list[Rule]
) -> None:
    """Of each group of series that its rules ask for some are there, or described by a target."""
    for rule in rules:
        for group in asked_of(rule.expression):
            given = [ask(QUERY.of(f"count({one})"), prometheus) for one in group]
            count = sum(int(one.reading[0].value) for one in given if one.reading)
            known = [] if count else [ask(KNOWN.of(one), prometheus) for one in group]
            there = count + sum(one.reading for one in known)
            require_time(ask, prometheus, () if there else group)
            words = f"series of {' or '.join(group)}, which {alert.name} asks for"
            fact = derive(words, prometheus.id, there, found, *given, *known)
            assert holds(fact, ">=", 1)


@check(
    "MET-005",
    "Every Prometheus and every Alertmanager is watched by another, and does not fail",
    clauses=("obs.metrics/self-monitoring",),
    each=PROMETHEUS,
    severity=Severity.HIGH,
    risk="The monitoring fails silently: nothing is red, since nobody looks any more.",
    reads=(
        "GET /api/v1/rules?type=alert",
        "GET /api/v1/targets?state=active",
        "GET /api/v1/status/runtimeinfo",
        "GET /api/v1/alertmanagers",
        "GET /api/v1/query?query=increase(METRIC[four intervals]), three times, of its failures",
    ),
    rights="network access to every Prometheus",
    remedy="see what fails in its log; load an alert for each of its own failures; have each "
    "Prometheus and Alertmanager scraped by another Prometheus; have it send to every Alertmanager",
)
def test_monitoring_is_monitored(prometheus: Prometheus, ask: Ask, site: Environment) -> None:
    """Nothing of it failed lately, an alert of each failure is loaded, and another scrapes it."""
    running = ask(RUNNING, prometheus)
    reloaded = running.fact("its last configuration loaded", running.reading.reloaded)
    assert holds(reloaded, "==", True)
    assert holds(running.fact("corruptions of its store", running.reading.corruptions), "==", 0)
    rules = ask(RULES, prometheus)
    targets = ask(TARGETS, prometheus)
    window = lately(rules.reading, targets.reading)
    for name in FAILURES:
        grown = [ask(QUERY.of(one), prometheus) for one in growth(name, window)]
        words = f"how much {name} grew in each of the last {WINDOWS} times {window} s"
        fact = derive(words, prometheus.id, at_least(grown), *grown, targets)
        assert holds(fact, "<=", 0)
    asked = {name for one in rules.reading for name in metrics_of(one.expression)}
    told = [what for what, metric in OWN_FAILURES.items() if not any(map(metric.search, asked))]
    assert holds(rules.fact("own failures that no alert tells of", told), "==", [])
    assert_watched(prometheus, ask, site)
    lacking = [
        one for one in alertmanagers(site) if not sends_to(one, running.reading.alertmanagers, site)
    ]
    require_time(ask, prometheus, lacking)
    assert holds(running.fact("Alertmanagers that it does not send to", lacking), "==", [])


def lately(rules: tuple[Rule, ...], targets: Targets) -> int:
    """Seconds in which whatever fails fails at least once."""
    every = [one.interval for one in rules] + [one.interval or 0.0 for one in targets.targets]
    return math.ceil(TIMES * max(every, default=60.0))


def growth(name: str, window: int) -> list[str]:
    """How much a counter grew in each of the last windows, the newest first."""
    ends = ("", *(f" offset {window * back}s" for back in range(1, WINDOWS)))
    return [f"sum(increase({name}[{window}s]{end}))" for end in ends]


def at_least(grown: list[Found[tuple[Series, ...]]]) -> float | None:
    """How much failed in each of some windows; a server that was not there yet did not fail.

    One that was reloaded drops alerts for a few seconds, until it knows its Alertmanagers again.
    """
    if not grown[0].reading:
        return None
    return round(min(one.reading[0].value if one.reading else 0.0 for one in grown), 3)


def alertmanagers(site: Environment) -> list[str]:
    """The machines that have an Alertmanager."""
    return [one.machine for one in alerts_of(site).servers]


def sends_to(machine: str, urls: tuple[str, ...], site: Environment) -> bool:
    """Whether one of the addresses is that machine's."""
    hosts = {
        url.partition("://")[2].partition("/")[0].rpartition(":")[0].strip("[]") for url in urls
    }
    return any(site.machine(machine).known_as(one) for one in hosts)


def assert_watched(prometheus: Prometheus, ask: Ask, site: Environment) -> None:
    """Somebody else has this Prometheus, and some Prometheus has each Alertmanager, as a target."""
    others = [one for one in prometheus_servers(site) if one != prometheus]
    if not others:
        alone = ask(TARGETS, prometheus).fact("other Prometheus that watch it", 0)
        assert holds(alone, ">=", 1)
    found = [ask(TARGETS, one) for one in others]
    mine = [
        [
            one
            for one in answer.reading.targets
            if one.port == prometheus.server.port and prometheus.machine.known_as(one.host)
        ]
        for answer in found
    ]
    by = sum(any(one.health == "up" for one in each) for each in mine)
    for other, each in zip(others, mine, strict=True):
        # One that is down is known; of one that is not there yet nobody can tell.
        if not by and all(map(is_waited_for, each)):
            require_time(ask, other, [prometheus.id])
    watched = derive("other Prometheus that scrape it", prometheus.id, by, *found)
    assert holds(watched, ">=", 1)
