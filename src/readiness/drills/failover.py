"""The failover drill: play an experiment while clients write, and measure what they saw.

Steps of a trial, the numbers stand again at the code:

1. steady state proven, as the experiment has it: redundancy full, nothing paused
2. a writer is started on the primary itself, over its local socket
3. clients write through every declared path; after a baseline, a random share of the TTL passes
4. the experiment disturbs: undo on disk, expiry armed there, then the disturbance, seen in force
5. it waits for what it names: the survivors promote, and it lasts longer than the TTL; or the
   primary stays all the while
6. what it disturbed is taken back
7. the steady state is proven again: an old primary has rejoined
8. clients go on until the objective has run out and service was stable
9. logs are fetched, users' pages asked for, rows read on the proven primary and every standby
10. ledger, outage brackets and the victim's acknowledgements are worked out

A control trial leaves out steps 4 to 7: an outage or a loss in it means that the harness is broken.
Before it disturbs a trial that can't go on was never begun; from there on it is a trial of its own
in the record, with what was disturbed, and why it shows no more.
"""

import random
import secrets
import time
from contextlib import ExitStack
from dataclasses import dataclass, field, replace
from typing import Final

from readiness.catalogue.limits import STABLE, trial_limit
from readiness.drills import local_writer, writers
from readiness.drills.actions import ActionFailed, disturbing, drill_target
from readiness.drills.cluster import ClusterView
from readiness.drills.permit import Permit
from readiness.drills.primary import synthetic_rows
from readiness.drills.stage import TICK, Aborted, Stage
from readiness.drills.trial import (
    Marks,
    Trial,
    acknowledged,
    clock_offset,
    first_acknowledged,
    never_legal,
    shifted,
    shows_nothing,
    since_begin,
    thinned,
)
from readiness.measure.bracket import Rules, bracket_group
from readiness.measure.clock import Offset, bound
from readiness.measure.ledger import Reconciliation, reconcile
from readiness.measure.operation import LedgerError, Op, read_ledger
from readiness.measure.outage import Series
from readiness.measure.two_primaries import TwoPrimaries, decide_overlap, decide_stayed
from readiness.model.errors import NotRun, NotUnderstood, ProbeError, TimedOut
from readiness.model.words import Tier
from readiness.probes.ssh import DrillSession
from readiness.session.run import Run
from readiness.site.declared.database import Database
from readiness.site.experiments import Loaded, experiments_of

CONTROL: Final = 12.0
LEAST_ACKNOWLEDGED: Final = 50
MARKER: Final = "marker"
"""A row that is written after a trial: a standby that shows it has caught up with the trial."""


class FailoverDrill:
    """Trials on one cluster, for one case."""

    def __init__(self, run: Run, permit: Permit, database: Database, view: ClusterView) -> None:
        permit.require(Tier.DISRUPT)
        if database.failover is None:
            raise NotRun(f"{database.name}: no failover drill is declared")
        self.run, self.permit, self.database, self.view = run, permit, database, view
        self.drill = database.failover
        self.experiments = experiments_of(run.environment, database)
        self.objective = run.environment.objectives.database_recovery_time
        self.clients = writers.clients(run.environment, database)

    def trials(self) -> list[Trial]:
        """The control trial and the declared number of each experiment, each after full recovery.

        Raises:
            ProbeError: nothing was disturbed, and not even the control trial came to its end.
        """
        for one in self.experiments:
            self.run.writer.write(
                "experiment",
                case=self.permit.case.key,
                name=one.name,
                title=one.experiment.title,
                sha256=one.sha256,
            )
        with synthetic_rows(self.run, self.database) as table:
            done = self._trials(table)
        self._prove_restored()
        return done

    def _trials(self, table: writers.Table) -> list[Trial]:
        done: list[Trial] = []
        planned = [self.experiments[0], *self._planned()]
        for number, experiment in enumerate(planned):
            try:
                done.append(self._trial(number, table, experiment, control=number == 0))
            except (ProbeError, ActionFailed) as error:
                # Nothing was disturbed in this one: what the trials before it found stands.
                if not done:
                    raise
                done.append(shows_nothing(number, f"was not begun: {error}"))
            last = done[-1] = replace(done[-1], experiment=experiment.name if number else "")
            if last.problem or last.not_whole or any((last.pages or {}).values()):
                # What is not whole again, or does not serve its users, is not disturbed once more.
                break
        return [*done, *self._never_begun(done)]

    def _planned(self) -> list[Loaded]:
        """The experiment of each trial but the control trial."""
        return [one for one in self.experiments for _ in range(self.drill.trials)]

    def _never_begun(self, done: list[Trial]) -> list[Trial]:
        """A trial that shows nothing for each experiment that no trial came to."""
        tried = {one.experiment for one in done}
        return [
            replace(
                shows_nothing(len(done) + index, f"{one.name} not begun after what went before"),
                experiment=one.name,
            )
            for index, one in enumerate(self.experiments)
            if one.name not in tried and len(done) > 1
        ]

    def _prove_restored(self) -> None:
        """The steady state after the drill is part of the verdict."""
        problem = self.view.why_not_steady()
        kind = "not-restored" if problem else "restored"
        reason = f"{self.database.name} is not whole after the drill: {problem}" if problem else ""
        self.run.writer.write(kind, critical=bool(problem), of=self.database.name, reason=reason)

    def say(self, text: str) -> None:
        """Put a step into the record."""
        self.run.writer.write("step", text=f"{self.database.name}: {text}")

    def _trial(
        self, number: int, table: writers.Table, experiment: Loaded, *, control: bool
    ) -> Trial:
        """One trial; from where it disturbs on it ends as a trial, whatever breaks.

        Raises:
            ProbeError, ActionFailed: it could not go on, and nothing was disturbed.
        """
        trials = len(self._planned())
        what = "control trial" if control else f"trial {number} of {trials}"
        self.say(f"{what}: proving the steady state")
        stage = Stage(self.run, self.permit, self.view)
        with stage.set():
            experiment.prove()  # 1.
        attempt = _Attempt(self, number, stage, experiment, table)
        try:
            return self._tried(attempt, what, control=control)
        except (ProbeError, ActionFailed) as error:
            if not attempt.disturbed:
                raise
            return attempt.broken_off(str(error))
        except BaseException:
            if attempt.disturbed:
                self.say(f"{what} did not come to its end: {attempt.disturbed}")
            raise

    def _tried(self, attempt: "_Attempt", what: str, *, control: bool) -> Trial:
        with ExitStack() as stack, disturbing(self.run) as machines:
            session = machines.drill(drill_target(self.run.environment, attempt.primary))
            attempt.stage.machines = machines
            attempt.stage.sessions[attempt.primary] = session
            local = attempt.begin(session, stack)
            if control:
                attempt.stage.wait(CONTROL)
            else:
                self.say(f"{what}: {attempt.experiment.name}, {attempt.primary} being the primary")
                attempt.break_and_mend()
            log = local.stop()  # 9., first half
            attempt.clock.append(clock_offset(session))
        if not control and not attempt.problem:
            self.say(f"{what}: asking for the pages of users")
            attempt.pages = self.view.pages()
        self.say(f"{what}: reading the ledger")
        return attempt.conclude(log, control=control)


@dataclass
class _Attempt:
    """The state of one trial while it goes on."""

    drill: FailoverDrill
    number: int
    stage: Stage
    experiment: Loaded
    table: writers.Table
    clock: list[Offset] = field(default_factory=list)
    rejoined: float | None = None
    pages: dict[str, str] | None = None
    problem: str = ""
    not_whole: str = ""

    def __post_init__(self) -> None:
        # Of this attempt alone: rows and files of another one would be losses of this.
        token = secrets.token_hex(3)
        self.name = f"{self.drill.run.id}-{self.number}-{token}"
        file = f"ledger-{self.drill.database.name}-{self.number}-{token}.jsonl"
        self.ledger = self.drill.run.folder / file
        self.marks = self.stage.marks = Marks(time.monotonic())

    @property
    def primary(self) -> str:
        """The leader before anything was disturbed, with the local writer on it."""
        return self.stage.primary

    @property
    def victim(self) -> str:
        """The machine that was disturbed; the primary before that."""
        one = self.stage.disturbance
        return one.machine if one else self.primary

    @property
    def disturbed(self) -> str:
        """What was disturbed, in words; empty when nothing was."""
        return self.stage.told

    def begin(self, session: DrillSession, stack: ExitStack) -> local_writer.LocalWriter:
        """Start the writers and let a baseline and a random share of the TTL pass."""
        drill = self.drill
        seconds = trial_limit(drill.database, drill.objective)
        self.clock.append(clock_offset(session))
        local = stack.enter_context(  # 2.
            local_writer.writing(
                drill.run,
                drill.permit,
                session,
                drill.database,
                self.table,
                trial=self.name,
                seconds=seconds,
            )
        )
        stack.enter_context(
            writers.writing(
                self.ledger,
                run=self.name,
                table=self.table,
                clients=drill.clients,
                seconds=seconds,
            )
        )
        phase = random.uniform(0, drill.view.ttl)  # noqa: S311 - a phase, not a secret
        self.stage.wait(drill.drill.baseline + phase)  # 3.
        return local

    def break_and_mend(self) -> None:
        """Play the experiment's method, and wait until its steady state holds again."""
        stage = self.stage
        try:
            with stage.standing():
                self.experiment.play()  # 4., 5., 6.
            self.problem = stage.problem
        except Aborted as error:
            self.problem = str(error)
        back = time.monotonic()
        try:
            with stage.set():
                self.experiment.prove()  # 7.
            since, until = stage.whole or (back, time.monotonic())
            self.marks.note("rejoined", since, until)
            self.rejoined = until - back
        except TimedOut as error:
            self.not_whole = str(error)
        left = (self._sent or back) + self.drill.objective + 5 - time.monotonic()
        stage.wait(max(left, STABLE + 2))  # 8.

    @property
    def _sent(self) -> float | None:
        return self.stage.disturbance.sent if self.stage.disturbance else None

    def broken_off(self, problem: str) -> Trial:
        """The trial that disturbed and could not go on: what is known of it, and why no more."""
        self.drill.say(f"trial {self.number} was broken off: {self.disturbed}: {problem}")
        one = self.stage.disturbance
        assert one is not None  # noqa: S101 - it has disturbed
        self.marks.note(one.begun, one.sent, one.seen or one.mending)
        self.marks.note(one.ended, one.mending, one.mended)
        self._draw({}, [])
        return replace(
            shows_nothing(self.number, f"{self.disturbed}: {problem}"),
            victim=self.victim,
            promoted=self.stage.promoted,
            cut_seconds=self._cut_seconds(),
            rejoin_seconds=self.rejoined,
            not_whole=self.not_whole,
        )

    def _cut_seconds(self) -> float:
        """How long the victim was disturbed, at most; until now where nobody saw it end."""
        one = self.stage.disturbance
        if one is None or one.sent is None:
            return 0.0
        return (one.mended or time.monotonic()) - one.sent

    def conclude(self, log: str, *, control: bool) -> Trial:
        """Read what is stored and work everything out (9. and 10.)."""
        offset = bound(self.clock[0], self.clock[-1])
        mine = self._written()
        foreign = local_writer.read_log(log, self.name)
        theta = (offset.lower + offset.upper) / 2
        on_ours = [shifted(op, theta) for op in foreign]
        final = self._final_reads({op.id for op in mine + on_ours if acknowledged(op)})
        _, fault_at = self.marks.at.get(self._begun, (None, None))
        ledger = reconcile(
            mine + on_ours, final.rows, fault_at=fault_at, minimum_acknowledged=LEAST_ACKNOWLEDGED
        )
        series = {
            client.name: bracket_group(
                client.name,
                [op for op in mine if op.group == client.name],
                Rules(cadence=client.cadence, stable_seconds=STABLE),
            )
            for client in self.drill.clients
        }
        members = self.drill.view.members
        first = first_acknowledged(mine, members.get(self.stage.promoted))
        overlap: TwoPrimaries | None = None
        if self.stage.stayed:
            overlap = decide_stayed(mine, members[self.primary].machine.addresses)
        elif not control:
            overlap = decide_overlap(foreign or None, first, offset)
        self._narrow_promotion(first)
        self._draw(series, mine)
        return Trial(
            number=self.number,
            control=control,
            victim=self.victim,
            promoted=self.stage.promoted,
            cut_seconds=self._cut_seconds(),
            rejoin_seconds=self.rejoined,
            outages={name: one.longest() for name, one in series.items()},
            lost=ledger.measurement("lost"),
            wrong=never_legal(ledger),
            lost_sample=ledger.lost.sample,
            missing_on_standbys=final.missing,
            two_primaries=overlap,
            pages=self.pages,
            problem=self.problem or self._why_useless(series, ledger, control=control),
            not_whole=self.not_whole,
            behind=final.behind,
        )

    def _written(self) -> list[Op]:
        """What the writers of this trial kept.

        Raises:
            NotUnderstood: they kept nothing that can be read.
        """
        try:
            return list(read_ledger(self.ledger).ops)
        except LedgerError as error:
            raise NotUnderstood(f"the writers' ledger: {error}") from error

    def _narrow_promotion(self, first: Op | None) -> None:
        """Who was promoted had been before it acknowledged a client; polls notice later."""
        if first is not None and first.end is not None and "promoted" in self.marks.at:
            since, until = self.marks.at["promoted"]
            if first.end < until:
                earliest = self._sent
                since = since if since <= first.end or earliest is None else earliest
                self.marks.note("promoted", since, first.end)

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
            wrong = {name: count for name, count in never_legal(ledger).items() if count}
            if out or ledger.lost.count or wrong:
                return f"the trial without a fault saw {out or wrong or 'a loss'}"
        return ""

    def _final_reads(self, wanted: set[str]) -> "_Final":
        """Rows on the one proven primary, and how many acknowledged are missing on each standby."""
        drill = self.drill
        environment, database = drill.run.environment, drill.database
        primary = drill.view.proven_primary()
        if primary is None:
            return _Final(None)
        marker = f"{self.name}-{MARKER}"
        with writers.touch_session(environment, database, primary) as session:
            writers.insert_row(session, self.table, marker, MARKER)
            final = _Final(writers.stored_rows(session, self.table, self.name))
        for standby in [name for name in database.members if name != primary]:
            try:
                final.missing[standby] = self._missing_on(standby, marker, wanted)
            except ProbeError as error:
                final.behind[standby] = str(error)
        return final

    def _missing_on(self, standby: str, marker: str, wanted: set[str]) -> int:
        """How many are missing on a standby that has caught up with the end of the trial.

        Raises:
            ProbeError: it has not, or can't be asked: whether it follows is another question.
        """
        drill = self.drill
        deadline = time.monotonic() + STABLE
        while True:
            with writers.touch_session(drill.run.environment, drill.database, standby) as session:
                if writers.stored_rows(session, self.table, marker):
                    rows = writers.stored_rows(session, self.table, self.name)
                    return len(wanted - {name for name, _ in rows})
            if time.monotonic() > deadline:
                raise TimedOut(f"has not caught up within {STABLE:g} s of the trial's end")
            time.sleep(TICK)

    @property
    def _begun(self) -> str:
        """How the record marks what was disturbed."""
        one = self.stage.disturbance
        return one.begun if one else ""

    @property
    def _fault(self) -> str:
        """What the record calls what was disturbed and seen to be so."""
        one = self.stage.disturbance
        return one.fault if one and one.begun in self.marks.at else "none"

    def _draw(self, series: dict[str, Series], ops: list[Op]) -> None:
        """Put what the timeline shows into the record."""
        zero = self.marks.begun
        self.drill.run.writer.write(
            "drill",
            case=self.drill.permit.case.key,
            trial=str(self.number),
            fault=self._fault,
            marks=[
                {"since": since_begin(zero, since), "t": since_begin(zero, until), "label": name}
                for name, (since, until) in self.marks.at.items()
            ],
            outages=[
                {
                    "client": name,
                    "lower": outage.lower,
                    "upper": outage.upper,
                    "start": since_begin(zero, outage.begins),
                    "end": since_begin(zero, outage.ends),
                }
                for name, one in series.items()
                for outage in one.outages
            ],
            samples=[
                [since_begin(zero, op.start), op.group, str(op.outcome)]
                for name in series
                for op in thinned([op for op in ops if op.group == name])
            ],
        )


@dataclass
class _Final:
    """What was read in the end; `rows` is None where no member was proven primary."""

    rows: list[tuple[str, str]] | None
    missing: dict[str, int] = field(default_factory=dict)
    behind: dict[str, str] = field(default_factory=dict)
