"""Offers a declared load and writes every request down: `python -m readiness.drills.load_process`.

A process of its own that runs Locust files at the pace of `schedule`. Orders are one JSON line on
standard input (secrets never stand in argv); samples are JSON lines in the file that the orders
name. The schedule takes the place of think times: a user asks again when its turn comes.
"""

# Locust patches sockets and threads when it is imported: before everything that uses them.
from locust import User
from locust.env import Environment
from locust.util.load_locustfile import load_locustfile

# isort: split

import http.client
import json
import math
import os
import random
import sys
import time
from pathlib import Path
from typing import Any, Final, NoReturn

import gevent

from readiness.drills.journeys import OURS, Journey
from readiness.drills.load_process import REFUSED
from readiness.drills.load_process.schedule import Schedule
from readiness.drills.load_process.site import (
    IN_VAIN,
    UNAUTHORIZED,
    Line,
    Site,
    log_in,
    site_of,
    words,
)
from readiness.drills.parent import die_with_parent
from readiness.site.own_files import imported_besides

MOST_USERS: Final = 1000
LOG_INS: Final = 2
"""A user who is not let in tries once more."""


def journeys_of(orders: dict[str, Any]) -> list[type[Journey]]:
    """The journeys of the Locust files, as `locust -f` finds them.

    Raises:
        SystemExit: a file has none, has another user than these, or imports what nobody listed.
    """
    found: dict[str, type[Journey]] = {}
    for one in orders["journeys"]:
        path = Path(one["file"])
        try:
            users, _ = load_locustfile(str(path))
        except Exception as error:  # whatever a site's own file does when it is imported
            raise SystemExit(f"{path} can't be imported: {error!r}") from error
        if not users:
            raise SystemExit(f"{path} has no class of Journey")
        for name, user in users.items():
            if not issubclass(user, Journey):
                raise SystemExit(f"{path}: {name} is no Journey of readiness.drills.journeys")
            if name in found:
                raise SystemExit(f"{path}: a journey {name} stands in another file, too")
            if user.weight != int(user.weight) or user.weight < 1:
                raise SystemExit(f"{path}: the weight of {name} is no whole number from 1")
            found[name] = user
    _refuse_unlisted(orders["journeys"])
    return list(found.values())


def _refuse_unlisted(journeys: list[dict[str, Any]]) -> None:
    """What a site's own file imported from beside it has to be what the record lists."""
    files = [Path(one["file"]) for one in journeys]
    for folder in {file.parent for file, one in zip(files, journeys, strict=True) if one["known"]}:
        beside = {os.path.relpath(file, folder) for file in files}
        for file, one in zip(files, journeys, strict=True):
            beside |= one["known"].keys() if file.parent == folder else set()
        if others := imported_besides(folder, beside):
            raise SystemExit(f"{folder}: {others[0]} was imported, which no source there tells")


def share_out(journeys: list[type[Journey]], orders: dict[str, Any]) -> int:
    """Give each journey its users by weight, as many at each address; how many there are.

    There are as many as requests that may be under way at once.

    Raises:
        SystemExit: the weights ask for more users than one process has.
    """
    places = len(orders["addresses"])
    weights = [int(one.weight) for one in journeys]
    common = math.gcd(*weights)
    unit = places * sum(weights) // common
    if unit > MOST_USERS:
        raise SystemExit(f"weights of journeys ask for {unit} users, at most {MOST_USERS}")
    wanted = min(MOST_USERS, float(orders["rate"]) * float(orders["timeout"]))
    each = math.ceil(wanted / unit)
    for one, weight in zip(journeys, weights, strict=True):
        one.fixed_count = each * places * weight // common
        one.wait_time = next_task
    return each * unit


def next_task(user: User) -> float:
    """No pause after a task: the next one begins at a moment of the schedule."""
    if isinstance(user, Journey):
        user.going = False
    return 0.0


def token_of(site: Site) -> tuple[str, str]:
    """The token of the synthetic user, and why there is none: what a user meets in its place.

    Raises:
        SystemExit: the site says that it is none of its users, or this machine can ask nobody.
    """
    problem = ""
    for _ in range(LOG_INS):
        token, problem = "", IN_VAIN
        line = Line(site, site.addresses[0])
        with gevent.Timeout(site.timeout, False):
            try:
                token, problem = log_in(line)
            except (OSError, http.client.HTTPException) as error:
                if getattr(error, "errno", None) in OURS:
                    raise SystemExit(str(error)) from None
                problem = words(error)
        line.hang_up()
        if problem in UNAUTHORIZED:
            sys.stderr.write(f"the site refuses the synthetic user: {problem}\n")
            raise SystemExit(REFUSED)
        if token:
            return token, ""
    return "", problem


def run(site: Site, pace: Schedule) -> NoReturn:
    """Offer it all, then say what the generator itself needed."""
    orders = pace.orders
    journeys = journeys_of(orders)
    users = share_out(journeys, orders)
    if site.login:
        pace.token, pace.shut_out = token_of(site)
    Journey.site, Journey.pace = site, pace
    random.seed(orders["seed"])  # Locust draws each user's tasks: the same ones every time
    locust = Environment(user_classes=list(journeys))
    runner = locust.create_local_runner()

    def stumbled(user_instance: Any, exception: Exception, **_: Any) -> None:
        where = type(getattr(user_instance, "user", user_instance)).__name__
        pace.broken = pace.broken or f"the journey {where} failed: {exception!r}"

    locust.events.user_error.add_listener(stumbled)
    pace.begin()
    runner.start(users, spawn_rate=users)
    begun, used = time.monotonic(), time.process_time()
    latest = orders["warm_up"] + orders["duration"] + orders["timeout"] + 5
    while pace.asked < pace.offered and time.monotonic() - begun < latest:
        gevent.sleep(0.1)
        if pace.broken:
            _end(pace.broken)
        if pace.aborted and time.monotonic() - begun > 2:  # noqa: PLR2004
            break
    wall = time.monotonic() - begun
    summary = {
        "busy": round((time.process_time() - used) / wall, 4),
        "aborted": pace.aborted,
        "offered": pace.offered,
        "shut_out": pace.shut_out,
    }
    pace.output.write(json.dumps(summary) + "\n")
    pace.output.flush()
    os.fsync(pace.output.fileno())
    _end()


def _end(trouble: str = "") -> NoReturn:
    """End at once: users may hang in a request that nobody waits for any more."""
    if trouble:
        sys.stderr.write(f"{trouble}\n")
        sys.stderr.flush()
    os._exit(1 if trouble else 0)


def main() -> None:
    """Read the orders and carry them out."""
    die_with_parent()
    sys.dont_write_bytecode = True  # nothing is left beside a site's own files
    orders = json.loads(sys.stdin.readline())
    with Path(orders["output"]).open("x") as output:
        run(site_of(orders), Schedule(orders, output))


if __name__ == "__main__":
    main()
