"""Offers a declared load and writes every request down: `python -m readiness.loadtests.generator`.

A Locust process of its own. Orders are one JSON line on standard input (secrets never stand in
argv); samples are JSON lines in the file that the orders name. Open loop: a request is due at
a fixed moment whatever became of the ones before, and its time counts from that moment, so that a
server that stands still is seen by every request that was due meanwhile. Requests go to the given
addresses in turn; every virtual user stays with one, so that a slow one is not spared.
"""

# Locust patches sockets and threads when it is imported: before everything that uses them.
from locust import User, constant, task
from locust.env import Environment
from locust.exception import StopUser

# isort: split

import errno
import http.client
import json
import math
import os
import random
import socket
import sys
import time
from collections import deque
from collections.abc import Iterable, Iterator
from itertools import cycle
from pathlib import Path
from typing import Any, Final, TextIO

import gevent

from readiness.drills.parent import die_with_parent
from readiness.loadtests import REFUSED
from readiness.probes.tls_contexts import trusting_only

OK: Final = 200
BODY_LIMIT: Final = 1024 * 1024
MOST_USERS: Final = 1000
# The load ends by itself when most of what it asks for fails, and more than is allowed.
ABORT_WINDOW: Final = 5.0
ABORT_LEAST: Final = 20
ABORT_SHARE: Final = 0.5
IN_VAIN: Final = "no answer in time"
LOG_INS: Final = 2
"""A user who is not let in tries once more."""
UNAUTHORIZED: Final = (401, 403)
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


class Pinned(http.client.HTTPSConnection):
    """A connection to exactly the address given, verified for the host's name."""

    def __init__(self, orders: dict[str, Any], address: str) -> None:
        context = trusting_only(orders["authority"].encode(), check_hostname=True)
        super().__init__(orders["host"], orders["port"], timeout=orders["timeout"], context=context)
        self.address = address, orders["port"]
        self.trust = context

    def connect(self) -> None:
        """Connect to the pinned address."""
        plain = socket.create_connection(self.address, self.timeout)
        self.sock = self.trust.wrap_socket(plain, server_hostname=self.host)


class Load:
    """What is due when, and what became of it."""

    def __init__(self, orders: dict[str, Any], output: TextIO) -> None:
        self.orders, self.output = orders, output
        count = round(orders["rate"] * (orders["warm_up"] + orders["duration"]))
        chance = random.Random(orders["seed"])  # noqa: S311 - the same journey every time
        pages = orders["pages"]
        self.pages = chance.choices(pages, [page["weight"] for page in pages], k=count)
        self.started = time.monotonic() + 1
        self.addresses: list[str] = orders["addresses"]
        self.due = {
            address: self._due(range(turn, count, len(self.addresses)))
            for turn, address in enumerate(self.addresses)
        }
        self.turns = cycle(self.addresses)
        self.token = ""
        self.shut_out = ""  # why the synthetic user has no token
        self.broken = ""  # why nothing can be asked from this machine
        self.aborted = ""
        self.asked = 0
        self.recent: deque[tuple[float, bool]] = deque()

    def _due(self, numbers: Iterable[int]) -> Iterator[tuple[float, dict[str, Any]]]:
        """Each of these requests' moment (seconds from the start of the window) and page."""
        for number in numbers:
            if self.aborted:
                return
            yield number / self.orders["rate"] - self.orders["warm_up"], self.pages[number]

    @property
    def now(self) -> float:
        """Seconds since the window began; negative while it warms up."""
        return time.monotonic() - self.started - float(self.orders["warm_up"])

    def note(self, when: float, sent: float, place: tuple[str, str], problem: str) -> None:
        """Write one request down."""
        done = self.now
        self.asked += 1
        page, address = place
        sample = {
            "page": page,
            "address": address,
            "due": round(when, 6),
            "lag": round(sent - when, 6),
            "took": round(done - when, 6),
            "problem": problem,
        }
        self.output.write(json.dumps(sample) + "\n")
        self.recent.append((done, bool(problem)))
        while self.recent[0][0] < done - ABORT_WINDOW:
            self.recent.popleft()
        failed = sum(bad for _, bad in self.recent)
        share = max(ABORT_SHARE, self.orders["failures"] / 100)
        if len(self.recent) >= ABORT_LEAST and failed > share * len(self.recent):
            self.aborted = f"{failed} of {len(self.recent)} requests failed: {problem or 'before'}"


class Visitor(User):
    """One of many virtual users; takes whatever is due next at its address."""

    wait_time = constant(0)
    load: Load

    def on_start(self) -> None:
        """Connect only when something is due."""
        self.address = next(self.load.turns)
        self.line: Pinned | None = None

    @task
    def visit(self) -> None:
        """Wait until the next request is due, ask, and write down what came."""
        load = self.load
        found = next(load.due[self.address], None)
        if found is None:
            raise StopUser
        when, page = found
        if (early := when - load.now) > 0:
            gevent.sleep(early)
        sent = load.now
        problem = IN_VAIN
        with gevent.Timeout(load.orders["timeout"], False):
            problem = self._ask(page)
        if problem:
            self._hang_up()
        load.note(when, sent, (page["name"], self.address), problem)

    def _ask(self, page: dict[str, Any]) -> str:
        """What is wrong with the answer; empty when it is right."""
        used = self.line is not None
        try:
            try:
                answer, body = self._get(page)
            except (ConnectionError, http.client.BadStatusLine):
                # A server may close what idles; whoever browses asks again (RFC 9110, 9.2.2).
                if not used:
                    raise
                self._hang_up()
                answer, body = self._get(page)
        except (OSError, http.client.HTTPException) as error:
            if getattr(error, "errno", None) in OURS:
                self.load.broken = str(error)
            return _words(error)
        if answer.will_close or not answer.isclosed():
            self._hang_up()
        if page["logged_in"] and self.load.shut_out:
            return f"no log-in: {self.load.shut_out}"
        if answer.status != OK:
            return f"HTTP {answer.status}"
        return "" if page["contains"].encode() in body else "another page than the right one"

    def _get(self, page: dict[str, Any]) -> tuple[http.client.HTTPResponse, bytes]:
        """One request over the connection that is there, or a new one."""
        headers = {"User-Agent": "readiness", "Accept": "*/*"}
        if page["logged_in"]:
            headers["Authorization"] = f"Bearer {self.load.token}"
        if self.line is None:
            self.line = Pinned(self.load.orders, self.address)
        self.line.request("GET", page["path"], headers=headers)
        answer = self.line.getresponse()
        return answer, answer.read(BODY_LIMIT)

    def _hang_up(self) -> None:
        if self.line is not None:
            self.line.close()
        self.line = None


def _words(error: Exception) -> str:
    """What went wrong, whichever clock noticed it first."""
    return IN_VAIN if isinstance(error, TimeoutError) else type(error).__name__


def log_in(orders: dict[str, Any]) -> tuple[str, str]:
    """The token of the synthetic user, and why there is none: what a user meets in its place.

    Raises:
        SystemExit: the site says that it is none of its users, or this machine can ask nobody.
    """
    problem = ""
    for _ in range(LOG_INS):
        token, problem = "", IN_VAIN
        with gevent.Timeout(orders["timeout"], False):
            token, problem = _logged_in(orders)
        if token:
            return token, ""
    return "", problem


def _logged_in(orders: dict[str, Any]) -> tuple[str, str]:
    """One attempt: the token, or what came instead."""
    login = orders["login"]
    body = {login["user_field"]: login["user"], login["password_field"]: login["password"]}
    line = Pinned(orders, orders["addresses"][0])
    try:
        line.request("POST", login["path"], json.dumps(body), {"Content-Type": "application/json"})
        answer = line.getresponse()
        text = answer.read(BODY_LIMIT)
    except (OSError, http.client.HTTPException) as error:
        if getattr(error, "errno", None) in OURS:
            raise SystemExit(str(error)) from None
        return "", _words(error)
    finally:
        line.close()
    if answer.status in UNAUTHORIZED:
        sys.stderr.write(f"the site refuses the synthetic user: HTTP {answer.status}\n")
        raise SystemExit(REFUSED)
    if answer.status != OK:
        return "", f"HTTP {answer.status}"
    try:
        token = json.loads(text)[login["token_field"]]
    except (ValueError, KeyError, TypeError):
        token = None
    return (token, "") if isinstance(token, str) else ("", "an answer without a token")


def run(load: Load) -> None:
    """Offer it all, then say what the generator itself needed."""
    orders = load.orders
    if orders["login"]:
        load.token, load.shut_out = log_in(orders)
    Visitor.load = load
    places = len(load.addresses)
    # As many at each address.
    users = places * math.ceil(min(MOST_USERS, orders["rate"] * orders["timeout"]) / places)
    runner = Environment(user_classes=[Visitor]).create_local_runner()
    load.started = time.monotonic() + 1
    runner.start(users, spawn_rate=users)
    begun, used = time.monotonic(), time.process_time()
    latest = orders["warm_up"] + orders["duration"] + orders["timeout"] + 5
    while load.asked < len(load.pages) and time.monotonic() - begun < latest:
        gevent.sleep(0.1)
        if load.broken:
            sys.stderr.write(f"{load.broken}\n")
            sys.stderr.flush()
            os._exit(1)
        if load.aborted and time.monotonic() - begun > 2:  # noqa: PLR2004
            break
    wall = time.monotonic() - begun
    busy = (time.process_time() - used) / wall
    summary = {
        "busy": round(busy, 4),
        "aborted": load.aborted,
        "offered": len(load.pages),
        "shut_out": load.shut_out,
    }
    load.output.write(json.dumps(summary) + "\n")
    load.output.flush()
    os.fsync(load.output.fileno())
    # Visitors may hang in a request that nobody waits for any more.
    os._exit(0)


def main() -> None:
    """Read the orders and carry them out."""
    die_with_parent()
    orders = json.loads(sys.stdin.readline())
    with Path(orders["output"]).open("x") as output:
        run(Load(orders, output))


if __name__ == "__main__":
    main()
