"""The failover drill of a cache: cut the master off while clients write, and measure what they saw.

Steps of a trial:

1. one master with all its replicas in step, as every node and every Sentinel says
2. clients write through Sentinel; after a baseline a random share of `down_after` passes
3. the master's machine is cut off: undo on disk, expiry armed there, then the cut, seen in force
4. the Sentinels promote a replica, and clients write to it for a while
5. the cut is taken back; every node follows the new master, in step
6. what is stored is read at the master that all agree on, and compared with what was acknowledged

A control trial leaves out 3 to 5: an outage or a loss in it means that the harness is broken.
"""

import random
import secrets
import time
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import dataclass, field, replace
from typing import Final

from readiness.catalogue.limits import PROMOTION_LIMIT, REJOIN_LIMIT, STABLE
from readiness.drills.actions import ActionFailed, disturbing, drill_target
from readiness.drills.cache_view import CacheView
from readiness.drills.cache_writer import CADENCE, GROUP, Reached, Writer, stored
from readiness.drills.disturbance import Cut
from readiness.drills.permit import Permit
from readiness.drills.trial import never_legal, since_begin, thinned
from readiness.measure.bracket import Rules, bracket_group
from readiness.measure.ledger import Reconciliation, reconcile
from readiness.measure.measurement import Measurement, digest_of
from readiness.measure.outage import Series
from readiness.model.errors import NotRun, ProbeError, TimedOut
from readiness.model.words import Tier
from readiness.session.run import Run

CONTROL: Final = 12.0
"""Seconds of the control trial after its baseline."""
LEAST_ACKNOWLEDGED: Final = 50
"""Acknowledged writes before a cut, below which nothing lost shows nothing."""
LATE: Final = 0.01
"""Share of writes that may be sent late: with more nobody knows who was slow."""
TICK: Final = 0.5
"""Seconds between two looks at the cluster."""


@dataclass(frozen=True)
class CacheTrial:
    """What one trial showed. Times in seconds; `problem` says why it shows nothing."""

    number: int
    control: bool
    victim: str
    promoted: str
    cut_seconds: float
    """At most so long; 0 where nothing was cut."""
    outage: Measurement
    lost: Measurement
    lost_sample: tuple[str, ...]
    wrong: dict[str, int | None]
    rejoin_seconds: float | None
    following: tuple[str, ...]
    """The nodes that followed the promoted one afterwards, in step."""
    not_whole: str
    problem: str


def _nothing(name: str, unit: str) -> Measurement:
    return Measurement(name, None, None, None, unit, None, 0, digest_of(()))


def shows_nothing(number: int, problem: str) -> CacheTrial:
    """A trial of which nothing is known but why."""
    return CacheTrial(
        number=number,
        control=False,
        victim="",
        promoted="",
        cut_seconds=0.0,
        outage=_nothing("outage", "s"),
        lost=_nothing("writes lost", "writes"),
        lost_sample=(),
        wrong={},
        rejoin_seconds=None,
        following=(),
        not_whole="",
        problem=problem,
    )


class CacheFailoverDrill:
    """Trials on one cache, for one case."""

    def __init__(self, run: Run, permit: Permit, view: CacheView, cache: Reached) -> None:
        permit.require(Tier.DISRUPT)
        if view.cache.failover is None:
            raise NotRun(f"{view.cache.name}: no failover drill is declared")
        self.run, self.permit, self.view, self.reached = run, permit, view, cache
        self.drill = view.cache.failover

    def trials(self) -> list[CacheTrial]:
        """The control trial and the declared number of cuts, each after full recovery.

        Raises:
            ProbeError, ActionFailed: nothing was disturbed, and not even the control trial ended.
        """
        done: list[CacheTrial] = []
        for number in range(self.drill.trials + 1):
            try:
                done.append(self._trial(number))
            except (ProbeError, ActionFailed) as error:
                if not done:
                    raise
                done.append(shows_nothing(number, f"was not begun: {error}"))
            if done[-1].problem or done[-1].not_whole:
                # What is not whole again is not disturbed once more.
                break
        self._prove_restored()
        return done

    def say(self, text: str) -> None:
        """Put a step into the record."""
        self.run.writer.write("step", text=f"{self.view.cache.name}: {text}")

    def _trial(self, number: int) -> CacheTrial:
        what = f"trial {number} of {self.drill.trials}" if number else "control trial"
        self.say(f"{what}: proving the steady state")
        wait(lambda: not self.view.why_not_whole(), REJOIN_LIMIT, self.view.why_not_whole)  # 1.
        attempt = _Attempt(self, number, self.view.master())
        try:
            return attempt.tried(what)
        except (ProbeError, ActionFailed) as error:
            if attempt.cut is None or attempt.cut.sent is None:
                raise
            self.say(f"{what} was broken off: {attempt.cut.told()}: {error}")
            return replace(
                shows_nothing(number, f"{attempt.cut.told()}: {error}"),
                victim=attempt.victim,
                promoted=attempt.promoted,
                cut_seconds=attempt.cut_seconds,
                not_whole=attempt.not_whole,
            )

    def _prove_restored(self) -> None:
        """The steady state after the drill is part of the verdict."""
        problem = self.view.why_not_whole()
        kind = "not-restored" if problem else "restored"
        name = self.view.cache.name
        reason = f"{name} is not whole after the drill: {problem}" if problem else ""
        self.run.writer.write(kind, critical=bool(problem), of=name, reason=reason)


def wait(done: Callable[[], bool], seconds: float, why: Callable[[], str]) -> None:
    """Look until it is done.

    Raises:
        TimedOut: it was not within so many seconds, and why.
    """
    deadline = time.monotonic() + seconds
    while not done():
        if time.monotonic() > deadline:
            raise TimedOut(f"not within {seconds:g} s: {why()}")
        time.sleep(TICK)


@dataclass
class _Attempt:
    """The state of one trial while it goes on."""

    drill: CacheFailoverDrill
    number: int
    victim: str
    promoted: str = ""
    cut: Cut | None = None
    rejoined: float | None = None
    not_whole: str = ""
    begun: float = field(default_factory=time.monotonic)
    marks: dict[str, tuple[float, float]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        # Of this attempt alone: keys and files of another one would be losses of this.
        token = secrets.token_hex(3)
        run, name = self.drill.run, self.drill.view.cache.name
        ledger = run.folder / f"ledger-{name}-{self.number}-{token}.jsonl"
        self.writer = Writer(self.drill.reached, f"{run.id}-{self.number}-{token}", ledger)

    @property
    def control(self) -> bool:
        """Whether nothing is cut in it."""
        return self.number == 0

    @property
    def cut_seconds(self) -> float:
        """How long the victim was cut off, at most; until now where nobody saw it end."""
        if self.cut is None or self.cut.sent is None:
            return 0.0
        return (self.cut.mended or time.monotonic()) - self.cut.sent

    def tried(self, what: str) -> CacheTrial:
        """Write, cut, mend, and work out what was seen."""
        drill = self.drill
        with self.writer.writing():
            phase = random.uniform(0, drill.view.watch.down_after)  # noqa: S311 - a phase
            time.sleep(drill.drill.baseline + phase)  # 2.
            if self.control:
                time.sleep(CONTROL)
            else:
                drill.say(f"{what}: {self.victim} is cut off, being the master")
                self._break_and_mend()
                time.sleep(STABLE + 2)
        drill.say(f"{what}: reading what is stored")
        return self._conclude()

    def _break_and_mend(self) -> None:
        drill = self.drill
        site, expiry = drill.run.environment, drill.drill.expiry
        with ExitStack() as stack:
            machines = stack.enter_context(disturbing(drill.run))
            session = machines.drill(drill_target(site, self.victim))
            self.cut = Cut(drill.run, drill.permit, session, machine=self.victim, expiry=expiry)
            with self.cut.held():  # 3.
                self._wait_for_another(min(PROMOTION_LIMIT, expiry / 2))  # 4.
        self._note("cut", self.cut.sent, self.cut.seen)
        self._note("reconnected", self.cut.mending, self.cut.mended)
        back = time.monotonic()
        try:
            wait(
                lambda: not drill.view.why_not_whole(), REJOIN_LIMIT, drill.view.why_not_whole
            )  # 5.
            self.rejoined = time.monotonic() - back
            self._note("rejoined", back, time.monotonic())
        except TimedOut as error:
            self.not_whole = str(error)

    def _wait_for_another(self, seconds: float) -> None:
        """Until a replica was promoted and clients have written to it for a while; or no longer."""
        deadline, before = time.monotonic() + seconds, time.monotonic()
        while not self.promoted and time.monotonic() < deadline:
            found = self.drill.view.promoted(instead_of=self.victim)
            if found:
                self.promoted = found
                self._note("promoted", before, time.monotonic())
            else:
                before = time.monotonic()
                time.sleep(TICK / 2)
        if self.promoted:
            while time.monotonic() < deadline and time.monotonic() < before + STABLE:
                time.sleep(TICK)

    def _note(self, label: str, since: float | None, until: float | None) -> None:
        if since is not None and until is not None:
            self.marks[label] = (since, until)

    def _conclude(self) -> CacheTrial:
        drill, ops = self.drill, self.writer.ops()
        master = drill.view.master_or_none()
        rows = self._rows(master) if master else None
        _, cut_at = self.marks.get("cut", (None, None))
        ledger = reconcile(ops, rows, fault_at=cut_at, minimum_acknowledged=LEAST_ACKNOWLEDGED)
        series = bracket_group(
            GROUP, ops, Rules(cadence=CADENCE, stable_seconds=STABLE, maximum_late=LATE)
        )
        self._draw(series)
        following = drill.view.following(self.promoted) if self.promoted else ()
        return CacheTrial(
            number=self.number,
            control=self.control,
            victim=self.victim,
            promoted=self.promoted,
            cut_seconds=self.cut_seconds,
            outage=series.longest(),
            lost=ledger.measurement("lost"),
            lost_sample=ledger.lost.sample,
            wrong=never_legal(ledger),
            rejoin_seconds=self.rejoined,
            following=following,
            not_whole=self.not_whole,
            problem=self._why_useless(series, ledger),
        )

    def _rows(self, master: str) -> list[tuple[str, str]] | None:
        server = next(one for one in self.drill.reached.nodes if one.target.host == master)
        return stored(server, [(one.id, self.writer.key(one.id)) for one in self.writer.ops()])

    def _why_useless(self, series: Series, ledger: Reconciliation) -> str:
        """Why the trial shows nothing, if so."""
        if ledger.unknown:
            return "; ".join(ledger.unknown)
        if not series.usable:
            return "the generator was late: look again while this machine is idle"
        if self.control:
            wrong = {name: count for name, count in never_legal(ledger).items() if count}
            if series.outages or ledger.lost.count or wrong:
                return f"the trial without a cut saw {wrong or 'an outage or a loss'}"
        return ""

    def _draw(self, series: Series) -> None:
        """Put what the timeline shows into the record."""
        zero = self.begun
        self.drill.run.writer.write(
            "drill",
            case=self.drill.permit.case.key,
            trial=str(self.number),
            fault="partition" if "cut" in self.marks else "none",
            marks=[
                {"since": since_begin(zero, since), "t": since_begin(zero, until), "label": name}
                for name, (since, until) in self.marks.items()
            ],
            outages=[
                {
                    "client": GROUP,
                    "lower": one.lower,
                    "upper": one.upper,
                    "start": since_begin(zero, one.begins),
                    "end": since_begin(zero, one.ends),
                }
                for one in series.outages
            ],
            samples=[
                [since_begin(zero, op.start), op.group, str(op.outcome)]
                for op in thinned(self.writer.ops())
            ],
        )
