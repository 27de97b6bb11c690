"""What `readiness look URL` does: finds the addresses, asks each, and gathers what was found."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final
from urllib.parse import urlsplit

from readiness.catalogue.checks import load_catalogue
from readiness.model.errors import ProbeError, UsageError
from readiness.outside.finding import Finding, Looked, Weight, gathered
from readiness.outside.judging import HANDSHAKES, HSTS, PLAIN, SCANNED, judged
from readiness.outside.lanes import Case, Patience, ask_all
from readiness.outside.pages import PATIENCE, Pages
from readiness.outside.place import (
    MOST_ADDRESSES,
    Url,
    authorities,
    no_way_to,
    read_addresses,
    read_url,
)
from readiness.outside.site import Once, Outsider, environment
from readiness.probes.wire import place
from readiness.site.names import resolve
from readiness.site.subjects import Endpoint
from readiness.systems.http.asking.pages import ask
from readiness.systems.http.hidden import HIDDEN
from readiness.systems.http.reading import (
    HTTP_PORT,
    HTTPS_PORT,
    PLAIN_PAGE,
    Exchange,
    redirects_to_https,
)

AT_ONCE: Final = 4
"""Connections over which paths that must never answer are asked for: no more than a browser has."""

# Seconds: no handshake across an ocean is done in less, and nobody watches a terminal for longer.
LEAST_PATIENCE: Final = 1
MOST_PATIENCE: Final = 600


@dataclass(frozen=True)
class Secured:
    """Where a site is served over TLS, and over plain HTTP."""

    url: Url | None
    """Over HTTPS; None where nobody told the port."""
    plain_port: int | None = None
    """None where nobody told it."""
    findings: tuple[Finding, ...] = ()
    answers: bool = True
    """Whether anything answered over plain HTTP, where that was asked."""


def look(text: str, connect_to: Sequence[str], authority: Path | None, within: float) -> Looked:
    """Look at what answers at an address of the web.

    Args:
        text: the address, as somebody typed it.
        connect_to: the addresses to ask instead of those behind the name; none asks those.
        authority: a file of whom to trust instead of this system's own.
        within: seconds after which what is not answered is given up.

    Raises:
        UsageError: one of them is wrong; nothing was asked.
    """
    url, given, trusted = read_url(text), read_addresses(connect_to), authorities(authority)
    if not LEAST_PATIENCE <= within <= MOST_PATIENCE:
        expected = f"{LEAST_PATIENCE} to {MOST_PATIENCE} seconds"
        raise UsageError("is wrong", key="--within", expected=expected, found=f"{within:g}")
    patience = Patience(within)
    try:
        resolved = given or patience.wait_for("the resolver", lambda: resolve(url.host))
    except ProbeError as error:
        return gathered(url, [Finding(Weight.UNASKED, url.host, str(error))])
    addresses, found = _asked(url, resolved)
    if not addresses:
        return gathered(url, found)
    if url.scheme == "http":
        secured = _from_plain(url, addresses, patience)
    else:
        secured = Secured(url, HTTP_PORT if url.port == HTTPS_PORT else None)
    found += secured.findings
    if secured.url is None:
        clear = _all(url, addresses, [], patience) if secured.answers else []
        return gathered(url, found + clear)
    outsider = Outsider(environment(secured.url, addresses, secured.plain_port, trusted))
    try:
        lanes = _checked(outsider, typed=url)
        return gathered(url, found + _all(secured.url, addresses, lanes, patience))
    finally:
        outsider.close()


def _asked(url: Url, addresses: Sequence[str]) -> tuple[list[str], list[Finding]]:
    """The addresses that are asked, and those that are not with the reason."""
    reasons = {one: no_way_to(one) for one in addresses}
    reached = [one for one in addresses if not reasons[one]]
    # Who has no IPv6 says nothing about the site; who reaches nothing has not looked.
    weight = Weight.UNSEEN if reached else Weight.UNASKED
    found = [
        Finding(weight, place(one, url.port), f"this machine has no way there: {reason}")
        for one, reason in reasons.items()
        if reason
    ]
    for one in reached[MOST_ADDRESSES:]:
        why = f"{url.host} has {len(addresses)} addresses, of which {MOST_ADDRESSES} are asked"
        remedy = f"--connect-to {one} asks this one"
        found.append(Finding(Weight.UNSEEN, place(one, url.port), why, remedy=remedy))
    return reached[:MOST_ADDRESSES], found


def _from_plain(url: Url, addresses: Sequence[str], patience: Patience) -> Secured:
    """Where a page over plain HTTP leads that should lead to itself over HTTPS."""
    problems: list[Finding] = []
    for address in addresses:
        timeout = min(PATIENCE, patience.left)
        try:
            found = ask(address, url.port, host=url.host, path=url.path, timeout=timeout)
        except ProbeError as error:
            problems.append(Finding(Weight.UNASKED, place(address, url.port), str(error)))
            continue
        if not found.answers:
            problems.append(Finding(Weight.UNASKED, place(address, url.port), found.problem))
            continue
        port = _tls_port(found)
        if port:
            return Secured(replace(url, scheme="https", port=port), url.port)
        return Secured(None, url.port, _in_the_clear(found))
    return Secured(None, url.port, tuple(problems), answers=False)


def _tls_port(found: Exchange) -> int | None:
    """The port at which the same host is said to speak TLS."""
    try:
        parts = urlsplit(found.location or "")
        same = parts.scheme == "https" and parts.hostname == found.host
        port = parts.port or HTTPS_PORT
    except ValueError:
        return None
    return port if same else None


def _in_the_clear(found: Exchange) -> tuple[Finding, ...]:
    """A page over plain HTTP that leads to no TLS, by the words of the check that asks for it."""
    entry, where = load_catalogue()[PLAIN], place(found.address, found.port)
    seen = f"what is wrong with the redirect: {redirects_to_https(found).problem}"
    unknown = f"TLS: its port is not known; look at https://{found.host}, too"
    return (
        Finding(Weight.WRONG, where, seen, entry.title, entry.remedy, entry.severity, (entry.id,)),
        Finding(Weight.UNSEEN, where, unknown, checks=(*HANDSHAKES, HSTS, *SCANNED)),
    )


def _checked(outsider: Outsider, *, typed: Url) -> list[list[Case]]:
    """What the gate's checks are asked, by lanes; those that wait for the scan stand in one."""
    lanes: list[list[Case]] = []
    everyone = list(outsider.endpoints.values())

    def case(check: str, endpoint: Endpoint) -> Case:
        where = place(endpoint.address, endpoint.listener.port)
        title = load_catalogue()[check].title
        return Case(where, title, lambda: [judged(check, endpoint, outsider)], (check,))

    for one in everyone:
        lanes.append([case(check, one) for check in HANDSHAKES])
        lanes.append([case(HSTS, one)])
        lanes.append([plain_redirect(one, outsider, typed=typed)])
    lanes.append([case(check, one) for check in SCANNED for one in everyone])
    return lanes


def plain_redirect(endpoint: Endpoint, outsider: Outsider, *, typed: Url) -> Case:
    """The redirect of plain HTTP. That port 80 is closed is as good, unless somebody typed it."""
    where = place(endpoint.address, endpoint.listener.port)

    def judge() -> list[Finding]:
        listener = endpoint.listener
        if listener.plain_http is None:
            why = f"plain HTTP: which port belongs to {listener.port} is not known"
            remedy = f"look at http://{typed.host}:PORT, which leads here"
            return [Finding(Weight.UNSEEN, where, why, remedy=remedy, checks=(PLAIN,))]
        subject = endpoint
        try:
            refused = not outsider.ask(PLAIN_PAGE.of("/"), endpoint).reading.answers
        except ProbeError as error:
            return [Finding(Weight.UNASKED, where, f"plain HTTP: {error}", checks=(PLAIN,))]
        if refused and typed.scheme == "https":
            closed = listener.model_copy(update={"plain_http": None})
            subject = replace(endpoint, listener=closed)
        return [judged(PLAIN, subject, outsider)]

    return Case(where, load_catalogue()[PLAIN].title, judge, (PLAIN,))


def _all(
    url: Url, addresses: Sequence[str], lanes: list[list[Case]], patience: Patience
) -> list[Finding]:
    """What is found at every address: by the checks, on the page, and where nothing should be."""
    once = Once()
    sites = [Pages(url, address, once) for address in addresses]
    fronts = [[Case(one.where, "the page itself", one.front)] for one in sites]
    paths = {
        one.address: [
            Case(one.where, "what must never answer", lambda one=one, path=path: one.hidden(path))  # type: ignore[misc]
            for path in HIDDEN
        ]
        for one in sites
    }
    everywhere = [case for cases in paths.values() for case in cases]
    shared = [everywhere[number::AT_ONCE] for number in range(AT_ONCE)]
    found = ask_all([*lanes, *fronts, *shared], patience)
    for one in sites:
        quiet = sum(case.quiet for case in paths[one.address])
        found += one.summary(quiet, len(HIDDEN))
    return found
