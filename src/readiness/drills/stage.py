"""The stage of an experiment: what its actions and probes act on, and how they wait.

Who plays an experiment sets up a stage first: the failover drill, which measures around it, or
`readiness.chaos.by_hand`, under `chaos run`. One stage at a time in a process.
"""

import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from typing import Any, Final

from readiness.catalogue.limits import PROMOTION_LIMIT, REJOIN_LIMIT
from readiness.drills import target_lease
from readiness.drills.actions import ActionFailed, drill_target
from readiness.drills.cluster import ClusterView
from readiness.drills.disturbance import Disturbance
from readiness.drills.permit import Permit
from readiness.drills.trial import Marks
from readiness.evidence.lease import halt_requested
from readiness.model.errors import NotRun, ProbeError, TimedOut, Unreachable
from readiness.probes.ssh import DrillSession, Machines
from readiness.session.run import Run
from readiness.site.declared.database import Database
from readiness.site.subjects import StoreMember, clusters
from readiness.systems.etcd import asking as etcd_asking
from readiness.systems.etcd import reading as etcd

TICK: Final = 0.5


class Aborted(ProbeError):
    """The experiment was stopped early; what it would have shown is unknown."""


@dataclass
class Stage:
    """One experiment on one cluster, while it plays."""

    run: Run
    permit: Permit
    view: ClusterView
    machines: Machines | None = None
    primary: str = ""
    """The leader before anything was disturbed."""
    sessions: dict[str, DrillSession] = field(default_factory=dict)
    marks: Marks = field(default_factory=lambda: Marks(time.monotonic()))
    disturbance: Disturbance | None = None
    promoted: str = ""
    stayed: bool = False
    """Whether the primary was watched under the disturbance, and led all the time."""
    problem: str = ""
    whole: tuple[float, float] | None = None
    """When the cluster was last seen to have become whole: not before, not after."""
    _held: ExitStack = field(default_factory=ExitStack)

    @property
    def database(self) -> Database:
        """The database whose cluster it is."""
        return self.view.database

    @property
    def expiry(self) -> float:
        """After so many seconds a disturbance ends by itself on the machine."""
        if self.database.failover is None:
            raise NotRun(f"{self.database.name}: no failover drill is declared")
        return self.database.failover.expiry

    @property
    def told(self) -> str:
        """What was disturbed, in words; empty when nothing was."""
        return self.disturbance.told() if self.disturbance else ""

    @contextmanager
    def set(self) -> Iterator[None]:
        """Let the actions and probes of experiments act on this stage until the block ends."""
        global _CURRENT  # noqa: PLW0603 - the toolkit calls functions by name, with no object of ours
        before, _CURRENT = _CURRENT, self
        try:
            yield
        finally:
            _CURRENT = before

    @contextmanager
    def standing(self) -> Iterator[None]:
        """What is disturbed in the block is taken back at its end at the latest, however it ends.

        Raises:
            ActionFailed: it can't be taken back; it stays owed.
        """
        try:
            with self.set(), self._held:
                yield
        finally:
            self._note_end()

    def disturb(self, kind: type[Disturbance], machine: str, **more: Any) -> str:
        """Disturb a machine; what was done, in words.

        Raises:
            ActionFailed: it was not done or is not in force; it is taken back already.
            Aborted: nobody proved the steady state before, or the run is to end.
        """
        if self.disturbance is not None:
            raise ActionFailed(f"{self.told}: an experiment disturbs once")
        if self.whole is None:
            raise Aborted(f"nothing was disturbed: {self.database.name} was not proven to be whole")
        self._check()
        session = self._session(machine)
        one = self.disturbance = kind(
            self.run, self.permit, session, machine=machine, expiry=self.expiry, **more
        )
        self._held.enter_context(one.held())
        self.marks.note(one.begun, one.sent, one.seen)
        return f"{machine}: {one.fault} in force"

    def _session(self, machine: str) -> DrillSession:
        if machine not in self.sessions:
            if self.machines is None:
                raise NotRun("nothing may be disturbed yet: there is no connection to disturb by")
            target = drill_target(self.run.environment, machine)
            self.sessions[machine] = self.machines.drill(target)
        return self.sessions[machine]

    def mend(self) -> str:
        """Take back what was disturbed; a second time does nothing. What was disturbed, in words.

        Raises:
            ActionFailed: it can't be taken back; it stays owed.
        """
        try:
            self._held.close()
        finally:
            self._note_end()
        return self.told

    def _note_end(self) -> None:
        if self.disturbance is not None:
            one = self.disturbance
            self.marks.note(one.ended, one.mending, one.mended)

    def _standing(self) -> Disturbance:
        """What is in force now."""
        one = self.disturbance
        if one is None or one.seen is None or one.mending is not None:
            raise Aborted("nothing is disturbed that could be watched")
        return one

    def await_promotion(self) -> str:
        """Wait until every survivor names one of themselves as leader, and return its name.

        Raises:
            Aborted: none was promoted in time, or the run is to end.
        """
        disturbed = self._standing()
        deadline = time.monotonic() + min(PROMOTION_LIMIT, self.expiry / 2)
        since = disturbed.sent
        while time.monotonic() < deadline:
            self._check()
            asked = time.monotonic()
            if self._led_by_another(since):
                return self.promoted
            since = asked
            time.sleep(TICK)
        raise Aborted(f"no standby was promoted while {self.primary} {disturbed.was()}")

    def _led_by_another(self, since: float | None) -> bool:
        """Whether every other member names another leader than before; notes it if so."""
        leader = self.view.leader_seen_by_others(self.primary)
        if not leader or leader == self.primary:
            return False
        self.promoted = leader
        self.marks.note("promoted", since, time.monotonic())
        return True

    def outlast(self) -> bool:
        """Let the automation's TTL pass; whether the disturbance is still in force then.

        Raises:
            Aborted: the run is to end.
        """
        self._standing()
        begun = time.monotonic()
        self.wait(self.view.ttl)
        return self._still_stands(begun)

    def _still_stands(self, begun: float) -> bool:
        disturbed = self._standing()
        if disturbed.stands():
            return True
        held = time.monotonic() - begun
        since = "the promotion" if self.promoted else "its begin"
        self.problem = f"the {disturbed.noun} ended by itself within {held:.1f} s of {since}"
        return False

    def watch_primary(self) -> bool:
        """Watch the primary until the automation's TTL has passed; whether it led all the time.

        Raises:
            Aborted: the run is to end.
        """
        disturbed = self._standing()
        begun = time.monotonic()
        since = disturbed.sent
        while time.monotonic() < begun + self.view.ttl:
            self._check()
            asked = time.monotonic()
            if self._led_by_another(since):
                return False
            since = asked
            time.sleep(TICK)
        self.stayed = self._still_stands(begun)
        return self.stayed

    def await_whole(self) -> bool:
        """Wait until redundancy is full; before anything is disturbed, learn who the primary is.

        Raises:
            TimedOut: it is not within `REJOIN_LIMIT`.
        """
        self.whole = self.view.wait_until_steady(REJOIN_LIMIT)
        if self.disturbance is None:
            self.primary = self.view.leader()
        return True

    def consensus_leader(self) -> str:
        """The member of the consensus store that leads it.

        Raises:
            Unreachable: none of those that answer does, or several say so.
        """
        leading = [name for name, one in self._store().items() if one and one.leads]
        if len(leading) != 1:
            raise Unreachable(f"{self.database.name}: leaders of the consensus store: {leading}")
        return leading[0]

    def await_consensus(self) -> bool:
        """Wait until every declared member of the consensus store follows one leader.

        Raises:
            TimedOut: they do not within `REJOIN_LIMIT`.
        """
        deadline = time.monotonic() + REJOIN_LIMIT
        while True:
            seen = {name: one and one.leader_id for name, one in self._store().items()}
            if len(set(seen.values())) == 1 and all(seen.values()):
                return True
            if time.monotonic() > deadline:
                raise TimedOut(
                    f"{self.database.name}: members of the consensus store follow no one leader "
                    f"within {REJOIN_LIMIT:g} s: {seen}"
                )
            time.sleep(TICK)

    def _store(self) -> dict[str, etcd.Status | None]:
        """What every declared member of the consensus store says; None for one that is silent."""
        site = self.run.environment
        (cluster,) = (one for one in clusters(site) if one.database.name == self.database.name)
        if not cluster.store:
            raise Unreachable(f"{self.database.name}: no consensus store is declared")

        def status(member: StoreMember) -> etcd.Status | None:
            try:
                return etcd_asking.status(etcd_asking.target(site, member))
            except ProbeError:
                return None

        return {one.machine.name: status(one) for one in cluster.store}

    def wait(self, seconds: float) -> None:
        """Let time pass, ready to stop.

        Raises:
            Aborted: the run is to end.
        """
        deadline = time.monotonic() + seconds
        while (left := deadline - time.monotonic()) > 0:
            self._check()
            time.sleep(min(left, TICK))

    def _check(self) -> None:
        halt = halt_requested(self.run.state)
        if halt is not None:
            raise Aborted(f"halted: {halt.reason}")
        lost = target_lease.lost(self.run, self.database)
        if lost:
            raise Aborted(lost)


_CURRENT: Stage | None = None


def current() -> Stage:
    """The stage that is set.

    Raises:
        NotRun: none is, so nothing may be disturbed.
    """
    if _CURRENT is None:
        raise NotRun(
            "no run is open: an experiment needs the control readiness.chaos, or the failover "
            "drill, which opens one"
        )
    return _CURRENT
