"""What users of a listener get: its pages, by plain HTTP the way to HTTPS, and the word to stay."""

from readiness import Ask, Environment, Found, NotRun, Severity, check, holds
from readiness.site.subjects import HTTP_LISTENER, Endpoint, WebPage, pages
from readiness.systems.http.reading import (
    BROWSED_PAGE,
    PAGE,
    PLAIN_PAGE,
    Exchange,
    redirects_to_https,
    wrong_with,
)

# RFC 6797 names no minimum; a year is what browsers' preload lists ask for.
LEAST_MAX_AGE = 365 * 86400
PROBE = "from=readiness"


def answers(found: Found[Exchange], page: WebPage) -> bool:
    """Claim that a page is answered as it should be, so that more can be said about it."""
    wrong = wrong_with(found.reading, *page.expect)
    return bool(
        holds(found.fact("an answer at its address", found.reading.answers), "==", True)
        and holds(
            found.fact(f"what is wrong with the page {page.path}", wrong or "none"), "==", "none"
        )
    )


def declared(endpoint: Endpoint, site: Environment) -> list[WebPage]:
    """The pages of a listener of which somebody declared what a right answer is.

    Raises:
        NotRun: there are none.
    """
    found = [one for one in pages(site, endpoint.listener) if one.expect]
    if not found:
        name = endpoint.listener.name
        raise NotRun(
            f"{endpoint.id}: no page is declared, so nobody knows what a right answer is",
            declare=f"`pages`, as {{listener: {name}, path: /, expect: [200]}}",
        )
    return found


def leads_to_https(endpoint: Endpoint, ask: Ask, path: str) -> bool:
    """Claim that a page by plain HTTP is a permanent redirect to itself over HTTPS."""
    found = ask(PLAIN_PAGE.of(f"{path}{'&' if '?' in path else '?'}{PROBE}"), endpoint)
    redirect = redirects_to_https(found.reading, port=endpoint.listener.port)
    wrong = redirect.problem or "none"
    return bool(
        holds(found.fact("an answer on the plain port", found.reading.answers), "==", True)
        and holds(found.fact(f"what is wrong with the redirect of {path}", wrong), "==", "none")
        and holds(found.fact(f"a permanent redirect of {path}", redirect.permanent), "==", True)
    )


@check(
    "WEB-001",
    "Every node redirects plain HTTP for good to the same page over HTTPS",
    clauses=("infra.load-balancer/http-redirected",),
    each=HTTP_LISTENER,
    severity=Severity.HIGH,
    risk="A first visit by plain HTTP can be read and altered on the way.",
    reads=(
        "GET of every declared page over plain HTTP, redirects are not followed",
        "GET of the same page over HTTPS",
    ),
    rights="network access to the plain port and the listener",
    remedy="answer 301 or 308 with the same host and path under https on this node, and reload it; "
    "a redirect to a page that is wrong is mended there (WEB-003)",
)
def test_plain_http_is_redirected(http_listener: Endpoint, ask: Ask, site: Environment) -> None:
    """Each page answers 301 or 308 to the same host, path and query under https, and is there."""
    plain = http_listener.listener.plain_http
    if plain is None:
        found = ask(PLAIN_PAGE.of("/"), http_listener)
        assert holds(found.fact("an answer on the plain port", found.reading.answers), "==", False)
    for page in pages(site, http_listener.listener):
        assert plain is None or leads_to_https(http_listener, ask, page.path)
        assert answers(ask(PAGE.of(page.path), http_listener), page)


@check(
    "WEB-002",
    "Every node tells browsers to use HTTPS only, for at least a year",
    clauses=("sec.tls/hsts",),
    each=HTTP_LISTENER,
    severity=Severity.HIGH,
    risk="A browser that was here before still tries plain HTTP first.",
    reads=("GET of every declared page over HTTPS",),
    rights="network access to the listener",
    remedy="send Strict-Transport-Security with max-age=31536000 or more from this node; where the "
    "page itself is wrong, see WEB-003",
)
def test_hsts_is_sent(http_listener: Endpoint, ask: Ask, site: Environment) -> None:
    """Each page is right and carries a valid Strict-Transport-Security (RFC 6797) of a year."""
    for page in pages(site, http_listener.listener):
        found = ask(PAGE.of(page.path), http_listener)
        assert answers(found, page)
        policy = found.reading.hsts
        wrong = policy.problem or ("none" if policy.max_age is not None else "no header")
        fact = found.fact(f"what is wrong with the policy of {page.path}", wrong)
        assert holds(fact, "==", "none")
        age = found.fact(f"seconds that browsers remember {page.path}", policy.max_age)
        assert holds(age, ">=", LEAST_MAX_AGE)


@check(
    "WEB-003",
    "Every node answers each declared page with the declared status and content",
    clauses=("infra.load-balancer/portal-answers",),
    each=HTTP_LISTENER,
    severity=Severity.CRITICAL,
    risk="Everything around the portal is in order, and its users get an error page.",
    reads=("GET of every declared page over HTTPS, at each address; redirects are not followed",),
    rights="network access to the listener",
    remedy="ask for the page at this address as a browser does, and look at what answers behind "
    "this node: the application, a maintenance page, a cache",
)
def test_pages_answer(http_listener: Endpoint, ask: Ask, site: Environment) -> None:
    """Each page that `pages`, a balancer or a load test declares for it has status and content."""
    for page in declared(http_listener, site):
        assert answers(ask(PAGE.of(page.path), http_listener), page)


@check(
    "WEB-004",
    "Every node answers each declared page over the protocol that browsers agree on with it",
    clauses=("infra.load-balancer/portal-answers",),
    each=HTTP_LISTENER,
    severity=Severity.CRITICAL,
    risk="Browsers get an error, while every client that speaks HTTP/1.1 only gets the page.",
    reads=("GET of every declared page over HTTPS, at each address, offering HTTP/2 and HTTP/1.1",),
    rights="network access to the listener",
    remedy="take h2 from what this node offers (ALPN) until it speaks it: with HAProxy `alpn` and "
    "`proto` of the bind line, with others what stands in front of the server that it is meant "
    "for; where the page is wrong over HTTP/1.1 too, see WEB-003",
)
def test_pages_answer_browsers(http_listener: Endpoint, ask: Ask, site: Environment) -> None:
    """A client that offers [h2, http/1.1], as browsers do, gets status and content."""
    for page in declared(http_listener, site):
        found = ask(BROWSED_PAGE.of(page.path), http_listener)
        wrong = wrong_with(found.reading, *page.expect) or "none"
        # Nothing agreed on is HTTP/1.1 (RFC 9113, 3.3), and as good.
        agreed = f"agreed on {found.reading.protocol or 'nothing'}"
        fact = found.fact(f"what is wrong with the page {page.path} for browsers ({agreed})", wrong)
        assert holds(fact, "==", "none")
