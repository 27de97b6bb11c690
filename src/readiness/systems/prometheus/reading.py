"""What one Prometheus says: its targets, its rules, how it is, and what a query gives.

Its HTTP API, version 1 (prometheus.io/docs/prometheus/latest/querying/api). `up` is not asked for
targets: a job that was removed keeps its last `up` for five minutes.
"""

import math
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from itertools import pairwise
from typing import Annotated, Any, Final
from urllib.parse import parse_qs, urlsplit

from readiness.model.errors import NotUnderstood
from readiness.systems.answer import RestAnswer
from readiness.systems.marks import BOUNDED, VOLATILE, Drift
from readiness.systems.prometheus.declared import PROMETHEUS, Prometheus
from readiness.systems.prometheus.durations import seconds
from readiness.systems.token import Source, Sources


@dataclass(frozen=True)
class Target:
    """One target that it scrapes, as it says itself."""

    job: str
    instance: str
    url: str  # what it asks: scheme, host, port, path and parameters
    health: Annotated[str, BOUNDED]  # up, down, unknown (never scraped)
    error: Annotated[str, VOLATILE]  # of the last scrape
    age: Annotated[float | None, VOLATILE]  # seconds since the last scrape; None: never
    interval: float | None  # seconds between two

    @property
    def host(self) -> str:
        """The host that it asks, without port."""
        return urlsplit(self.url).hostname or ""

    @property
    def port(self) -> int | None:
        """The port that it asks."""
        return urlsplit(self.url).port

    @property
    def parameters(self) -> Mapping[str, list[str]]:
        """What it sends behind the question mark."""
        return parse_qs(urlsplit(self.url).query)


@dataclass(frozen=True)
class Targets:
    """All active targets, and the clock of who answered."""

    targets: tuple[Target, ...]
    # Seconds that its clock is ahead of ours, from and to
    ahead: Annotated[tuple[float, float], VOLATILE]


@dataclass(frozen=True)
class Rule:
    """One rule that raises an alert."""

    alert: str
    expression: str
    waits: float  # seconds that it has to be true (`for`)
    labels: Mapping[str, str]
    annotations: Mapping[str, str]
    interval: float  # seconds between two evaluations
    health: Annotated[str, BOUNDED]  # ok, err, unknown
    error: Annotated[str, VOLATILE]
    age: Annotated[float | None, VOLATILE]  # seconds since the last evaluation
    state: Annotated[str, VOLATILE]  # inactive, pending, firing


@dataclass(frozen=True)
class Running:
    """How it runs: what it keeps, and whom it sends alerts to."""

    retention: str
    reloaded: bool  # whether the last reload of its configuration worked
    corruptions: int
    alertmanagers: tuple[str, ...]


@dataclass(frozen=True)
class Youth:
    """Seconds since it started, and since it took its configuration, by its own clock.

    None where it does not say.
    """

    started: float | None
    loaded: float | None

    @property
    def least(self) -> float | None:
        """Seconds since the younger of both; what lies in the future is not young."""
        ages = [one for one in (self.started, self.loaded) if one is not None and one >= 0]
        return min(ages, default=None)


@dataclass(frozen=True)
class Series:
    """One series of an instant query."""

    labels: Mapping[str, str]
    at: float
    value: float  # may be no number


@dataclass(frozen=True)
class Range:
    """What a range query gave: the values of one series, and the moments of them."""

    expression: str
    start: float
    end: float
    step: float


@dataclass(frozen=True)
class Kept:
    """A range that was asked, without its thousands of points: how many there are, and when."""

    end: float  # the moment that it was asked at, by its own clock
    series: int
    points: int  # of the first one
    first: float | None
    last: float | None
    mean: float | None
    longest_hole: float  # seconds between two points, at its longest
    digest: str


@dataclass(frozen=True)
class Probed:
    """What a prober answered when it was asked for a page itself."""

    success: bool
    module: str


def data(answer: RestAnswer, where: str) -> Any:
    """The data of an answer that says that it is one."""
    body = answer.body
    if not isinstance(body, dict) or body.get("status") != "success" or "data" not in body:
        raise NotUnderstood(f"{where} is no answer of Prometheus' API")
    return body["data"]


def moment(text: object) -> float | None:
    """Seconds since the epoch of a time as Go writes it; None for its zero."""
    if not isinstance(text, str) or text.startswith("0001-"):
        return None
    whole, dot, rest = text.partition(".")
    if dot:
        digits = len(rest) - len(rest.lstrip("0123456789"))
        text = f"{whole}.{rest[:digits][:6]}{rest[digits:]}"
    try:
        return datetime.fromisoformat(text).timestamp()
    except ValueError:
        return None


def read_targets(
    answer: RestAnswer, before: float, after: float, now: float, where: str
) -> Targets:
    """Read /api/v1/targets; `now` is its own clock between our `before` and `after`."""
    try:
        found = tuple(_target(one, now) for one in data(answer, where)["activeTargets"])
    except (KeyError, TypeError, AttributeError, ValueError) as error:
        raise NotUnderstood(f"{where} is unreadable: {error!r}") from error
    return Targets(found, (now - after, now - before))


def _target(one: Mapping[str, Any], now: float) -> Target:
    last = moment(one.get("lastScrape"))
    labels = one["labels"]
    return Target(
        job=str(labels.get("job", one.get("scrapePool", ""))),
        instance=str(labels.get("instance", "")),
        url=str(one["scrapeUrl"]),
        health=str(one["health"]),
        error=str(one.get("lastError", ""))[:300],
        age=None if last is None else now - last,
        interval=seconds(one.get("scrapeInterval")),
    )


def read_rules(answer: RestAnswer, now: float, where: str) -> tuple[Rule, ...]:
    """Read /api/v1/rules?type=alert."""
    try:
        groups = data(answer, where)["groups"]
        return tuple(
            _rule(one, float(group["interval"]), now)
            for group in groups
            for one in group["rules"]
            if one["type"] == "alerting"
        )
    except (KeyError, TypeError, AttributeError, ValueError) as error:
        raise NotUnderstood(f"{where} is unreadable: {error!r}") from error


def _rule(one: Mapping[str, Any], interval: float, now: float) -> Rule:
    last = moment(one.get("lastEvaluation"))
    return Rule(
        alert=str(one["name"]),
        expression=str(one["query"]),
        waits=float(one.get("duration", 0)),
        labels=dict(one.get("labels") or {}),
        annotations=dict(one.get("annotations") or {}),
        interval=interval,
        health=str(one["health"]),
        error=str(one.get("lastError", ""))[:300],
        age=None if last is None else now - last,
        state=str(one["state"]),
    )


def read_running(runtime: RestAnswer, alertmanagers: RestAnswer, where: str) -> Running:
    """Read /api/v1/status/runtimeinfo and /api/v1/alertmanagers."""
    try:
        said, told = data(runtime, where), data(alertmanagers, where)
        return Running(
            retention=str(said["storageRetention"]),
            reloaded=said["reloadConfigSuccess"] is True,
            corruptions=int(said["corruptionCount"]),
            alertmanagers=tuple(sorted(str(one["url"]) for one in told["activeAlertmanagers"])),
        )
    except (KeyError, TypeError, AttributeError, ValueError) as error:
        raise NotUnderstood(f"{where} is unreadable: {error!r}") from error


def read_youth(runtime: RestAnswer, now: float, where: str) -> Youth:
    """Read /api/v1/status/runtimeinfo; `now` is its own clock."""
    said = data(runtime, where)
    if not isinstance(said, dict):
        raise NotUnderstood(f"{where} is unreadable: no record")
    started, loaded = (moment(said.get(key)) for key in ("startTime", "lastConfigTime"))
    return Youth(
        None if started is None else now - started, None if loaded is None else now - loaded
    )


def read_series(answer: RestAnswer, where: str) -> tuple[Series, ...]:
    """Read an instant query's answer: a vector or one number."""
    try:
        body = data(answer, where)
        if body["resultType"] == "scalar":
            at, value = body["result"]
            return (Series({}, float(at), float(value)),)
        return tuple(
            Series(dict(one["metric"]), float(one["value"][0]), float(one["value"][1]))
            for one in body["result"]
        )
    except (KeyError, TypeError, AttributeError, ValueError) as error:
        raise NotUnderstood(f"{where} is unreadable: {error!r}") from error


def read_points(answer: RestAnswer, where: str) -> tuple[tuple[tuple[float, float], ...], ...]:
    """Read a range query's answer: the points of each series."""
    try:
        return tuple(
            tuple((float(at), float(value)) for at, value in one["values"])
            for one in data(answer, where)["result"]
        )
    except (KeyError, TypeError, AttributeError, ValueError) as error:
        raise NotUnderstood(f"{where} is unreadable: {error!r}") from error


def kept(points: tuple[tuple[tuple[float, float], ...], ...], asked: Range, digest: str) -> Kept:
    """What a range holds, in a few numbers; what is no number is not there."""
    first = [(at, value) for at, value in (points[0] if points else ()) if math.isfinite(value)]
    moments = [asked.start, *(at for at, _ in first), asked.end]
    return Kept(
        end=asked.end,
        series=len(points),
        points=len(first),
        first=first[0][0] if first else None,
        last=first[-1][0] if first else None,
        mean=sum(min(max(value, 0.0), 1.0) for _, value in first) / len(first) if first else None,
        longest_hole=max(later - one for one, later in pairwise(moments)),
        digest=digest,
    )


def says(found: Targets) -> str:
    """Who answered, for a person."""
    return f"reached, Prometheus with {len(found.targets)} targets"


TARGETS: Final[Source[Prometheus, Targets]] = Source(
    "prometheus-targets", PROMETHEUS, Targets, says=says
)
RULES: Final[Source[Prometheus, tuple[Rule, ...]]] = Source(
    "prometheus-rules", PROMETHEUS, tuple[Rule, ...]
)
RUNNING: Final[Source[Prometheus, Running]] = Source("prometheus-running", PROMETHEUS, Running)
# Asked where something is not known yet: how long it has had to find out.
YOUTH: Final[Source[Prometheus, Youth]] = Source(
    "prometheus-youth", PROMETHEUS, Youth, drift=Drift.VOLATILE
)
# What an expression gives now.
QUERY: Final[Sources[str, Prometheus, tuple[Series, ...]]] = Sources(
    "prometheus-query", PROMETHEUS, tuple[Series, ...], label=str, drift=Drift.VOLATILE
)
# Whether some target says that it has a metric, also one that nothing was counted in yet.
KNOWN: Final[Sources[str, Prometheus, bool]] = Sources(
    "prometheus-metadata", PROMETHEUS, bool, label=str, drift=Drift.VOLATILE
)
# What the environment's availability, and the time for which something is kept, rest on.
HISTORY: Final[Source[Prometheus, Kept]] = Source(
    "prometheus-history", PROMETHEUS, Kept, drift=Drift.VOLATILE
)
AVAILABILITY: Final[Source[Prometheus, Kept]] = Source(
    "prometheus-availability", PROMETHEUS, Kept, drift=Drift.VOLATILE
)
# What the prober answers when it is asked for the wrong page, by each module that targets use.
PROBED: Final[Sources[str, Prometheus, Probed]] = Sources(
    "prometheus-prober", PROMETHEUS, Probed, label=str, drift=Drift.VOLATILE
)
SOURCES: Final = (TARGETS, RULES, RUNNING, YOUTH, QUERY, KNOWN, HISTORY, AVAILABILITY, PROBED)
