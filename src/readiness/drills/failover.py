"""The failover drill: cut the primary off while clients write, and measure what they saw.

Steps of a trial, the numbers stand again at the code:

1. steady state proven: redundancy full, replicas caught up, nothing paused
2. a writer is started on the victim itself, over its local socket
3. clients write through every declared path; after a baseline, a random share of the TTL passes
4. the primary is cut off: undo on disk, expiry armed on the victim, then the cut, seen in force
5. the survivors promote; the cut lasts longer than promotion and the TTL together
6. the cut is taken back
7. the old primary rejoins: the steady state is proven again
8. clients go on until the objective has run out and service was stable
9. logs are fetched, users' pages asked for, rows read on the proven primary and every standby
10. ledger, outage brackets and the victim's acknowledgements are worked out

A control trial leaves out steps 4 to 7: an outage or a loss in it means that the harness is broken.
"""

import random
import time
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from readiness.declared.database import Database
from readiness.drills import local_writer, writers
from readiness.drills.actions import (
    cut_off,
    disturbing,
    drill_target,
    reconnect,
    settle,
    write_undo,
)
from readiness.drills.cluster import ClusterView
from readiness.drills.permit import Permit
from readiness.drills.primary import on_primary
from readiness.errors import NotRun, ProbeError, TimedOut
from readiness.lease import halt_requested
from readiness.measure.bracket import Rules, bracket_group
from readiness.measure.clock import Offset, best, bound, measure_offset
from readiness.measure.ledger import Reconciliation, reconcile
from readiness.measure.measurement import Measurement, digest_of
from readiness.measure.operation import Op, Outcome, read_ledger
from readiness.measure.outage import Series
from readiness.measure.two_primaries import TwoPrimaries, decide_overlap
from readiness.model import Tier
from readiness.probes.ssh import DrillSession
from readiness.run import Run

TICK: Final = 0.5
STABLE: Final = 10.0
CONTROL: Final = 12.0
PROMOTION_LIMIT: Final = 120.0
REJOIN_LIMIT: Final = 120.0
LEAST_ACKNOWLEDGED: Final = 50


class Aborted(ProbeError):
    """The trial was stopped early; what it would have shown is unknown."""


@dataclass
class Marks:
    """What happened when, in seconds since the trial began."""

    begun: float = field(default_factory=time.monotonic)
    at: dict[str, float] = field(default_factory=dict)

    def note(self, label: str) -> float:
        """Note that something happens now."""
        moment = time.monotonic()
        self.at[label] = moment
        return moment


@dataclass(frozen=True)
class Trial:
    """What one trial showed. Times in seconds; `problem` says why it shows nothing."""

    number: int
    control: bool
    victim: str
    promoted: str
    cut_seconds: float
    rejoin_seconds: float | None
    outages: dict[str, Measurement]
    lost: Measurement
    wrong: dict[str, int | None]
    lost_sample: tuple[str, ...]
    missing_on_standbys: dict[str, int]
    two_primaries: TwoPrimaries | None
    pages: dict[str, str] | None  # of every balancer afterwards: what is wrong; None: not asked
    problem: str


class FailoverDrill:
    """Trials on one cluster, for one case."""

    def __init__(self, run: Run, permit: Permit, database: Database, view: ClusterView) -> None:
        permit.require(Tier.DISRUPT)
        if database.failover is None:
            raise NotRun(f"{database.name}: no failover drill is declared")
        self.run, self.permit, self.database, self.view = run, permit, database, view
        self.drill = database.failover
        self.objective = run.environment.objectives.database_recovery_time
        self.clients = writers.clients(run.environment, database)

    def trials(self) -> list[Trial]:
        """The control trial and the declared number of trials, each after full recovery."""
        self._prepare()
        done: list[Trial] = []
        try:
            for number in range(self.drill.trials + 1):
                try:
                    done.append(self._trial(number, control=number == 0))
                except TimedOut as error:
                    if not done:
                        raise
                    # What the trials before it found stands, and so does that this one never began.
                    done.append(_never_begun(number, str(error)))
                if done[-1].problem or any((done[-1].pages or {}).values()):
                    # What is not whole again, or does not serve its users, is not cut once more.
                    break
        finally:
            self._clean()
        self._prove_restored()
        return done

    def _prove_restored(self) -> None:
        """The steady state after the drill is part of the verdict."""
        problem = self.view.why_not_steady()
        kind = "not-restored" if problem else "restored"
        reason = f"{self.database.name} is not whole after the drill: {problem}" if problem else ""
        self.run.writer.write(kind, critical=bool(problem), of=self.database.name, reason=reason)

    def _say(self, text: str) -> None:
        self.run.writer.write("step", text=text)

    def _prepare(self) -> None:
        arguments = {"database": self.database.name, "schema": self.drill.db_schema}
        self._table = write_undo(self.run, "ledger.drop", arguments, target=self.database.name)
        with on_primary(self.run.environment, self.database) as connection:
            writers.create_table(connection, self.drill.db_schema)

    def _clean(self) -> None:
        try:
            with on_primary(self.run.environment, self.database) as connection:
                writers.drop_table(connection, self.drill.db_schema)
        except ProbeError as error:
            # It stays owed: the end of the run, or `recover`, plays it again.
            self._say(f"{self.database.name}: the synthetic rows stay for now: {error}")
            return
        settle(self.run, self._table, f"no table {self.drill.db_schema}.ledger")

    def _trial(self, number: int, *, control: bool) -> Trial:
        what = "control trial" if control else f"trial {number} of {self.drill.trials}"
        self._say(f"{self.database.name}: {what}: proving the steady state")
        self.view.wait_until_steady(REJOIN_LIMIT)  # 1.
        victim = self.view.leader()
        name = f"{self.run.id}-{number}"
        ledger = self.run.folder / f"ledger-{self.database.name}-{number}.jsonl"
        trial = _Attempt(self, victim, name, ledger, Marks())
        with ExitStack() as stack, disturbing(self.run) as machines:
            session = machines.drill(drill_target(self.run.environment, victim))
            trial.begin(session, stack)
            if control:
                trial.wait(CONTROL)
            else:
                self._say(f"{self.database.name}: {what}: cutting {victim} off")
                trial.break_and_mend(session)
            log = trial.end(session)
        if not control and not trial.problem:
            self._say(f"{self.database.name}: {what}: asking for the pages of users")
            trial.pages = self.view.pages()
        self._say(f"{self.database.name}: {what}: reading the ledger")
        return trial.conclude(number, log, control=control)


@dataclass
class _Attempt:
    """The state of one trial while it goes on."""

    drill: FailoverDrill
    victim: str
    name: str
    ledger: Path
    marks: Marks
    promoted: str = ""
    rejoined: float | None = None
    pages: dict[str, str] | None = None
    problem: str = ""

    def begin(self, session: DrillSession, stack: ExitStack) -> None:
        """Start the writers and let a baseline and a random share of the TTL pass."""
        drill = self.drill
        seconds = drill.drill.expiry + PROMOTION_LIMIT + REJOIN_LIMIT
        self.before = clock_offset(session)
        self.local = local_writer.start(  # 2.
            drill.run, drill.permit, session, drill.database, trial=self.name, seconds=seconds
        )
        stack.enter_context(
            writers.writing(
                self.ledger,
                run=self.name,
                schema=drill.drill.db_schema,
                clients=drill.clients,
                seconds=seconds,
            )
        )
        phase = random.uniform(0, drill.view.ttl)  # noqa: S311 - a phase, not a secret
        self.wait(drill.drill.baseline + phase)  # 3.

    def break_and_mend(self, session: DrillSession) -> None:
        """Cut off, wait for promotion and longer, take back, wait for the old primary."""
        drill, run = self.drill, self.drill.run
        cut = cut_off(  # 4.
            run, drill.permit, session, expiry=drill.drill.expiry, machine=self.victim
        )
        begun = self.marks.note("cut")
        try:
            self._await_promotion()  # 5.
            promotion = time.monotonic() - begun
            self.wait(drill.view.ttl)
            self.marks.note("reconnected")
            held = time.monotonic() - begun
            if held <= promotion + drill.view.ttl - TICK:
                self.problem = f"the cut lasted only {held:.1f} s"
        except Aborted as error:
            self.problem = str(error)
        finally:
            settle(run, cut.entry, reconnect(session, cut.table))  # 6.
        back = time.monotonic()
        self.marks.at.setdefault("reconnected", back)
        try:
            drill.view.wait_until_steady(REJOIN_LIMIT)  # 7.
            self.rejoined = self.marks.note("rejoined") - back
        except TimedOut as error:
            self.problem = self.problem or str(error)
        left = begun + drill.objective + 5 - time.monotonic()
        self.wait(max(left, STABLE + 2))  # 8.

    def _await_promotion(self) -> None:
        """Until every survivor names one of themselves as leader."""
        deadline = time.monotonic() + min(PROMOTION_LIMIT, self.drill.drill.expiry / 2)
        view = self.drill.view
        while time.monotonic() < deadline:
            self._check_halt()
            leader = view.leader_seen_by_others(self.victim)
            if leader and leader != self.victim:
                self.promoted = leader
                self.marks.note("promoted")
                return
            time.sleep(TICK)
        raise Aborted(f"no standby was promoted while {self.victim} was cut off")

    def wait(self, seconds: float) -> None:
        """Let time pass, ready to stop."""
        deadline = time.monotonic() + seconds
        while (left := deadline - time.monotonic()) > 0:
            self._check_halt()
            time.sleep(min(left, TICK))

    def _check_halt(self) -> None:
        halt = halt_requested(self.drill.run.state)
        if halt is not None:
            raise Aborted(f"halted: {halt.reason}")

    def end(self, session: DrillSession) -> str:
        """Stop the victim's writer and fetch its log (9., first half)."""
        log = local_writer.stop(self.drill.run, session, self.local)
        self.after = clock_offset(session)
        return log

    def conclude(self, number: int, log: str, *, control: bool) -> Trial:
        """Read what is stored and work everything out (9. and 10.)."""
        offset = bound(self.before, self.after)
        read = read_ledger(self.ledger)
        mine = [op for op in read.ops if op.group != local_writer.GROUP]
        foreign = local_writer.read_log(log, self.name)
        theta = (offset.lower + offset.upper) / 2
        shifted = [_shift(op, theta) for op in foreign]
        rows, standbys = self._final_reads({op.id for op in mine + shifted if acknowledged(op)})
        fault_at = self.marks.at.get("cut")
        ledger = reconcile(
            mine + shifted, rows, fault_at=fault_at, minimum_acknowledged=LEAST_ACKNOWLEDGED
        )
        series = {
            client.name: bracket_group(
                client.name,
                [op for op in mine if op.group == client.name],
                Rules(cadence=client.cadence, stable_seconds=STABLE),
            )
            for client in self.drill.clients
        }
        first = _first_ack(mine, self.drill.view.address(self.promoted)) if self.promoted else None
        overlap = None if control else decide_overlap(foreign or None, first, offset)
        self._draw(number, series, mine)
        return Trial(
            number=number,
            control=control,
            victim=self.victim,
            promoted=self.promoted,
            cut_seconds=self.marks.at.get("reconnected", 0) - (fault_at or 0) if fault_at else 0.0,
            rejoin_seconds=self.rejoined,
            outages={name: one.longest() for name, one in series.items()},
            lost=ledger.measurement("lost"),
            wrong=_wrong(ledger),
            lost_sample=ledger.lost.sample,
            missing_on_standbys=standbys,
            two_primaries=overlap,
            pages=self.pages,
            problem=self.problem or self._why_useless(series, ledger, control=control),
        )

    def _why_useless(
        self, series: dict[str, Series], ledger: Reconciliation, *, control: bool
    ) -> str:
        """Why the trial shows nothing, if so."""
        if ledger.unknown:
            return "; ".join(ledger.unknown)
        unusable = [name for name, one in series.items() if not one.usable]
        if unusable:
            late = ", ".join(unusable)
            return f"the generator was late for {late}: look again while this machine is idle"
        if control:
            out = [name for name, one in series.items() if one.outages]
            wrong = {name: count for name, count in _wrong(ledger).items() if count}
            if out or ledger.lost.count or wrong:
                return f"the trial without a fault saw {out or wrong or 'a loss'}"
        return ""

    def _final_reads(self, wanted: set[str]) -> tuple[list[tuple[str, str]] | None, dict[str, int]]:
        """Rows on the one proven primary, and how many acknowledged are missing on each standby."""
        drill = self.drill
        environment, database, schema = drill.run.environment, drill.database, drill.drill.db_schema
        primary = drill.view.proven_primary()
        if primary is None:
            return None, {}
        rows = _read(lambda: writers.touch_connection(environment, database, primary), schema, self)
        missing = {}
        for standby in [name for name in database.members if name != primary]:
            missing[standby] = self._missing_on(standby, wanted)
        return rows, missing

    def _missing_on(self, standby: str, wanted: set[str]) -> int:
        drill = self.drill
        deadline = time.monotonic() + STABLE
        while True:
            rows = _read(
                lambda: writers.touch_connection(drill.run.environment, drill.database, standby),
                drill.drill.db_schema,
                self,
            )
            missing = len(wanted - {name for name, _ in rows})
            if not missing or time.monotonic() > deadline:
                return missing
            time.sleep(TICK)

    def _draw(self, number: int, series: dict[str, Series], ops: list[Op]) -> None:
        """Put what the timeline shows into the record."""
        zero = self.marks.begun
        self.drill.run.writer.write(
            "drill",
            case=self.drill.permit.case.key,
            trial=str(number),
            fault="partition" if "cut" in self.marks.at else "none",
            marks=[{"t": round(at - zero, 3), "label": name} for name, at in self.marks.at.items()],
            outages=[
                {
                    "client": name,
                    "lower": outage.lower,
                    "upper": outage.upper,
                    "start": _since(zero, outage.begins),
                    "end": _since(zero, outage.ends),
                }
                for name, one in series.items()
                for outage in one.outages
            ],
            samples=[
                [_since(zero, op.start), op.group, str(op.outcome)]
                for name in series
                for op in _thinned([op for op in ops if op.group == name])
            ],
        )


def _never_begun(number: int, problem: str) -> Trial:
    """A trial that found the cluster not whole, long after the one before it."""
    nothing = Measurement("lost", None, None, None, "writes", None, 0, digest_of(()))
    return Trial(
        number=number,
        control=False,
        victim="",
        promoted="",
        cut_seconds=0.0,
        rejoin_seconds=None,
        outages={},
        lost=nothing,
        wrong={},
        lost_sample=(),
        missing_on_standbys={},
        two_primaries=None,
        pages=None,
        problem=problem,
    )


def _read(connect: Callable[[], object], schema: str, attempt: _Attempt) -> list[tuple[str, str]]:
    with connect() as connection:  # type: ignore[attr-defined]
        return writers.stored_rows(connection, schema, attempt.name)


def _since(zero: float, moment: float | None) -> float | None:
    """Seconds since the trial began."""
    return None if moment is None else round(moment - zero, 3)


def _thinned(ops: list[Op], most: int = 300) -> list[Op]:
    """Enough of a group's operations to draw a line."""
    return ops[:: max(1, len(ops) // most)]


def acknowledged(op: Op) -> bool:
    """Whether a client may rely on it."""
    return op.outcome is Outcome.OK


def _shift(op: Op, theta: float) -> Op:
    """The same operation on our clock."""
    ended = None if op.end is None else op.end - theta
    return Op(
        op.group, op.seq, op.intended - theta, op.start - theta, ended, op.outcome, op.payload
    )


def _first_ack(ops: list[Op], address: str) -> Op | None:
    """The first operation that the promoted server acknowledged."""
    acks = [op for op in ops if acknowledged(op) and op.backend == address and op.end is not None]
    return min(acks, key=lambda op: op.end or 0.0, default=None)


def _wrong(ledger: Reconciliation) -> dict[str, int | None]:
    """Counts of what is never legal."""
    names = ("unexpected", "duplicate", "corrupt", "failed", "holes")
    return {name: getattr(ledger, name).count for name in names}


def clock_offset(session: DrillSession) -> Offset:
    """The machine's wall clock minus our monotonic clock, best of five exchanges."""
    samples = []
    for _ in range(5):
        sent = time.monotonic()
        answer = session.run(["date", "+%s.%N"])
        back = time.monotonic()
        there = float(answer.text)
        samples.append(measure_offset(sent, there, there, back))
    return best(samples)
