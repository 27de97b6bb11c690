"""What clients get that come by plain HTTP, and that HTTPS tells them to stay."""

from collections.abc import Callable

from readiness.catalogue import check
from readiness.claim import Found, holds
from readiness.environment import Environment
from readiness.model import Severity
from readiness.probes.http import Exchange, redirects_to_https
from readiness.subjects import Endpoint, pages

Http = Callable[..., Found[Exchange]]

# RFC 6797 names no minimum; a year is what browsers' preload lists ask for.
LEAST_MAX_AGE = 365 * 86400
PROBE = "from=readiness"


@check(
    "WEB-001",
    "Every node redirects plain HTTP for good to the same page over HTTPS",
    clauses=("infra.load-balancer/http-redirected",),
    each="http_listener",
    severity=Severity.HIGH,
    risk="A first visit by plain HTTP can be read and altered on the way.",
    reads=("GET of every declared page over plain HTTP, redirects are not followed",),
    rights="network access to the plain port",
    remedy="answer 301 or 308 with the same host and path under https on this node, and reload it",
)
def test_plain_http_is_redirected(
    http_listener: Endpoint, plain_http: Http, site: Environment
) -> None:
    """Each declared page answers 301 or 308 to the same host, path and query under https."""
    plain = http_listener.listener.plain_http
    if plain is None:
        found = plain_http(http_listener, "/")
        assert holds(found.fact("an answer on the plain port", found.reading.answers), "==", False)
        return
    for path in pages(site, http_listener.listener):
        found = plain_http(http_listener, f"{path}{'&' if '?' in path else '?'}{PROBE}")
        redirect = redirects_to_https(found.reading, port=http_listener.listener.port)
        assert holds(found.fact("an answer on the plain port", found.reading.answers), "==", True)
        wrong = found.fact(f"what is wrong with the redirect of {path}", redirect.problem or "none")
        assert holds(wrong, "==", "none")
        assert holds(found.fact(f"a permanent redirect of {path}", redirect.permanent), "==", True)


@check(
    "WEB-002",
    "Every node tells browsers to use HTTPS only, for at least a year",
    clauses=("sec.tls/hsts",),
    each="http_listener",
    severity=Severity.HIGH,
    risk="A browser that was here before still tries plain HTTP first.",
    reads=("GET of every declared page over HTTPS",),
    rights="network access to the listener",
    remedy="send Strict-Transport-Security with max-age=31536000 or more from this node",
)
def test_hsts_is_sent(http_listener: Endpoint, https: Http, site: Environment) -> None:
    """Each page carries a valid Strict-Transport-Security header (RFC 6797) of a year or more."""
    for path in pages(site, http_listener.listener):
        found = https(http_listener, path)
        assert holds(found.fact("an answer at its address", found.reading.answers), "==", True)
        policy = found.reading.hsts
        wrong = policy.problem or ("none" if policy.max_age is not None else "no header")
        assert holds(found.fact(f"what is wrong with the policy of {path}", wrong), "==", "none")
        age = found.fact(f"seconds that browsers remember {path}", policy.max_age)
        assert holds(age, ">=", LEAST_MAX_AGE)
