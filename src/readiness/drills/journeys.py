"""What a journey is made of: a Locust user that visits declared pages and looks at what they hold.

A journey is a Locust file with classes of `Journey`; the shipped ones are in `loadtests/`. The gate
runs it at a declared rate and times every request from the moment it was due. By itself it runs as
any Locust file does, with the think times of its users:

    locust -f loadtests/browse.py --env site/environment.yaml --headless -u 20 -r 5 -t 60s
    locust -f loadtests/browse.py --host https://portal.example --page '/courses="credits"'

Importing this module imports Locust, which patches sockets and threads: nothing else of the product
does.
"""

# Locust patches sockets and threads when it is imported: before everything that uses them.
from locust import User, between, events
from locust.env import Environment as LocustEnvironment

# isort: split

import errno
import http.client
import json
import ssl
import sys
import time
from argparse import ArgumentParser
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from itertools import cycle
from pathlib import Path
from typing import Any, ClassVar, Final, Protocol
from urllib.parse import urlsplit

import gevent

from readiness.drills.load_process.orders import orders_of
from readiness.drills.load_process.site import (
    IN_VAIN,
    UNAUTHORIZED,
    Line,
    Page,
    Site,
    choices,
    log_in,
    site_of,
    words,
)
from readiness.model.errors import NotRun, UsageError
from readiness.model.words import Tier
from readiness.site.declared.load import SIGN_IN
from readiness.site.documents import load_environment

__all__ = ["Journey"]

USAGE: Final = 64
# What this machine lacks, whoever is asked.
OURS: Final = frozenset(
    {
        errno.EMFILE,
        errno.ENFILE,
        errno.ENOBUFS,
        errno.ENOMEM,
        errno.EADDRNOTAVAIL,
        errno.ENETUNREACH,
        errno.ENETDOWN,
    }
)


@dataclass(frozen=True)
class Asked:
    """One request: moments in seconds by the clock of its pace; no problem where it was right."""

    page: str
    address: str
    method: str
    due: float
    sent: float
    problem: str
    size: int


class Pace(Protocol):
    """Who says when a request is due, at which address, and keeps what became of it."""

    token: str
    """Of the synthetic user whom all users are that did not log in themselves."""
    shut_out: str
    """Why there is no such token; empty when there is, or when no page needs one."""
    broken: str
    """Why nothing can be asked from this machine."""

    @property
    def now(self) -> float:
        """The moment, in seconds."""

    def place(self, journey: type[User]) -> str:
        """The address that the next user of this journey stays with."""

    def due(self, address: str, *, going: bool) -> float:
        """Wait until a request is due there; the moment for which it was due.

        Who is `going` has asked for something in this task already, and comes first.
        """

    def note(self, asked: Asked) -> None:
        """Keep what became of a request."""


class Journey(User):
    """One of many users of the site; a file subclasses it, with tasks, weights and think times."""

    abstract = True
    wait_time = between(1, 5)
    site: ClassVar[Site]
    pace: ClassVar[Pace]

    def __init__(self, environment: LocustEnvironment) -> None:
        super().__init__(environment)
        self.token = ""
        self.going = False
        self.line = Line(self.site, self.pace.place(type(self)))

    def visit(self, name: str, path: str = "") -> str | None:
        """Ask for a declared page, at a path of its own where one is given.

        Returns:
            Its text when it is right; None when it is not, which is counted.

        Raises:
            LookupError: no page of that name is declared.
        """
        page = self._declared(name)
        return self._counted(page.name, "GET", lambda: self._page(page, path or page.path))

    def send(self, name: str, body: object, path: str = "") -> str | None:
        """Send JSON to a declared page by POST; as with `visit`."""
        page = self._declared(name)
        text = json.dumps(body)
        return self._counted(page.name, "POST", lambda: self._page(page, path or page.path, text))

    def sign_in(self) -> bool:
        """Log in as the declared synthetic user; what needs a log-in is asked as that one then.

        Raises:
            LookupError: no log-in is declared.
        """

        def act() -> tuple[str, bytes]:
            self.token, problem = log_in(self.line)
            return problem, self.token.encode()

        return self._counted(SIGN_IN, "POST", act) is not None

    def think(self) -> None:
        """Pause as users do between two requests; at the gate the next one's moment is fixed."""
        going = self.going
        User.wait(self)
        self.going = going

    def _declared(self, name: str) -> Page:
        if name not in self.site.pages:
            raise LookupError(f"{name!r} is no declared page: {', '.join(self.site.pages)}")
        return self.site.pages[name]

    def _page(self, page: Page, path: str, body: str | None = None) -> tuple[str, bytes]:
        """What is wrong with the answer, and its body."""
        headers = {"Content-Type": "application/json"} if body is not None else {}
        if page.logged_in:
            headers["Authorization"] = f"Bearer {self.token or self.pace.token}"
        method = "GET" if body is None else "POST"
        status, content = self.line.ask(method, path, headers, body)
        if page.logged_in and self.pace.shut_out and not self.token:
            return f"no log-in: {self.pace.shut_out}", content
        return page.problem(status, content), content

    def _counted(self, page: str, method: str, act: Callable[[], tuple[str, bytes]]) -> str | None:
        """Wait until it is due, act, and have written down what came."""
        address = self.line.address
        due = self.pace.due(address, going=self.going)
        self.going = True
        sent = self.pace.now
        problem, content = IN_VAIN, b""
        with gevent.Timeout(self.site.timeout, False):
            try:
                problem, content = act()
            except (OSError, http.client.HTTPException) as error:
                if getattr(error, "errno", None) in OURS:
                    self.pace.broken = str(error)
                problem = words(error)
        if problem:
            self.line.hang_up()
        self.pace.note(Asked(page, address, method, due, sent, problem, len(content)))
        return None if problem else content.decode(errors="replace")


class Alone:
    """The pace of `locust -f`: users ask when they have thought enough, and Locust counts."""

    def __init__(self, environment: LocustEnvironment, site: Site) -> None:
        self.environment = environment
        self.turns = cycle(site.addresses)
        self.token = self.shut_out = self.broken = ""
        if site.login and site.members_pages:
            line = Line(site, site.addresses[0])
            try:
                self.token, self.shut_out = log_in(line)
            except (OSError, http.client.HTTPException) as error:
                self.shut_out = words(error)
            line.hang_up()

    @property
    def now(self) -> float:
        """The moment, in seconds."""
        return time.monotonic()

    def place(self, _: type[User]) -> str:
        """Each address in turn."""
        return next(self.turns)

    def due(self, _: str, *, going: bool) -> float:  # noqa: ARG002 - whoever thinks comes later
        """At once."""
        return self.now

    def note(self, asked: Asked) -> None:
        """Have Locust count it."""
        took = self.now - asked.due
        self.environment.events.request.fire(
            request_type=asked.method,
            name=asked.page,
            response_time=1000 * took,
            response_length=asked.size,
            exception=WrongAnswer(asked.problem) if asked.problem else None,
            context={"address": asked.address},
            start_time=time.time() - took,
        )


class WrongAnswer(Exception):
    """What Locust shows for a request that failed."""


def _options(parser: ArgumentParser) -> None:
    """What a journey can be told on Locust's command line."""
    ours = parser.add_argument_group("Journeys of the readiness suite")
    ours.add_argument("--env", default="", help="environment file that declares the load test")
    ours.add_argument("--load-test", default="", help="which of its load tests; the first if not")
    ours.add_argument("--confirm", default="", help="the name of a production environment")
    ours.add_argument(
        "--page",
        action="append",
        default=[],
        help="without --env: PATH or PATH=WHAT ITS BODY HOLDS; may be given again; / if not",
    )


def _begin(environment: LocustEnvironment, **_: Any) -> None:
    """Know the site before the first user; what is wrong with the words ends Locust."""
    try:
        Journey.site = _asked_for(environment)
    except (UsageError, NotRun) as error:
        sys.stderr.write(f"{error}\n")
        sys.exit(USAGE)
    # Timers count from the loop's last look at the clock: before all that was imported meanwhile.
    gevent.get_hub().loop.update_now()


def _start(environment: LocustEnvironment, **_: Any) -> None:
    """Log in once for all users, at the host that a person may have typed meanwhile."""
    if not hasattr(Journey, "site"):
        return
    Journey.site = _asked_for(environment)
    Journey.pace = alone = Alone(environment, Journey.site)
    if alone.shut_out in UNAUTHORIZED:
        sys.stderr.write(f"the site refuses the synthetic user: {alone.shut_out}\n")


def _end(environment: LocustEnvironment, **_: Any) -> None:
    """Locust ends with 0 when nothing was asked: nobody may take that for a site that holds."""
    if hasattr(Journey, "site") and not environment.stats.total.num_requests:
        sys.stderr.write("not one request was made\n")
        environment.process_exit_code = 1


def _asked_for(locust: LocustEnvironment) -> Site:
    """The site that Locust's command line names.

    Raises:
        UsageError: the words, or the file that they name, are wrong.
        NotRun: the load test's listener has no address or no name.
    """
    options = locust.parsed_options
    site = _declared(options) if options and options.env else None
    if site and not locust.host:
        locust.host = f"https://{site.host}:{site.port}"
    elif site and locust.host != f"https://{site.host}:{site.port}":
        site = _elsewhere(site, locust.host or "")
    return site or _undeclared(locust.host or "", options.page if options else ())


def _declared(options: Any) -> Site:
    file = Path(options.env)
    environment = load_environment(file)
    if Tier.LOAD not in environment.permissions.tiers:
        raise UsageError(
            "does not allow a load", str(file), key="permissions.tiers", expected=str(Tier.LOAD)
        )
    environment.require_typed_name(options.confirm)
    tests = {one.name: one for one in environment.load_tests}
    name = options.load_test or next(iter(tests), "")
    if name not in tests:
        expected = ", ".join(tests) or "a load test in `load_tests`"
        raise UsageError("is not declared", str(file), key=f"load_tests.{name}", expected=expected)
    return site_of(orders_of(environment, tests[name]))


def _undeclared(host: str, pages: Sequence[str]) -> Site:
    """A site of which only the host is known, and maybe some pages."""
    asked = [text.partition("=") for text in pages or ("/",)]
    known = [Page(name=path, path=path, contains=holds) for path, _, holds in asked]
    if wrong := [page.path for page in known if not page.path.startswith("/")]:
        raise UsageError("is no path", key="--page", expected="/PATH", found=wrong[0])
    nowhere = Site("", 0, (), None, {page.name: page for page in known}, choices(known), None, 10.0)
    return _elsewhere(nowhere, host)


def _elsewhere(site: Site, host: str) -> Site:
    """The same pages at another host, which is found by its name."""
    url = urlsplit(host)
    if url.scheme not in ("http", "https") or not url.hostname:
        found = host or "nothing"
        raise UsageError("is no host", key="--host", expected="https://HOST or --env", found=found)
    secure = url.scheme == "https"
    return replace(
        site,
        host=url.hostname,
        port=url.port or (443 if secure else 80),
        addresses=(url.hostname,),
        context=(site.context or ssl.create_default_context()) if secure else None,
    )


events.init_command_line_parser.add_listener(_options)
events.init.add_listener(_begin)
events.test_start.add_listener(_start)
events.quitting.add_listener(_end)
