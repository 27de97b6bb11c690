"""What pages say to caches on the way."""

from readiness import Ask, Environment, NotRun, NotUnderstood, Severity, check, holds
from readiness.site.declared.listener import PortalPage
from readiness.site.subjects import HTTP_LISTENER, Endpoint
from readiness.systems.http.reading import CACHING
from readiness.systems.http.storable import directives, written


def declared(site: Environment, endpoint: Endpoint) -> list[PortalPage]:
    """The pages of a listener of which it is declared what caches may do with them."""
    name = endpoint.listener.name
    return [one for one in site.pages if one.listener == name and one.cache is not None]


@check(
    "CDN-002",
    "Every address sends with each page the directives for caches that are declared for it",
    clauses=("infra.cdn/cache-headers",),
    each=HTTP_LISTENER,
    severity=Severity.MEDIUM,
    limit=120,
    risk="Caches keep a page longer than it is right, or each user's request reaches the site.",
    reads=(
        "GET of every page that declares `cache`, at each address, of each server: Cache-Control",
    ),
    rights="network access to the listener; an answer is looked at whoever vouches for the address",
    remedy="send the declared Cache-Control from every machine and through every edge, or declare "
    "under `cache` of the page what is meant",
)
def test_caches_are_told(http_listener: Endpoint, ask: Ask, site: Environment) -> None:
    """All directives are compared: one more may undo the others."""
    found_pages = declared(site, http_listener)
    if not found_pages:
        reason = f"{http_listener.id}: no page says what caches may do with it"
        raise NotRun(reason, declare=f"`cache` of the pages of {http_listener.listener.name}")
    for page in found_pages:
        found = ask(CACHING.of(page.path), http_listener)
        wanted = list(written(directives([("cache-control", page.cache or "")])))
        for one in found.reading.said:
            at = f" at {one.server}" if one.server else ""
            if one.status not in page.statuses:
                # WEB-003 is red on it; an error's headers say nothing of the page.
                told = f"{http_listener.id}: {page.path}{at} answers HTTP {one.status}"
                raise NotUnderstood(told)
            what = f"the Cache-Control of {page.path}{at}"
            assert holds(found.fact(what, list(one.says)), "==", wanted)
        if found.reading.missing:
            names = ", ".join(found.reading.missing)
            raise NotUnderstood(f"{http_listener.id}: {page.path}: not answered by {names}")
