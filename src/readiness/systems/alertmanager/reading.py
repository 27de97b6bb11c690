"""What one Alertmanager says: its cluster, its routes, what is silenced, and what fires.

Its API, version 2. Of its configuration only routes and the kinds of receivers are kept: addresses
of webhooks are secrets.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Annotated, Any, Final

import yaml

from readiness.model.errors import NotUnderstood
from readiness.systems.alertmanager.declared import (
    ALERT_RECEIVER,
    ALERTMANAGER,
    Alertmanager,
    AlertReceiver,
)
from readiness.systems.alertmanager.routes import Matcher, Route, read_route
from readiness.systems.marks import BOUNDED, VOLATILE
from readiness.systems.prometheus.reading import moment
from readiness.systems.token import Source

# What Alertmanager does unless a receiver says it (alertmanager's documentation, `send_resolved`).
_TELLS_END: Final = {"email": False, "slack": False, "wechat": False}


@dataclass(frozen=True)
class Integration:
    """One way by which a receiver is told."""

    kind: str  # webhook, email, pagerduty…
    tells_end: bool  # send_resolved


@dataclass(frozen=True)
class Inhibition:
    """Alerts that keep others from being told."""

    source: tuple[Matcher, ...]
    target: tuple[Matcher, ...]
    equal: tuple[str, ...]


@dataclass(frozen=True)
class Silenced:
    """One silence that is in force."""

    matchers: tuple[Matcher, ...]
    author: str
    comment: Annotated[str, VOLATILE]
    ends_in: Annotated[float, VOLATILE]  # seconds

    def covers(self, labels: Mapping[str, str]) -> bool:
        """Whether an alert with these labels is silenced."""
        return all(one.holds(labels) for one in self.matchers)

    def may_cover(self, labels: Mapping[str, str]) -> bool:
        """Whether it silences some alert that has these labels and others that are not known."""
        return all(one.holds(labels) for one in self.matchers if one.label in labels)


@dataclass(frozen=True)
class Active:
    """One alert that fires, as Alertmanager has it."""

    labels: Mapping[str, str]
    state: str  # active, suppressed, unprocessed
    receivers: tuple[str, ...]
    inhibited_by: int
    age: float  # seconds since it began


@dataclass(frozen=True)
class Telling:
    """Everything one Alertmanager says."""

    cluster: Annotated[str, BOUNDED]  # ready, settling, disabled
    peers: tuple[str, ...]
    route: Route
    receivers: Mapping[str, tuple[Integration, ...]]
    inhibitions: tuple[Inhibition, ...]
    silences: Annotated[tuple[Silenced, ...], VOLATILE]
    alerts: Annotated[tuple[Active, ...], VOLATILE]


@dataclass(frozen=True)
class Notice:
    """One alert in a message that a receiver got."""

    alert: str
    status: str  # firing, resolved
    labels: Mapping[str, str]
    age: float  # seconds since it came


def read_telling(status: Any, silences: Any, alerts: Any, now: float, where: str) -> Telling:
    """Read /api/v2/status, /silences and /alerts."""
    try:
        config = yaml.safe_load(status["config"]["original"])
        cluster = status["cluster"]
        return Telling(
            cluster=str(cluster["status"]),
            peers=tuple(sorted(_host(str(one["address"])) for one in cluster.get("peers") or ())),
            route=read_route(config["route"]),
            receivers={str(one["name"]): _integrations(one) for one in config["receivers"]},
            inhibitions=tuple(_inhibition(one) for one in config.get("inhibit_rules") or ()),
            silences=tuple(
                _silence(one, now) for one in silences if one["status"]["state"] == "active"
            ),
            alerts=tuple(_active(one, now) for one in alerts),
        )
    except (KeyError, TypeError, AttributeError, ValueError, yaml.YAMLError) as error:
        # Of a configuration that is no YAML the error shows a line, which may be a secret.
        why = type(error).__name__ if isinstance(error, yaml.YAMLError) else repr(error)[:200]
        raise NotUnderstood(f"{where} is unreadable: {why}") from None


def _host(address: str) -> str:
    return address.rpartition(":")[0].strip("[]")


def _integrations(found: Mapping[str, Any]) -> tuple[Integration, ...]:
    kinds = [(key.removesuffix("_configs"), each) for key, each in found.items() if key != "name"]
    return tuple(
        Integration(kind, (one or {}).get("send_resolved", _TELLS_END.get(kind, True)) is True)
        for kind, each in kinds
        for one in each or ()
    )


def _inhibition(found: Mapping[str, Any]) -> Inhibition:
    def side(name: str) -> tuple[Matcher, ...]:
        keys = {"match": f"{name}_match", "match_re": f"{name}_match_re"}
        given = {key: found.get(at) for key, at in keys.items()}
        return read_route({**given, "matchers": found.get(f"{name}_matchers")}).matchers

    return Inhibition(side("source"), side("target"), tuple(found.get("equal") or ()))


def _silence(found: Mapping[str, Any], now: float) -> Silenced:
    return Silenced(
        matchers=tuple(
            Matcher(
                str(one["name"]),
                ("=~" if one["isRegex"] else "=")
                if one.get("isEqual", True)
                else ("!~" if one["isRegex"] else "!="),
                str(one["value"]),
            )
            for one in found["matchers"]
        ),
        author=str(found["createdBy"])[:100],
        comment=str(found.get("comment", ""))[:200],
        ends_in=(moment(found["endsAt"]) or now) - now,
    )


def _active(found: Mapping[str, Any], now: float) -> Active:
    status = found["status"]
    return Active(
        labels=dict(found["labels"]),
        state=str(status["state"]),
        receivers=tuple(str(one["name"]) for one in found["receivers"]),
        inhibited_by=len(status["inhibitedBy"]),
        age=now - (moment(found["startsAt"]) or now),
    )


def read_notices(body: Any, now: float, where: str) -> tuple[Notice, ...]:
    """Read what a receiver lists, the newest last."""
    try:
        return tuple(
            Notice(
                alert=str(one["labels"]["alertname"]),
                status=str(one["status"]),
                labels=dict(one["labels"]),
                age=now - float(message["received"]),
            )
            for message in body
            for one in message["alerts"]
        )
    except (KeyError, TypeError, AttributeError, ValueError) as error:
        raise NotUnderstood(f"{where} is unreadable: {error!r}") from error


def says(found: Telling) -> str:
    """Who answered, for a person."""
    return f"reached, Alertmanager, cluster {found.cluster} of {len(found.peers)}"


ALERTMANAGER_SAYS: Final[Source[Alertmanager, Telling]] = Source(
    "alertmanager", ALERTMANAGER, Telling, says=says
)
RECEIVED: Final[Source[AlertReceiver, tuple[Notice, ...]]] = Source(
    "alert-receiver", ALERT_RECEIVER, tuple[Notice, ...]
)
SOURCES: Final = (ALERTMANAGER_SAYS, RECEIVED)
