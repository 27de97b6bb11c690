"""Whether alerts reach those who have to get them, and whether somebody notices when none do."""

from collections.abc import Iterator, Mapping

from readiness import Ask, Environment, Found, Severity, check, derive, holds
from readiness.systems.alertmanager.declared import (
    ALERT_RECEIVER,
    ALERTMANAGER,
    Alert,
    Alerting,
    Alertmanager,
    AlertReceiver,
)
from readiness.systems.alertmanager.declared import receivers as all_receivers
from readiness.systems.alertmanager.declared import servers as all_servers
from readiness.systems.alertmanager.reading import (
    ALERTMANAGER_SAYS,
    RECEIVED,
    Inhibition,
    Notice,
    Silenced,
    Telling,
)
from readiness.systems.alertmanager.routes import reached, until
from readiness.systems.prometheus.declared import servers as all_prometheus
from readiness.systems.prometheus.reading import RULES

# What an alert of one rule may carry besides is not known; what it carries is.
NAME = "alertname"


@check(
    "ALR-001",
    "Every declared alert leads to its receivers on every Alertmanager, and nothing keeps it back",
    clauses=("obs.alerting/routed",),
    each=ALERTMANAGER,
    severity=Severity.CRITICAL,
    risk="The alert fires, and nobody is told: a route ends in a receiver that tells nobody, or a "
    "silence that somebody forgot lies over it.",
    reads=("GET /api/v2/status", "GET /api/v2/silences", "GET /api/v2/alerts"),
    rights="network access to every Alertmanager",
    remedy="mend the route, give the receiver an integration with send_resolved, expire the "
    "silence or declare it, join the cluster",
)
def test_alerts_are_routed(alertmanager: Alertmanager, ask: Ask) -> None:
    """Routes, receivers, silences, inhibitions and the cluster, as this one has them."""
    found = ask(ALERTMANAGER_SAYS, alertmanager)
    alerting = alertmanager.alerting
    if len(alerting.servers) > 1:
        peers = found.fact("Alertmanagers in its cluster", len(found.reading.peers))
        assert holds(peers, "==", len(alerting.servers))
    for alert in alerting.needed:
        routed(found, alerting, alert)
    silences = sorted(describe(one) for one in unwanted(found.reading, alerting))
    assert holds(found.fact("silences over declared alerts", silences), "==", [])
    for alert in alerting.needed:
        by = sorted(inhibiting(found.reading, labels(alert)))
        fact = found.fact(f"alerts older than a day that inhibit {alert.name}", by)
        assert holds(fact, "==", [])


def labels(alert: Alert) -> dict[str, str]:
    """What is known of its labels."""
    return {NAME: alert.name, **alert.labels}


def routed(found: Found[Telling], alerting: Alerting, alert: Alert) -> None:
    """It ends at its receivers, which tell somebody, at any time, and of its end too."""
    ends = reached(found.reading.route, labels(alert))
    names = {one.name: one.route for one in alerting.receivers}
    wanted = {names[one] for one in alert.receivers}
    lacking = sorted(wanted - {one.receiver for one in ends})
    assert holds(found.fact(f"receivers that {alert.name} is not routed to", lacking), "==", [])
    mine = [one for one in ends if one.receiver in wanted]
    muted = sorted({name for one in mine for name in one.muted})
    assert holds(found.fact(f"times in which {alert.name} is muted", muted), "==", [])
    mute = sorted(one for one in wanted if not found.reading.receivers.get(one))
    assert holds(found.fact(f"receivers of {alert.name} that tell nobody", mute), "==", [])
    endless = sorted(
        one
        for one in wanted
        if not any(each.tells_end for each in found.reading.receivers.get(one, ()))
    )
    fact = found.fact(f"receivers of {alert.name} that are not told of its end", endless)
    assert holds(fact, "==", [])


def unwanted(found: Telling, alerting: Alerting) -> Iterator[Silenced]:
    """Silences over a declared alert that are not declared, or end later than declared."""
    for silence in found.silences:
        covered = [one for one in alerting.needed if silence.may_cover(labels(one))]
        if any(not is_meant(silence, one, alerting) for one in covered):
            yield silence


def is_meant(silence: Silenced, alert: Alert, alerting: Alerting) -> bool:
    """Whether a silence over that alert is declared, about no more, and ends in time."""
    for one in alerting.silences:
        bounded = one.machine is None or any(
            each.label == "instance" and one.machine in each.value for each in silence.matchers
        )
        if one.alert == alert.name and bounded and silence.ends_in <= one.longest:
            return True
    return False


def describe(silence: Silenced) -> str:
    """What it is over, whose it is, and when it ends."""
    over = ",".join(map(str, silence.matchers))
    return f"{over} by {silence.author or 'nobody'} ends {until(silence.ends_in)}"


def inhibiting(found: Telling, of: dict[str, str]) -> Iterator[str]:
    """Alerts that have fired for a day and keep such an alert from being told."""
    for rule in found.inhibitions:
        if all(one.holds(of) for one in rule.target if one.label in of):
            for alert in found.alerts:
                if alert.age > STALE and is_source(rule, alert.labels, of):
                    yield f"{alert.labels.get(NAME, '')} since {until(-alert.age)}"


# An alert that is as old as that is one that people live with.
STALE = 86400.0


def is_source(rule: Inhibition, given: Mapping[str, str], of: Mapping[str, str]) -> bool:
    """Whether an alert is one that inhibits, as far as labels are known."""
    same = all(given.get(key, "") == of[key] for key in rule.equal if key in of)
    return same and all(each.holds(given) for each in rule.source)


@check(
    "ALR-002",
    "The dead man's switch fires everywhere and reaches its receiver outside in its period",
    clauses=("obs.alerting/dead-mans-switch",),
    each=ALERT_RECEIVER,
    severity=Severity.CRITICAL,
    risk="When the alerting itself is dead all is quiet, as when all is well.",
    reads=(
        "GET /api/v1/rules?type=alert",
        "GET /api/v2/status, /silences and /alerts",
        "GET what the receiver lists",
    ),
    rights="network access to every Prometheus and Alertmanager, and to the receiver's list",
    remedy="load the rule that always fires on every Prometheus, route it to a receiver on another "
    "machine with a repeat_interval below the period",
)
def test_silence_is_noticed(alert_receiver: AlertReceiver, ask: Ask, site: Environment) -> None:
    """Its receiver got it within the period, and every server has it firing."""
    alerting = alert_receiver.alerting
    switch = alerting.dead_mans_switch
    got = ask(RECEIVED, alert_receiver)
    if switch is None:
        assert holds(got.fact("a dead man's switch is declared", False), "==", True)
        return
    if switch.receiver != alert_receiver.id:
        other = next(one for one in all_receivers(site) if one.id == switch.receiver)
        got = ask(RECEIVED, other)
    assert_outside(got, site, switch.receiver)
    firing = [
        one.age for one in got.reading if one.alert == switch.alert and one.status == "firing"
    ]
    newest = round(min(firing), 1) if firing else NEVER
    assert holds(got.fact(f"seconds since {switch.alert} came", newest), "<=", switch.period)
    for prometheus in all_prometheus(site):
        rules = ask(RULES, prometheus)
        states = {one.state for one in rules.reading if one.alert == switch.alert}
        assert holds(rules.fact(f"states of {switch.alert}", sorted(states)), "==", ["firing"])
    for alertmanager in all_servers(site):
        telling = ask(ALERTMANAGER_SAYS, alertmanager)
        active = sum(
            one.labels.get(NAME) == switch.alert and one.state == "active"
            for one in telling.reading.alerts
        )
        assert holds(telling.fact(f"{switch.alert} that is active", active), ">=", 1)


# What never came is older than any period: ten years.
NEVER = 315360000.0


def assert_outside(got: Found[tuple[Notice, ...]], site: Environment, receiver: str) -> None:
    """The receiver is on no machine of what it watches."""
    where = next(one.machine.name for one in all_receivers(site) if one.id == receiver)
    inside = {one.machine.name for one in all_servers(site)}
    inside |= {one.machine.name for one in all_prometheus(site)}
    within = sorted({where} & inside)
    assert holds(
        derive("machines of the monitoring that it is on", receiver, within, got), "==", []
    )
