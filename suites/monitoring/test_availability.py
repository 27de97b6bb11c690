"""Whether the site was there as long as promised, by what was measured from outside."""

from readiness import Ask, Environment, NotRun, Objectives, Severity, check, derive, holds
from readiness.measure.measurement import Measurement
from readiness.systems.prometheus.declared import PROMETHEUS, Probes, Prometheus
from readiness.systems.prometheus.reading import AVAILABILITY, PROBED, TARGETS, Kept, Target
from readiness.systems.prometheus.starting import is_waited_for, require_time


@check(
    "AVL-001",
    "What every Prometheus has kept leaves error budget for the promised availability",
    clauses=("slo.availability/error-budget-left",),
    each=PROMETHEUS,
    severity=Severity.HIGH,
    risk="The promise is broken already, or nobody can say that it was kept.",
    reads=("GET /api/v1/query_range of the declared expression, over the promised window",),
    rights="network access to every Prometheus",
    remedy="stop what spends the budget before releasing; close the holes in what is measured",
)
def test_budget_is_left(prometheus: Prometheus, ask: Ask, objectives: Objectives) -> None:
    """What is unknown counts neither as up nor as down: the whole interval is compared."""
    found = ask(AVAILABILITY, prometheus)
    promised = prometheus.metrics.availability
    if promised is None:
        raise NotRun("how availability is told is not declared", declare="`availability`")
    series = found.fact("series that the expression of availability gives", found.reading.series)
    assert holds(series, "==", 1)
    steps = round(objectives.availability_window / promised.step) + 1
    measured = found.fact("availability", availability(found.reading, steps))
    assert holds(measured, ">=", objectives.availability)


def availability(kept: Kept, steps: int) -> Measurement:
    """Percent of the window: at least what was seen up, at most that and what was not seen."""
    points = min(kept.points, steps)
    up = points * (kept.mean or 0.0)
    low, high = 100 * up / steps, 100 * (up + steps - points) / steps
    return Measurement(
        name="availability",
        value=None if not points else min(max(100 * (kept.mean or 0.0), low), high),
        lower=low,
        upper=high,
        unit="%",
        resolution=100 / steps,
        n=points,
        digest=kept.digest,
    )


@check(
    "AVL-002",
    "Every Prometheus has the site's pages probed from outside, and a wrong page is refused",
    clauses=("slo.availability/probed-from-outside",),
    each=PROMETHEUS,
    severity=Severity.HIGH,
    risk="Availability is what the site says of itself; a page that says sorry counts as up.",
    reads=(
        "GET /api/v1/targets?state=active",
        "GET /probe of the declared prober, for a page of the site that is the wrong one",
    ),
    rights="network access to every Prometheus and to the prober",
    remedy="probe each page in both families from a machine that is none of those that serve it, "
    "with a module that wants the page's content",
)
def test_probed_from_outside(prometheus: Prometheus, ask: Ask, site: Environment) -> None:
    """Each declared page is a target that is up, by the prober, with a module that refuses."""
    found = ask(TARGETS, prometheus)
    probes = prometheus.metrics.probes
    if probes is None:
        raise NotRun("no probes from outside are declared", declare="`probes` of the metrics")
    mine = [one for one in found.reading.targets if one.job == probes.job]
    asked = {
        page: [one for one in mine if page in one.parameters.get("target", [])]
        for page in probes.pages
    }
    elsewhere = sorted({one.host for one in mine if not by_prober(one, probes, site)})
    assert holds(found.fact("who probes besides the declared prober", elsewhere), "==", [])
    serving = sorted(one.name for one in site.machines if serves(one.name, probes, site))
    beside = [probes.prober.machine] if probes.prober.machine in serving else []
    assert holds(found.fact("machines that probe themselves", beside), "==", [])
    new = sorted({one.instance for one in mine if is_waited_for(one)})
    down = sorted(
        {
            f"{one.instance}: {one.health} {one.error}"
            for one in mine
            if one.health != "up" and one.instance not in new
        }
    )
    assert holds(found.fact("probes that are not made", down), "==", [])
    lacking = sorted(page for page, targets in asked.items() if not targets)
    require_time(ask, prometheus, [*lacking, *new])
    assert holds(found.fact("pages that are not probed", lacking), "==", [])
    assert holds(found.fact("probes that were never made", new), "==", [])
    for module in sorted({name for one in mine for name in one.parameters.get("module", [""])}):
        tried = ask(PROBED.of(module), prometheus)
        taken = derive(
            f"the module {module} takes a wrong page",
            prometheus.id,
            tried.reading.success,
            found,
            tried,
        )
        assert holds(taken, "==", False)


def by_prober(target: Target, probes: Probes, site: Environment) -> bool:
    """Whether the declared prober is asked."""
    machine = site.machine(probes.prober.machine)
    return machine.known_as(target.host) and target.port == probes.prober.port


def serves(name: str, probes: Probes, site: Environment) -> bool:
    """Whether a machine is one that a page is asked of."""
    hosts = {page.partition("://")[2].partition("/")[0] for page in probes.pages}
    return any(site.machine(name).known_as(host_of(one)) for one in hosts)


def host_of(place: str) -> str:
    """A host without its port and brackets."""
    if place.startswith("["):
        return place[1:].partition("]")[0]
    return place.partition(":")[0]
