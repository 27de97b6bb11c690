"""Whether the dashboards that people look at are there, and show what is."""

from typing import Any
from urllib.parse import urlsplit

from readiness import Ask, Environment, Found, NotRun, Severity, check, derive, holds
from readiness.systems.grafana.declared import DASHBOARD, Dashboard
from readiness.systems.grafana.reading import SHOWN, DataSource, Panel, Shown
from readiness.systems.grafana.variables import chosen, filled, left, windows
from readiness.systems.prometheus.declared import Prometheus, servers
from readiness.systems.prometheus.expressions import asked_of
from readiness.systems.prometheus.reading import QUERY, TARGETS

READS = ("GET /api/dashboards/uid/UID", "GET /api/datasources")
RIGHTS = "network access to every Grafana, a token that may read dashboards and data sources"
# A panel shows what was true two scrapes ago, at most, and a second for the answer.
INTERVALS = 2
SLACK = 1.0
# Prometheus' own, where no target says how often it is scraped.
USUAL = 60.0
LOCAL = {"localhost", "127.0.0.1", "::1"}


@check(
    "DASH-001",
    "Every declared dashboard is there on every Grafana, and comes from provisioning",
    clauses=("obs.dashboards/provisioned",),
    each=DASHBOARD,
    severity=Severity.LOW,
    risk="Somebody's copy is changed by hand, and gone with the next server.",
    reads=READS,
    rights=RIGHTS,
    remedy="provision the dashboard from a file under version control",
)
def test_dashboards_are_provisioned(dashboard: Dashboard, ask: Ask) -> None:
    """The server shows it, with panels, and says that it is provisioned."""
    found = ask(SHOWN, dashboard)
    assert holds(found.fact("it is provisioned", found.reading.provisioned), "==", True)
    panels = found.fact("panels that ask for something", len(found.reading.panels))
    assert holds(panels, ">=", 1)


@check(
    "DASH-002",
    "Every panel's query returns data that are fresh",
    clauses=("obs.dashboards/panels-return-data",),
    each=DASHBOARD,
    severity=Severity.MEDIUM,
    risk="An empty panel, or a line that ended an hour ago, looks as all quiet does.",
    reads=(
        *READS,
        "GET /api/v1/query of each panel's query, and of the newest sample of what it asks for",
    ),
    rights=f"{RIGHTS}, network access to every Prometheus",
    remedy="correct the query or the exporter; what is empty while all is well stands under "
    "`may_be_empty`",
)
def test_panels_return_data(dashboard: Dashboard, ask: Ask, site: Environment) -> None:
    """Its variables filled in, it gives a series, and each metric that it names has samples."""
    found = ask(SHOWN, dashboard)
    rests: list[Found[Any]] = [found]
    bad, elsewhere, asked = [], [], 0
    for panel in found.reading.panels:
        if panel.title in dashboard.board.may_be_empty:
            continue
        prometheus = source_of(panel, found.reading, dashboard, site)
        if prometheus is None:
            elsewhere.append(panel.title)
            continue
        asked += 1
        why = empty(panel, found.reading, prometheus, ask, rests)
        bad += [f"{panel.title}: {why}"] if why else []
    words = "panels without fresh data"
    assert holds(derive(words, dashboard.id, sorted(bad), *rests), "==", [])
    if elsewhere:
        raise NotRun(
            f"{dashboard.id}: where '{elsewhere[0]}' has its data from is no declared Prometheus",
            declare="`servers` of the metrics, or `may_be_empty` of the dashboard",
        )
    assert holds(derive("panels that were asked for", dashboard.id, asked, *rests), ">=", 1)


def source_of(
    panel: Panel, shown: Shown, dashboard: Dashboard, site: Environment
) -> Prometheus | None:
    """The declared Prometheus that a panel asks; None where it is another server."""
    known = {one.name: ",".join(one.chosen) for one in shown.variables if one.kind == "datasource"}
    called = filled(panel.source, known)
    source = next((one for one in shown.sources if is_meant(one, called)), None)
    if source is None or source.kind != "prometheus":
        return None
    at = urlsplit(source.url)
    for one in servers(site):
        here = at.hostname in LOCAL and one.machine.name == dashboard.machine.name
        if at.port == one.server.port and (here or one.machine.known_as(at.hostname or "")):
            return one
    return None


def is_meant(source: DataSource, called: str) -> bool:
    """Whether a panel's data source is that one."""
    if called in {"", "default", "-- Default --"}:
        return source.default
    return called in {source.uid, source.name}


def empty(
    panel: Panel, shown: Shown, prometheus: Prometheus, ask: Ask, rests: list[Found[Any]]
) -> str:
    """Why a panel shows nothing, or nothing fresh; nothing where it does."""
    targets = ask(TARGETS, prometheus)
    every = max((one.interval or 0.0 for one in targets.reading.targets), default=0.0) or USUAL
    rests.append(targets)

    def values(selector: str, label: str) -> tuple[str, ...]:
        given = selector or '{__name__!=""}'
        answer = ask(QUERY.of(f"count by ({label}) ({given})"), prometheus)
        rests.append(answer)
        return tuple(sorted(one.labels[label] for one in answer.reading if label in one.labels))

    known = chosen(shown.variables, windows(every), values)
    for query in panel.queries:
        expression = filled(query, known)
        if lacking := left(expression):
            return f"its variable {lacking[0]} has no value"
        answer = ask(QUERY.of(expression), prometheus)
        rests.append(answer)
        # A value that is no number is nothing that is drawn.
        if not any(one.value == one.value for one in answer.reading):
            return "no data"
        for group in asked_of(expression):
            newest = [ask(QUERY.of(f"max(timestamp({one}))"), prometheus) for one in group]
            rests.extend(newest)
            ages = [each.at - each.value for one in newest for each in one.reading]
            if not ages:
                return f"nobody exports {' or '.join(group)}"
            if min(ages) > INTERVALS * every + SLACK:
                return f"{' or '.join(group)} is {min(ages):.0f} s old"
    return ""
