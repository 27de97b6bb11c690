"""What users notice when a server behind a balancer breaks, is drained or dies, or a balancer does.

Steps of a trial, the numbers stand again at the code:

1. users ask every address and write; the machine that will be disturbed serves, nothing fails
2. undo on disk, expiry armed on the machine, then the disturbance
3. users go on until they were served for a while without a failure, or no longer
4. each machine of the balancer is asked what it makes of the server
5. all is taken back; the server serves at every address again, each address has one holder
6. what is stored is read, and compared with what was acknowledged

A control trial leaves out 2 to 4: an outage or a loss in it means that the harness is broken.
"""

import secrets
import time
from collections.abc import Callable
from concurrent.futures import Future, wait
from contextlib import ExitStack
from dataclasses import dataclass, field
from typing import Final

from readiness.drills.actions import ActionFailed, disturbing
from readiness.drills.disturbance import Disturbance
from readiness.drills.permit import Permit
from readiness.drills.served_site import Served, takes_connections
from readiness.drills.served_trial import (
    CONTROL,
    Kind,
    ServedTrial,
    Slow,
    Way,
    failed,
    pages_of,
    shows_nothing,
    until_right,
)
from readiness.drills.trial import never_legal, since_begin, thinned
from readiness.drills.users import RULES, STABLE, Group, Users, stored
from readiness.measure.bracket import bracket_group
from readiness.measure.ledger import Reconciliation, reconcile
from readiness.measure.operation import Op, Outcome
from readiness.measure.outage import Series
from readiness.model.errors import ProbeError, TimedOut
from readiness.model.words import Tier

STEADY_LIMIT: Final = 45.0
"""Seconds within which users are served by whom the trial needs, before it."""
HOLDER_LIMIT: Final = 45.0
"""Seconds within which each shared address has one holder again."""
CONTROL_SECONDS: Final = 8.0
BEYOND: Final = 3.0
"""Seconds that a disturbance lasts beyond the time in which the server must be out of rotation."""
LEAST_ACKNOWLEDGED: Final = 10
"""Acknowledged writes before a disturbance, below which nothing lost shows nothing."""
LISTED_LATE: Final = 6.0
"""Seconds until what was acknowledged last is listed: a list may come from a copy that lags."""
TICK: Final = 0.25


class ServedDrill:
    """Trials on one balancer, for one case."""

    def __init__(self, permit: Permit, served: Served) -> None:
        permit.require(Tier.DISRUPT)
        self.permit, self.served = permit, served
        self.run, self.drill = served.clients.run, served.drill

    def control(self) -> ServedTrial:
        """Nothing is disturbed.

        Raises:
            ProbeError: users are not served.
        """
        return self._trial(0, CONTROL)

    def trials(self, ways: tuple[Way, ...]) -> list[ServedTrial]:
        """Each way as often as declared, each after full recovery.

        Raises:
            ProbeError, ActionFailed: nothing was disturbed.
        """
        done: list[ServedTrial] = []
        for number, way in enumerate(way for way in ways for _ in range(self.drill.trials)):
            try:
                done.append(self._trial(number + 1, way))
            except (ProbeError, ActionFailed) as error:
                if not done:
                    raise
                done.append(shows_nothing(number + 1, way, f"was not begun: {error}"))
            if done[-1].problem:
                break
        return done

    def _trial(self, number: int, way: Way) -> ServedTrial:
        self.say(f"trial {number}: {way.name} {way.victim}".strip())
        attempt = _Attempt(self, number, way)
        try:
            return attempt.tried()
        except (ProbeError, ActionFailed) as error:
            if not attempt.told():
                raise
            self.say(f"trial {number} was broken off: {attempt.told()}: {error}")
            return shows_nothing(number, way, str(error), attempt.told())

    def say(self, text: str) -> None:
        """Put a step into the record."""
        self.run.writer.write("step", text=f"{self.served.balancer.name}: {text}")


@dataclass
class _Attempt:
    """The state of one trial while it goes on."""

    drill: ServedDrill
    number: int
    way: Way
    disturbances: list[Disturbance] = field(default_factory=list)
    slow: dict[str, list[Op]] = field(default_factory=dict)
    pending: list["Future[None]"] = field(default_factory=list)
    status: dict[str, str] = field(default_factory=dict)
    owners: dict[str, tuple[str, ...]] = field(default_factory=dict)
    returned: float | None = None
    no_connection: str = ""
    begun: float = field(default_factory=time.monotonic)

    def __post_init__(self) -> None:
        # Of this attempt alone: notes and files of another one would be losses of this.
        token = f"{self.drill.run.id}-{self.number}-{secrets.token_hex(3)}"
        served = self.drill.served
        self.groups = served.groups(self.way, token)
        self.slow_groups = served.slow_groups() if self.way.kind is Kind.DRAINED else {}
        self.notes = served.notes(token)
        ledger = self.drill.run.folder / f"ledger-{served.balancer.name}-{token}.jsonl"
        self.users = Users(self.groups, served.balancer.page.served_by, ledger)

    def told(self) -> str:
        """What was disturbed, in words; empty when nothing was."""
        return "; ".join(filter(None, (one.told() for one in self.disturbances)))

    def tried(self) -> ServedTrial:
        """Ask, disturb, take back, and work out what was seen."""
        with self.users.asking():
            self._steady()  # 1.
            if self.way.control:
                time.sleep(CONTROL_SECONDS)
            else:
                self._disturb()
            self._back()
        return self._conclude()

    def pages(self) -> list[Op]:
        """What users asked for."""
        return pages_of(self.users.ops(), self.groups)

    def _unserved(self, since: float) -> list[str]:
        """Who has not answered which group since then, of all servers, where a trial is about one.

        Of all: while another one is out, none is disturbed, and the trial is not over.
        """
        if not self.way.of_server:
            return []
        good = {
            (op.backend, op.group)
            for op in self.pages()
            if op.start >= since and op.outcome is Outcome.OK
        }
        return [
            f"{server} does not answer {one.name}"
            for server in self.drill.served.balancer.servers
            for one in self.groups
            if not one.writes and (server, one.name) not in good
        ]

    def _calm(self, seconds: float, since: float) -> bool:
        """Whether every group has asked so long since then, without a failure lately."""
        now = time.monotonic()
        lately = failed(op for op in self.users.ops() if op.start >= now - seconds)
        return now - since >= seconds and not lately

    def _steady(self) -> None:
        since, baseline = time.monotonic(), self.drill.drill.baseline
        if _within(STEADY_LIMIT, lambda: self._calm(baseline, since) and not self._unserved(since)):
            return
        missing = self._unserved(since)
        why = ", ".join(missing[:3])
        bad = next(iter(failed(self.users.ops())[-1:]), None)
        if bad and not why:
            why = f"{bad.group}: a request failed that {bad.backend or 'nobody'} answered"
        raise TimedOut(f"users are not served steadily before anything was disturbed: {why}")

    def _disturb(self) -> None:
        served = self.drill.served
        with ExitStack() as stack:
            machines = stack.enter_context(disturbing(self.drill.run))
            made = served.disturbances(self.way, self.drill.permit, machines, self._ask_slowly)
            for one in made:
                self.disturbances.append(one)
                stack.enter_context(one.held())  # 2.
            if self.way.kind is Kind.BROKEN:
                self.no_connection = takes_connections(served, made[0].session, self.way.victim)
            self._hold()  # 3.
            self.status = served.status_of(self.way) if self.way.of_server else {}  # 4.

    def _hold(self) -> None:
        """Until users were served for a while, and no request may be the server's any longer."""
        sent, limit = self._sent, self.drill.served.limit(self.way)
        out = sent + limit + BEYOND if self.way.kind in (Kind.BROKEN, Kind.DRAINED) else sent
        wait(self.pending, timeout=self.drill.drill.expiry / 2)
        longest = sent + limit + STABLE + BEYOND - time.monotonic()
        _within(longest, lambda: time.monotonic() > out and self._calm(STABLE + 1, self._seen))

    def _ask_slowly(self, machine: str) -> None:
        """Begin slow requests at a machine, more than it has servers, before it drains one."""
        for group in self.slow_groups.get(machine, ()):
            for _ in range(2 * len(self.drill.served.balancer.servers)):
                self.pending.append(self.users.once(group))
        # The last of them has to be on its way to its server when the command is sent.
        time.sleep(TICK * 2)

    @property
    def _sent(self) -> float:
        return min((one.sent for one in self.disturbances if one.sent), default=time.monotonic())

    @property
    def _seen(self) -> float:
        return max((one.seen for one in self.disturbances if one.seen), default=time.monotonic())

    @property
    def _mending(self) -> float:
        return min((one.mending for one in self.disturbances if one.mending), default=float("inf"))

    @property
    def _mended(self) -> float:
        return max((one.mended for one in self.disturbances if one.mended), default=self.begun)

    def _back(self) -> None:
        """Wait until the server serves everywhere, addresses have a holder, and nothing fails."""
        since, returns = self._mended, self.drill.drill.returns
        if self.way.of_server and _within(returns, lambda: not self._unserved(since)):  # 5.
            self.returned = time.monotonic() - since
        if self.way.kind is Kind.BALANCER_LOST:
            _within(HOLDER_LIMIT, self._held_once)
        _within(2 * STABLE + BEYOND, lambda: self._calm(STABLE + 1, since))
        if self.way.kind is Kind.BALANCER_LOST:
            self._held_once()

    def _held_once(self) -> bool:
        self.owners = self.drill.served.owners()
        return all(len(one) == 1 for one in self.owners.values())

    def _conclude(self) -> ServedTrial:
        ops, pages = self.users.ops(), self.pages()
        series = [bracket_group(one.name, _of(ops, one), RULES) for one in self.groups]
        ledger = self._ledger(ops)
        self._draw(series)
        late = self._seen + self.drill.served.limit(self.way)
        return ServedTrial(
            number=self.number,
            way=self.way.name,
            control=self.way.control,
            victim=self.way.victim,
            told=self.told(),
            outages={one.group: one.longest() for one in series},
            right_after=until_right(pages, self._sent, self._seen, self._mending),
            failed=len(failed(pages)),
            failed_after=len(failed(op for op in pages if op.start >= self._mending)),
            answers_after=sum(
                late <= op.start < self._mending and op.backend == self.way.victim for op in pages
            ),
            status=self.status,
            returned=self.returned,
            slow=self._slow_ones(ops),
            owners=self.owners,
            lost=ledger.measurement("lost"),
            lost_sample=ledger.lost.sample,
            wrong=never_legal(ledger),
            problem=self._why_useless(series, ledger, pages),
        )

    def _ledger(self, ops: list[Op]) -> Reconciliation:
        """6. Where nothing is written, nothing is known of what is kept."""
        names = {one.name for one in self.groups if one.writes}
        written = [op for op in ops if op.group in names]
        wanted = {op.id for op in written if op.outcome is Outcome.OK}
        deadline = time.monotonic() + LISTED_LATE
        rows = self._rows(written)
        while wanted - {key for key, _ in rows or ()} and time.monotonic() < deadline:
            time.sleep(1)
            rows = self._rows(written)
        at = None if self.way.control else self._sent
        return reconcile(
            written, rows, fault_at=at, minimum_acknowledged=LEAST_ACKNOWLEDGED if names else 0
        )

    def _rows(self, written: list[Op]) -> list[tuple[str, str]] | None:
        for question, path in self.notes:
            try:
                return stored(question, path, written)
            except ProbeError as error:
                self.drill.say(f"what is stored could not be read: {error}")
        return None

    def _slow_ones(self, ops: list[Op]) -> tuple[Slow, ...]:
        found = []
        for one in self.disturbances if self.slow_groups else ():
            names = {group.name for group in self.slow_groups.get(one.machine, ())}
            here = [op for op in ops if op.group in names and op.end is not None]
            sent, seen = one.sent or 0.0, one.seen or 0.0
            over = [
                op
                for op in here
                if op.backend == self.way.victim and op.start < sent and (op.end or 0.0) > seen
            ]
            # What was cut may bear no name: nobody else is cut while one server is drained.
            found.append(Slow(one.machine, len(over), len(failed(here))))
        return tuple(found)

    def _why_useless(self, series: list[Series], ledger: Reconciliation, pages: list[Op]) -> str:
        """Why the trial shows nothing, if so."""
        if any(not one.usable for one in series):
            return "the generator was late: look again while this machine is idle"
        if self.drill.drill.writes and ledger.unknown:
            return "; ".join(ledger.unknown)
        if self.way.control and (failed(self.users.ops()) or ledger.lost.count):
            return f"the trial without a disturbance saw {len(failed(pages))} failures, or a loss"
        if self.no_connection:
            return self.no_connection
        if self.way.kind is Kind.BROKEN and self._had_no_effect(pages):
            return f"{self.way.victim} answers rightly all the same: the command breaks nothing"
        return ""

    def _had_no_effect(self, pages: list[Op]) -> bool:
        during = [op for op in pages if self._seen <= op.start < self._mending]
        own = [op for op in during if op.backend == self.way.victim]
        return bool(own) and all(op.outcome is Outcome.OK for op in own) and not failed(during)

    def _draw(self, series: list[Series]) -> None:
        """Put what the timeline shows into the record."""
        zero = self.begun
        marks = [
            {"since": since_begin(zero, since), "t": since_begin(zero, until), "label": label}
            for one in self.disturbances
            for label, since, until in (
                (one.begun, one.sent, one.seen),
                (one.ended, one.mending, one.mended),
            )
            if since is not None and until is not None
        ]
        self.drill.run.writer.write(
            "drill",
            case=self.drill.permit.case.key,
            trial=str(self.number),
            fault=self.disturbances[0].fault if self.disturbances else "none",
            marks=marks,
            outages=[
                {
                    "client": group.group,
                    "lower": one.lower,
                    "upper": one.upper,
                    "start": since_begin(zero, one.begins),
                    "end": since_begin(zero, one.ends),
                }
                for group in series
                for one in group.outages
            ],
            samples=[
                [since_begin(zero, op.start), op.group, str(op.outcome)]
                for op in thinned(self.users.ops())
            ],
        )


def _of(ops: list[Op], group: Group) -> list[Op]:
    return [op for op in ops if op.group == group.name]


def _within(seconds: float, done: Callable[[], bool]) -> bool:
    """Look until it is so; false when it was not in this time."""
    deadline = time.monotonic() + seconds
    while not done():
        if time.monotonic() > deadline:
            return False
        time.sleep(TICK)
    return True
