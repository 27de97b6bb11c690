"""A declared load, offered by a process of its own, and what its samples show.

The same process first offers a little of it to a server beside it that answers rightly: where that
fails it is the generator's own failure, and nothing is asked of the site. After that, whatever
users need and don't get is the site's, from the log-in on.
"""

import json
import subprocess
import sys
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from readiness.drills.load_process import MODULE, REFUSED, control
from readiness.drills.load_process.orders import journey_of, offering, orders_of
from readiness.drills.permit import Permit
from readiness.measure.measurement import Measurement, digest_of
from readiness.measure.percentile import percentile, share
from readiness.model.errors import AccessDenied, NotUnderstood, TimedOut
from readiness.model.words import Tier
from readiness.session.run import Run
from readiness.site.declared.load import SIGN_IN, LoadTest
from readiness.site.journey_files import SHIPPED, journey_files, loadtests_folder, refuse_changed

MARGIN: Final = 60.0
ON_TIME: Final = 1.0
"""Seconds after which a request counts as not offered when it was due."""


@dataclass(frozen=True)
class Page:
    """What became of the requests for one page. A failed one counts as the time-out's length."""

    name: str
    requests: int
    failed: int
    problem: str  # of the first that failed; empty when none did
    took: Measurement


@dataclass(frozen=True)
class Place:
    """What became of the requests to one address, whichever page they were for."""

    address: str
    requests: int
    failed: int
    failures: Measurement  # percent
    took: Measurement


@dataclass(frozen=True)
class Offered:
    """What was offered, and what came of it."""

    due: int
    on_time: Measurement  # percent of what was due
    lag: Measurement  # between the moment it was due and the moment it was sent
    busy: float  # processor time of the generator, as a share of one core
    aborted: str  # why it ended early; empty when it did not
    failures: Measurement  # percent
    pages: tuple[Page, ...]
    places: tuple[Place, ...]
    shut_out: str = ""  # what a user met in place of being let in; empty when let in, or no log-in


def offer(run: Run, permit: Permit, test: LoadTest) -> Offered:
    """Offer the load once, from here, and read what happened.

    Raises:
        ProbeError: the generator failed, or the site refuses the synthetic user.
        NotRun: the listener has no address.
    """
    permit.require(Tier.LOAD)
    output = run.folder / f"load-{test.name}.jsonl"
    orders = orders_of(run.environment, test)
    files = journey_files(run.environment, test)
    refuse_changed(run.environment, run.journeys)
    prove_generator(test, run.folder / f"load-{test.name}-control.jsonl")
    generate(test, offering(orders, files, output))
    return read(test, orders["addresses"], output.read_text().splitlines())


def prove_generator(test: LoadTest, output: Path) -> None:
    """Offer a little of the load to a server that answers it rightly.

    Raises:
        ProbeError: the generator, or the machine that it runs on, failed.
    """
    short = control.shortened(test)
    with control.answering(short) as place:
        # Whatever the journeys of the load are: this one asks for every declared page.
        browse: dict[Path, dict[str, str]] = {loadtests_folder() / SHIPPED["browse"]: {}}
        generate(short, offering(journey_of(short, control.TOKEN) | place, browse, output))
    found = read(short, [control.ADDRESS], output.read_text().splitlines())
    wrong = (
        found.shut_out
        or found.aborted
        or next((one.problem for one in found.pages if one.problem), "")
    )
    if wrong or not found.failures.n:
        raise NotUnderstood(
            f"{test.name}: nothing was asked of the site: the generator failed at its control, "
            f"a server beside it that answers everything: {wrong or 'it asked nothing'}"
        )


def generate(test: LoadTest, orders: dict[str, Any]) -> None:
    """Let the generator carry out its orders.

    Raises:
        ProbeError: it failed; its last words are in the message.
    """
    words = [sys.executable, "-m", MODULE]
    longest = test.warm_up + test.duration + 3 * test.timeout + MARGIN
    try:
        done = subprocess.run(
            words,
            input=json.dumps(orders) + "\n",
            capture_output=True,
            text=True,
            timeout=longest,
            check=False,
        )
    except subprocess.TimeoutExpired as error:
        raise TimedOut(f"{test.name}: the generator did not end within {longest:.0f} s") from error
    said = (done.stderr.strip().splitlines() or ["nothing"])[-1]
    if done.returncode == REFUSED:
        raise AccessDenied(f"{test.name}: {said}")
    if done.returncode != 0:
        raise NotUnderstood(f"{test.name}: the generator failed: {said}")


def read(test: LoadTest, addresses: Iterable[str], lines: Iterable[str]) -> Offered:
    """Read the samples of a load, the warm-up left out by rule unless it was ended in it.

    Raises:
        NotUnderstood: they are not whole.
    """
    text = list(lines)
    try:
        *samples, summary = map(json.loads, text)
        busy, aborted = float(summary["busy"]), str(summary["aborted"])
        window = [one for one in samples if one["due"] >= 0]
        if aborted and not window:
            window = samples
        # A journey of the site's own may log in without having been asked to.
        extra = {SIGN_IN} & {str(one["page"]) for one in window} - {*test.asked}
        pages = tuple(_page(test, name, window) for name in (*test.asked, *extra))
        digest = digest_of(text)
        places = tuple(_place(test, address, window, digest) for address in addresses)
    except (ValueError, KeyError, TypeError) as error:
        raise NotUnderstood(f"{test.name}: the samples are unreadable: {error!r}") from error
    due = round(test.rate * test.duration)
    # Of a load that was ended early the rest was never due.
    came_due = len(window) if aborted else due
    late = max(0, came_due - sum(one["lag"] <= ON_TIME for one in window))
    failed = sum(bool(one["problem"]) for one in window)
    lags = [(one["due"], max(0.0, one["lag"])) for one in window]
    if not aborted:  # what was never sent would have been this late, or later
        lags += [(test.duration, test.timeout)] * (due - len(window))
    return Offered(
        due=due,
        on_time=_on_time(came_due, late, digest),
        lag=percentile("lag", lags, 99),
        busy=busy,
        aborted=aborted,
        failures=share("failures", failed, len(window), digest),
        pages=pages,
        places=places,
        shut_out=str(summary.get("shut_out", "")),
    )


def _on_time(due: int, late: int, digest: str) -> Measurement:
    value = 100 * (due - late) / due if due else None
    return Measurement("on time", value, value, value, "%", None, due, digest)


def _page(test: LoadTest, name: str, window: list[dict[str, Any]]) -> Page:
    mine = [one for one in window if one["page"] == name]
    bad = [one["problem"] for one in mine if one["problem"]]
    return Page(name, len(mine), len(bad), bad[0] if bad else "", _took(test, f"of {name}", mine))


def _place(test: LoadTest, address: str, window: list[dict[str, Any]], digest: str) -> Place:
    mine = [one for one in window if one["address"] == address]
    failed = sum(bool(one["problem"]) for one in mine)
    failures = share(f"percent of failures at {address}", failed, len(mine), digest)
    return Place(address, len(mine), failed, failures, _took(test, f"at {address}", mine))


def _took(test: LoadTest, what: str, mine: list[dict[str, Any]]) -> Measurement:
    took = [(one["due"], test.timeout if one["problem"] else one["took"]) for one in mine]
    return percentile(f"p{test.percentile:g} {what}", took, test.percentile)
