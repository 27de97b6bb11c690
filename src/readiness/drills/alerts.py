"""The drill of the alerts: a real fault on one machine, and what arrives at everybody who is told.

Steps, the numbers stand again at the code:

1. none of what is expected fires before, so that no older alert is taken for the drill's; what
   fires besides is left out, as the dead man's switch is
2. undo on disk, expiry armed, the unit stopped and seen stopped (`readiness.drills.disturbance`)
3. every receiver's list is asked again and again, until all that is expected has come, or is late
4. others are waited for, as long as declared
5. the unit runs again; the notices of the end are waited for as long as the alerts were
"""

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Final

from readiness.drills.actions import disturbing, drill_target
from readiness.drills.disturbance import Stopped
from readiness.drills.permit import Permit
from readiness.measure.measurement import Measurement, digest_of
from readiness.model.errors import NotRun, NotUnderstood
from readiness.session.run import Run
from readiness.systems.alertmanager.declared import Alerting, AlertReceiver, Drill
from readiness.systems.alertmanager.reading import Notice, Telling

PAUSE: Final = 0.5
# Beyond what it takes until the last alert is late, its quiet, and the way of its end.
SLACK: Final = 120.0
FIRING, RESOLVED = "firing", "resolved"


@dataclass(frozen=True)
class Arrival:
    """One alert that came, for the first time with this status, and how long after the fault."""

    alert: str
    status: str
    about: bool  # whether a label of it names the machine
    after: Measurement


@dataclass(frozen=True)
class Alerted:
    """What one receiver got while the fault was there, and after its end."""

    receiver: str
    expected: tuple[str, ...]
    arrivals: tuple[Arrival, ...]
    asked: int  # how often its list was read
    fault: str  # what was done, in words

    def came(self, status: str) -> tuple[Arrival, ...]:
        """What came with that status."""
        return tuple(one for one in self.arrivals if one.status == status)


Listed = Callable[[AlertReceiver], tuple[Notice, ...]]
Said = Callable[[], Sequence[Telling]]


def declared(alerting: Alerting) -> Drill:
    """The fault that is declared.

    Raises:
        NotRun: none is.
    """
    if alerting.drill is None:
        raise NotRun("no fault is declared for a drill", declare="`drill` of the alerting")
    return alerting.drill


def trials_of(alerting: Alerting) -> int:
    """How often it is made.

    Raises:
        NotRun: none is declared.
    """
    return declared(alerting).trials


class AlertDrill:
    """One fault, for one case."""

    def __init__(
        self,
        run: Run,
        permit: Permit,
        alerting: Alerting,
        receivers: Sequence[AlertReceiver],
        listed: Listed,
    ) -> None:
        self.run, self.permit, self.alerting = run, permit, alerting
        self.drill = declared(alerting)
        self.receivers, self.listed = receivers, listed
        self.machine = run.environment.machine(self.drill.machine)
        self.expected = {
            one.id: tuple(
                alert.name
                for alert in alerting.alerts
                if alert.name in self.drill.expects and one.id in alert.receivers
            )
            for one in receivers
        }
        self.limit = max(one.within for one in alerting.alerts if one.name in self.drill.expects)
        self.arrivals: dict[str, dict[tuple[str, str, bool], Arrival]] = {}
        self.before: set[str] = set()
        self.asked = 0
        self.last = 0.0

    def done(self, said: Sequence[Telling]) -> dict[str, Alerted]:
        """Do it; the unit runs again, whatever becomes of it."""
        self._nothing_fires(said)  # 1.
        self.arrivals = {one.id: {} for one in self.receivers}
        with disturbing(self.run) as machines:
            session = machines.drill(drill_target(self.run.environment, self.machine.name))
            stop = Stopped(
                self.run,
                self.permit,
                session,
                machine=self.machine.name,
                expiry=2 * self.limit + self.drill.quiet + SLACK,
                unit=self.drill.unit,
            )
            began = time.time()
            with stop.held():  # 2.
                begun = (_asked(stop.sent), _asked(stop.seen))
                self._await(began, begun, FIRING)  # 3.
                self._watch(began, begun, self.drill.quiet)  # 4.
            ended = (_asked(stop.mending), _asked(stop.mended))
            self._await(began, ended, RESOLVED)  # 5.
        return {
            one.id: Alerted(
                one.id,
                self.expected[one.id],
                tuple(self.arrivals[one.id].values()),
                self.asked,
                stop.told(),
            )
            for one in self.receivers
        }

    def _nothing_fires(self, said: Sequence[Telling]) -> None:
        """Refuse where an expected alert fires; others that do are not the drill's."""
        self.before = {one.labels.get("alertname", "") for each in said for one in each.alerts}
        if switch := self.alerting.dead_mans_switch:
            self.before.add(switch.alert)
        if firing := sorted(self.before & {*self.drill.expects}):
            raise NotUnderstood(
                f"{', '.join(firing)} fires already: nobody could tell the drill's alerts from it"
            )

    def _await(self, began: float, since: tuple[float, float], status: str) -> None:
        """Ask until everything expected has come with that status, or is late."""
        self.last = since[0]
        while time.monotonic() - since[0] <= self.limit + PAUSE:
            self._look(began, since)
            if all(
                (name, status, True) in self.arrivals[one]
                for one, names in self.expected.items()
                for name in names
            ):
                return
            time.sleep(PAUSE)

    def _watch(self, began: float, since: tuple[float, float], seconds: float) -> None:
        """Ask for so long, whatever has come."""
        until = time.monotonic() + seconds
        while time.monotonic() < until:
            time.sleep(PAUSE)
            self._look(began, since)

    def _look(self, began: float, since: tuple[float, float]) -> None:
        """Ask everybody once; what is new came between the last time and now."""
        before = time.monotonic()
        for one in self.receivers:
            # The list may be cut at its beginning: what came since is told by its age.
            young = time.time() - began
            for notice in self.listed(one):
                if notice.age <= young:
                    self._note(one.id, notice, since, time.monotonic())
        self.asked += 1
        self.last = before

    def _note(self, receiver: str, notice: Notice, since: tuple[float, float], now: float) -> None:
        if notice.alert in self.before:
            return
        about = any(map(self.machine.known_as, _hosts(notice)))
        key = (notice.alert, notice.status, about)
        if key in self.arrivals[receiver]:
            return
        low, high = max(self.last - since[1], 0.0), max(now - since[0], 0.0)
        self.arrivals[receiver][key] = Arrival(
            *key,
            Measurement(
                name=f"{notice.alert} {notice.status}",
                value=(low + high) / 2,
                lower=low,
                upper=high,
                unit="s",
                resolution=PAUSE,
                n=1,
                digest=digest_of([f"{receiver} {notice.alert} {notice.status} {low} {high}"]),
            ),
        )


def _hosts(notice: Notice) -> list[str]:
    """What in its labels may name a machine: each value, with and without a port."""
    values = [str(one) for one in notice.labels.values()]
    return [*values, *(one.rpartition(":")[0].strip("[]") for one in values if ":" in one)]


def _asked(moment: float | None) -> float:
    """A moment that is known once a disturbance stands."""
    if moment is None:
        raise NotUnderstood("when the fault began or ended is not known")
    return moment
