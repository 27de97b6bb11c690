"""Whether each alert leads to what is to be done about it."""

from typing import Any
from urllib.parse import urlsplit

from readiness import Ask, Environment, Found, NotRun, Severity, check, derive, holds
from readiness.model.errors import NotUnderstood, ProbeError
from readiness.systems.alertmanager.declared import Alerting
from readiness.systems.prometheus.declared import PROMETHEUS, Prometheus
from readiness.systems.prometheus.reading import RULES, Rule
from readiness.systems.runbooks.declared import pages
from readiness.systems.runbooks.reading import LINK, PAGE, Written

# What rules call it by custom (monitoring mixins, kube-prometheus).
LINK_KEYS = ("runbook_url", "runbook")
READS = ("GET /api/v1/rules?type=alert",)
RIGHTS = "network access to every Prometheus"


@check(
    "RUN-006",
    "Every declared alert has a link to its runbook on every Prometheus",
    clauses=("ops.incident/runbook-linked",),
    each=PROMETHEUS,
    severity=Severity.MEDIUM,
    risk="Whoever is called at night has to search first.",
    reads=READS,
    rights=RIGHTS,
    remedy="give the rule an annotation runbook_url, and reload",
)
def test_alerts_have_links(prometheus: Prometheus, ask: Ask, site: Environment) -> None:
    """Each rule of each declared alert that is loaded has the annotation."""
    found = ask(RULES, prometheus)
    names = [one.name for one in alerting_of(site).alerts]
    mine = [one for one in found.reading if one.alert in names]
    missing = sorted(set(names) - {one.alert for one in mine})
    assert holds(found.fact("declared alerts that are not loaded", missing), "==", [])
    bare = sorted({one.alert for one in mine if not link_of(one)})
    assert holds(found.fact("alerts without a link to a runbook", bare), "==", [])


@check(
    "RUN-007",
    "Every alert's link leads to a section of a runbook that names that alert",
    clauses=("ops.runbook/alert-links-resolve",),
    each=PROMETHEUS,
    severity=Severity.MEDIUM,
    risk="The page was moved or the section renamed: whoever is called reads of something else.",
    reads=(
        *READS,
        "each declared runbook",
        "GET of each linked address that is on the server of a declared page",
    ),
    rights="network access to every Prometheus, read access to the pages",
    remedy="correct the link, or name the alert in the section that it leads to",
)
def test_links_resolve(prometheus: Prometheus, ask: Ask, site: Environment) -> None:
    """What stands at the link is there, has the linked section, and that names the alert."""
    found = ask(RULES, prometheus)
    names = [one.name for one in alerting_of(site).alerts]
    asked, unknown = 0, []
    for rule in found.reading:
        link = link_of(rule)
        if rule.alert not in names or not link:
            continue
        address, _, anchor = link.partition("#")
        try:
            page, also = at(address, prometheus, ask, site)
        except (NotRun, ProbeError) as error:
            unknown.append(error)
            continue
        words = f"{rule.alert} is named where its link leads ({shown(address)})"
        where = "nothing is there" if page is None else named_in(page, anchor, rule.alert)
        fact = derive(words, prometheus.id, where or "yes", found, also)
        assert holds(fact, "==", "yes")
        asked += 1
    if unknown:
        raise unknown[0]
    assert holds(found.fact("links of declared alerts that were followed", asked), ">=", 1)


def alerting_of(site: Environment) -> Alerting:
    """What is declared of alerts.

    Raises:
        NotRun: nothing is.
    """
    if site.alerting is None:
        raise NotRun(f"{site.name}: which alerts there are is not declared", declare="`alerting`")
    return site.alerting


def link_of(rule: Rule) -> str:
    """The link as it reads for a person: of what a template fills in, the alert's name is known."""
    given = next((rule.annotations[one] for one in LINK_KEYS if rule.annotations.get(one)), "")
    for blank in ("{{ $labels.alertname }}", "{{$labels.alertname}}"):
        given = given.replace(blank, rule.alert)
    return given.strip()


def shown(address: str) -> str:
    """The last of an address, for a sentence."""
    return urlsplit(address).path.rpartition("/")[2][:80] or address[:80]


def at(
    address: str, prometheus: Prometheus, ask: Ask, site: Environment
) -> tuple[Written | None, Found[Any]]:
    """The page at an address, or None where none is, and what that rests on."""
    if "{{" in address:
        raise NotUnderstood(f"{prometheus.id}: what {address[:100]} becomes is not known")
    for one in pages(site):
        if one.page.url == address:
            found = ask(PAGE, one)
            return found.reading, found
    linked = ask(LINK.of(address), prometheus)
    return linked.reading.page, linked


def named_in(page: Written, anchor: str, alert: str) -> str:
    """Why a link does not lead to that alert; nothing where it does."""
    if not anchor:
        return "" if alert in page.alerts else "the page does not name it"
    sections = [one for one in page.passages if one.anchor.lower() == anchor.lower()]
    if not sections:
        return f"no section {anchor[:80]}"
    if not any(alert in one.alerts for one in sections):
        return f"the section {anchor[:80]} does not name it"
    return ""
