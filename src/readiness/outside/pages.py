"""Asks for the page itself and for what must never answer, whoever presents which certificate.

Whether that is trusted is said by the handshake; a site whose certificate ran out is looked at all
the same. Nothing but a GET without credentials is sent.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final
from urllib.parse import urljoin, urlsplit

from readiness.model.errors import NotUnderstood, ProbeError
from readiness.model.words import Severity
from readiness.outside.finding import Finding, Weight
from readiness.outside.place import Url
from readiness.outside.site import Once
from readiness.probes.wire import Deadline, place
from readiness.systems.http.asking.pages import look
from readiness.systems.http.defences import DEFENCES
from readiness.systems.http.hidden import BUSY, Hidden, Telling, control_path
from readiness.systems.http.page import Page

PATIENCE: Final = 5.0  # seconds for one page
MOST_REDIRECTS: Final = 10  # what certificate authorities follow; browsers follow twenty
_REDIRECTS: Final = frozenset({301, 302, 303, 307, 308})
_SERVER_ERROR: Final = 500
_SHOWN: Final = 120  # characters of an address that somebody else wrote


@dataclass(frozen=True)
class Pages:
    """The pages of a host at one of its addresses."""

    url: Url
    address: str
    once: Once

    @property
    def where(self) -> str:
        """Address and port."""
        return place(self.address, self.url.port)

    def get(self, url: str) -> Page:
        """One page.

        Raises:
            ProbeError: it could not be found out what is there.
        """
        heard = look(url, (self.address, self.url.port), Deadline(PATIENCE))
        if heard.problem:
            raise NotUnderstood(f"{self.where}: {heard.problem}")
        return heard.page(url)

    def front(self) -> list[Finding]:
        """What is wrong with the page itself, at the end of its redirects within the host."""
        try:
            return list(self._front())
        except ProbeError as error:
            return [Finding(Weight.UNASKED, self.where, f"the page: {error}")]

    def _front(self) -> Iterator[Finding]:
        page, hops = self.get(str(self.url)), [str(self.url)]
        keeps_cookies = False
        while page.status in _REDIRECTS:
            keeps_cookies = keeps_cookies or bool(page.cookies)
            target, problem = self.target(page)
            if problem:
                yield Finding(Weight.UNSEEN, self.where, f"the page {page.url[:_SHOWN]} {problem}")
                return
            if target in hops or len(hops) > MOST_REDIRECTS:
                yield self._circle([*hops, target], keeps_cookies=keeps_cookies)
                return
            hops.append(target)
            page = self.get(target)
        yield from self._judged(page)

    def _circle(self, hops: list[str], *, keeps_cookies: bool) -> Finding:
        """Who sets a cookie on the way may lead a browser out of it, which sends that back."""
        way = " to ".join(one[:_SHOWN] for one in hops[-3:])
        seen = f"the page redirects without an end: {way}"
        if keeps_cookies:
            return Finding(Weight.UNASKED, self.where, f"{seen}, for who keeps no cookies")
        remedy = "have one of them answer with a page: browsers give up"
        return Finding(Weight.WRONG, self.where, seen, "a page", remedy, Severity.CRITICAL)

    def target(self, page: Page) -> tuple[str, str]:
        """Where a redirect leads within the host, or how it does not."""
        try:
            (location,) = page.header("location")
            target = urljoin(page.url, location).partition("#")[0]
            parts = urlsplit(target)
            same = target.isascii() and target.isprintable() and " " not in target
        except ValueError:
            same = False
        if not same:
            return "", f"answers {page.status} with no Location that can be followed"
        if (parts.scheme, parts.netloc.lower()) != (self.url.scheme, self.url.netloc):
            return "", f"leads to {target[:_SHOWN]}, which is another site: look at that one, too"
        return target, ""

    def _judged(self, page: Page) -> Iterator[Finding]:
        seen = f"the page {page.url[:_SHOWN]} answers {page.status}"
        if page.status >= _SERVER_ERROR:
            remedy = "look at what answers behind this address: the application, or a balancer"
            expected = "no error of the server"
            yield Finding(Weight.WRONG, self.where, seen, expected, remedy, Severity.CRITICAL)
            return
        yield Finding(Weight.FINE, self.where, seen)
        for one in DEFENCES:
            wrong = one.wrong(page)
            if wrong:
                seen = f"{one.name}: {wrong}"
                yield Finding(
                    Weight.WRONG, self.where, seen, one.expected, one.remedy, one.severity
                )
            else:
                yield Finding(Weight.FINE, self.where, f"{one.name}: as it should be")

    def control(self) -> Page:
        """What the host answers to a path that nobody has; asked once.

        Raises:
            ProbeError: it could not be found out.
        """
        key = ("control", self.address)
        found: Page = self.once.get(key, lambda: self.get(self.url.to(control_path())))
        if found.status in BUSY:
            raise NotUnderstood(f"{self.where}: the server is busy: HTTP {found.status}")
        return found

    def hidden(self, one: Hidden) -> list[Finding]:
        """Whether something answers that must not; nothing where it does not."""
        try:
            control, page = self.control(), self.get(self.url.to(one.path))
        except ProbeError as error:
            return [Finding(Weight.UNASKED, self.where, f"what must never answer: {error}")]
        telling, seen = one.told(page, control)
        if telling is Telling.QUIET:
            return []
        if telling is Telling.UNKNOWN:
            return [Finding(Weight.UNASKED, self.where, seen)]
        return [Finding(Weight.WRONG, self.where, seen, "no answer", one.remedy, one.severity)]

    def summary(self, quiet: int, asked: int) -> list[Finding]:
        """How many of the paths did not answer, and what the control said."""
        if not quiet:
            return []
        status = self.control().status
        seen = (
            f"{quiet} of {asked} paths that must never answer do not "
            f"(one that does not exist: HTTP {status})"
        )
        return [Finding(Weight.FINE, self.where, seen)]
