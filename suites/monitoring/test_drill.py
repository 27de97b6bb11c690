"""Whether a real fault arrives: as what, when, and when it has ended."""

from collections.abc import Callable

from readiness import Found, Severity, Tier, check, holds
from readiness.drills.alerts import FIRING, RESOLVED, Alerted
from readiness.systems.alertmanager.declared import ALERT_RECEIVER, AlertReceiver

Told = Callable[[AlertReceiver], tuple[Found[Alerted], ...]]
Confidence = Callable[[int, str], None]

READS = ("what every receiver lists, twice a second", "GET /api/v2/alerts of every Alertmanager")
RIGHTS = "a system user that may stop and start the declared unit, and the receivers' lists"
DISTURBS = "stops the declared unit on the declared machine until its alerts have come"
LIMIT = 900.0


def asked(told: Found[Alerted]) -> None:
    """Claim that the receiver's list was read at all."""
    assert holds(told.fact("how often its list was read", told.reading.asked), ">=", 1)


@check(
    "ALR-003",
    "A real fault reaches each receiver as exactly the alerts that are declared",
    clauses=("obs.alerting/exact-set",),
    each=ALERT_RECEIVER,
    severity=Severity.CRITICAL,
    tier=Tier.DISRUPT,
    limit=LIMIT,
    risk="Whoever has to act is not told, or is told so much that nobody reads it.",
    reads=READS,
    rights=RIGHTS,
    disturbs=DISTURBS,
    remedy="see at each step (target, rule, Alertmanager, receiver) where the alert was last, or "
    "who else is told; declare what has to come",
)
def test_exactly_what_is_declared(
    alert_receiver: AlertReceiver, alert_drill: Told, confidence: Confidence
) -> None:
    """What came about the machine is what is declared, and nothing else came."""
    trials = alert_drill(alert_receiver)
    for told in trials:
        asked(told)
        came = told.reading.came(FIRING)
        mine = sorted(
            {one.alert for one in came if one.about and one.alert in told.reading.expected}
        )
        assert holds(told.fact("alerts that came", mine), "==", sorted(told.reading.expected))
        more = sorted({one.alert for one in came if not one.about or one.alert not in mine})
        assert holds(told.fact("alerts that came besides", more), "==", [])
    confidence(len(trials), "as exactly what is declared")


@check(
    "ALR-004",
    "A real fault reaches each receiver in time",
    clauses=("obs.alerting/in-time",),
    each=ALERT_RECEIVER,
    severity=Severity.CRITICAL,
    tier=Tier.DISRUPT,
    limit=LIMIT,
    risk="The outage is over, or has grown, before anybody hears of it.",
    reads=READS,
    rights=RIGHTS,
    disturbs=DISTURBS,
    remedy="shorten the interval, `for` or group_wait, whichever takes longest",
)
def test_in_time(alert_receiver: AlertReceiver, alert_drill: Told, confidence: Confidence) -> None:
    """The upper bound of each alert's time, from before the fault on, is within what it may be."""
    trials = alert_drill(alert_receiver)
    within = {one.name: one.within for one in alert_receiver.alerting.alerts}
    for told in trials:
        asked(told)
        came = {one.alert: one.after for one in told.reading.came(FIRING) if one.about}
        missing = sorted(set(told.reading.expected) - set(came))
        assert holds(told.fact("alerts that did not come in time", missing), "==", [])
        for name in told.reading.expected:
            assert holds(told.fact(f"time until {name} came", came[name]), "<=", within[name])
    confidence(len(trials), "in time")


@check(
    "ALR-005",
    "Each receiver is told that a real fault has ended",
    clauses=("obs.alerting/resolve-notice",),
    each=ALERT_RECEIVER,
    severity=Severity.MEDIUM,
    tier=Tier.DISRUPT,
    limit=LIMIT,
    risk="Nobody knows what still burns; the next fault of the same name is taken for the old one.",
    reads=READS,
    rights=RIGHTS,
    disturbs=DISTURBS,
    remedy="set send_resolved for that receiver",
)
def test_told_of_the_end(
    alert_receiver: AlertReceiver, alert_drill: Told, confidence: Confidence
) -> None:
    """Of each alert that is declared for it the receiver got a notice of its end."""
    trials = alert_drill(alert_receiver)
    for told in trials:
        asked(told)
        ended = sorted({one.alert for one in told.reading.came(RESOLVED) if one.about})
        missing = sorted(set(told.reading.expected) - set(ended))
        assert holds(told.fact("alerts whose end was not told", missing), "==", [])
    confidence(len(trials), "with a notice of the end")
