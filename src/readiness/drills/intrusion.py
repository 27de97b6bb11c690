"""The drill of the intrusion: a planted attack that harms nobody, and what becomes of its source.

Steps, the numbers stand again at the code:

1. nobody is blocked who is needed: the attack comes from none of the gate's addresses
2. control: each door serves the source, and serves us; what is known of the source before is noted
3. undo on disk, then the attack: bounded, and it ends where the source is blocked
4. looks, again and again, until all has followed or is late: doors from the source and from here,
   what each machine says of the source, what those got who are told
5. the block is watched for as long as it has to hold
6. it ends by itself, or is lifted; the doors serve the source again, which is the undo's proof
"""

import re
import socket
import time
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor, wait
from contextlib import contextmanager, suppress
from dataclasses import dataclass, replace
from typing import Final

from readiness.drills.actions import (
    disturbing,
    drill_target,
    settle,
    write_undo,
)
from readiness.drills.intrusion_block import LIFTED_WITHIN, PAUSE, doors, lift, lifted, pairs
from readiness.drills.intrusion_looks import Seen, Watched
from readiness.drills.permit import Permit
from readiness.measure.measurement import Measurement
from readiness.model.errors import NotRun, NotUnderstood, ProbeError, ReadinessError
from readiness.model.words import Tier
from readiness.probes.ssh import DrillSession
from readiness.session.run import Run
from readiness.site.declared.common import Address, canonical
from readiness.site.environment import Environment
from readiness.systems.intrusion.asking import attacked, entries, knocked, knocked_here, opened
from readiness.systems.intrusion.declared import Intrusion, Target, targets
from readiness.systems.intrusion.reading import (
    SERVED,
    UNSENT,
    Attempts,
    naming,
    new_lines,
)

_MOST_LINES: Final = 5_000


@dataclass(frozen=True)
class Noticed:
    """Whether somebody noticed the attack from one address, and how long after its begin."""

    source: str
    after: Measurement | None
    asked: int  # how often that was read


@dataclass(frozen=True)
class Door:
    """One door of one machine, as the source and we found it."""

    id: str
    closed: Measurement | None  # how long after the attack began it was closed to the source
    held: Measurement | None  # how long it stayed closed, as far as it was watched
    open_at_the_end: bool  # it served the source once the block has to have ended
    served_us: bool  # it served us, and the source's neighbour, at every look


@dataclass(frozen=True)
class Struck:
    """What became of the attack on one machine."""

    machine: str
    attempts: tuple[Attempts, ...]
    detected: tuple[Noticed, ...]
    alerted: tuple[Noticed, ...]
    doors: tuple[Door, ...]
    silent: str = ""  # why the machine could not say what it noticed, where it could not
    untold: str = ""  # why those who are told could not say what they got, where they could not


class IntrusionDrill:
    """One planted attack on every machine that is declared."""

    def __init__(self, run: Run, permit: Permit, intrusion: Intrusion) -> None:
        permit.require(Tier.DISRUPT)
        self.run, self.intrusion = run, intrusion
        self.site: Environment = run.environment
        self.targets = targets(self.site)
        self.doors = [Watched(one) for one in doors(self.site)]
        # The gate's own way in there is a neighbour of the source, which nobody may keep out.
        login = intrusion.source.address
        self.beside = {
            one.at: replace(one.at, source=login)
            for one in self.doors
            if Address(ip=login).family == Address(ip=one.at.address).family
        }
        self.detected = {pair: Seen() for pair in pairs(self.site)}
        self.alerted = {pair: Seen() for pair in pairs(self.site)}
        self.silent: dict[str, str] = {}
        self.asked: dict[str, tuple[float, Future[list[str]]]] = {}
        self.before: dict[str, list[str]] = {}
        self.told_before: Sequence[str] = ()
        self.untold = ""
        self.began = 0.0

    def done(self) -> dict[str, Struck]:
        """Do it; whatever becomes of it, the block is lifted or awaited.

        Raises:
            NotRun: it would block who is needed.
            ProbeError: the control failed, or the source could not attack.
            ActionFailed: the source is still blocked, and stays so until it is lifted.
        """
        with disturbing(self.run) as machines, ThreadPoolExecutor() as pool:
            self.machines, self.pool = machines, pool
            self.source = opened(machines, self.site, self.intrusion)
            self.sessions = {
                one.id: machines.drill(drill_target(self.site, one.id)) for one in self.targets
            }
            self._nobody_needed()  # 1.
            self._control()  # 2.
            with self._lifted():  # 3.
                attempts = self._attacked()  # 4. and 5.
                self._await_end()  # 6.
                self._look_at_lines(LIFTED_WITHIN)
        return {one.id: self._struck(one, attempts) for one in self.targets}

    def _nobody_needed(self) -> None:
        """Refuse where the source of the attack is one of our own addresses."""
        ours = [one for one in self.intrusion.source.attacks_from if _is_here(one)]
        for name, session in self.sessions.items():
            words = session.run(["printenv", "SSH_CONNECTION"]).text.split()
            client = words[0] if words else ""
            if not client:
                raise NotUnderstood(f"{name}: it does not say where we come from")
            ours += [one for one in self.intrusion.source.attacks_from if _same(one, client)]
        if ours:
            raise NotRun(
                f"nothing was attacked: {ours[0]} is the gate's own address, and it would be "
                "blocked",
                declare="`attacks_from` of the intrusion's source: addresses of somebody else",
            )

    def _control(self) -> None:
        """Every door serves the source and us; what is known of the source is noted."""
        places = [one.at for one in self.doors]
        beside = list(self.beside.values())
        looks = (
            ("here", places, knocked_here(places)),
            (self.intrusion.source.name, places, knocked(self.source, places)),
            ("beside it", beside, knocked(self.source, beside)),
        )
        for whence, asked, states in looks:
            dead = [
                f"{at.machine} {at.id}: {state}"
                for at, state in zip(asked, states, strict=True)
                if state != SERVED
            ]
            if dead:
                raise NotUnderstood(
                    f"nothing was attacked: from {whence} {dead[0]} before the attack, and "
                    f"{len(dead) - 1} others"
                )
        for name, session in self.sessions.items():
            try:
                self.before[name] = self._lines(session)
            except ProbeError as error:
                # A detection that is dead may say nothing; whether it blocks, the doors tell.
                self.silent[name] = str(error)
        try:
            self.told_before = entries(self.site, self.intrusion)
        except ProbeError as error:
            self.untold = str(error)

    def _lines(self, session: DrillSession) -> list[str]:
        """What a machine says of those whom it noticed."""
        answer = session.run(list(self.intrusion.detection.command))
        if answer.exit_code:
            raise NotUnderstood(f"{session.name}: the detection says: {answer.complaint}")
        wanted = self.intrusion.detection.contains or ""
        return [one for one in answer.text.splitlines()[-_MOST_LINES:] if wanted in one]

    @contextmanager
    def _lifted(self) -> Iterator[None]:
        block = self.intrusion.block
        entry = write_undo(
            self.run,
            "intrusion.lift",
            {"source": self.intrusion.source.name},
            target=self.intrusion.source.name,
            expires_in=block.ends,
        )
        try:
            yield
        except BaseException:
            # What ended the block is what people hear of; what was not undone is owed and noted.
            with suppress(ReadinessError):
                settle(self.run, entry, lifted(self.machines, self.site))
            raise
        settle(self.run, entry, lifted(self.machines, self.site))

    def _attacked(self) -> tuple[Attempts, ...]:
        """Attack, and look meanwhile: an attempt that the block meets hangs for a while."""
        self.began = time.monotonic()
        attack = self.pool.submit(self._attack)
        self._watch()
        return attack.result()

    def _attack(self) -> tuple[Attempts, ...]:
        attack = self.intrusion.attack
        speaks = next((one.speaks for one in self.intrusion.doors if one.port == attack.port), "")
        speaks = speaks if speaks in {"http", "https"} else "http"
        done = attacked(self.source, attack, speaks, [pair[1:] for pair in pairs(self.site)])
        for one in done:
            if not one.served:
                raise NotUnderstood(
                    f"the attack from {one.source} on {one.address} was {one.last} at once: "
                    "nobody could tell what it would have met"
                )
        return done

    def _watch(self) -> None:
        """Look until all has followed or is late, and until a block has lasted long enough."""
        block, alert = self.intrusion.block, self.intrusion.alert
        limits = [block.within, self.intrusion.detection.within]
        late = max([*limits, *([alert.within] if alert else [])]) + PAUSE
        while True:
            now = self._since()
            self._look()
            shut = [one.closed_at for one in self.doors]
            held = max((one for one in shut if one is not None), default=0.0) + block.holds
            if now > max(late, held) or (self._all_followed() and now > held):
                return
            time.sleep(PAUSE)

    def _all_followed(self) -> bool:
        lines = [one for pair, one in self.detected.items() if pair[0] not in self.silent]
        if self.intrusion.alert and not self.untold:
            lines += self.alerted.values()
        noticed = all(one.high is not None for one in lines)
        return noticed and all(one.times for one in self.doors)

    def _look(self) -> None:
        """Look once at every door, and at everything that was said of the source."""
        self._knock()
        self._look_at_lines()
        if not self.untold:
            self._look_at_alerts()

    def _look_at_alerts(self) -> None:
        before = self._since()
        try:
            now = new_lines(self.told_before, entries(self.site, self.intrusion))
        except ProbeError as error:
            self.untold = str(error)
            return
        for pair, seen in self.alerted.items():
            name, source, _ = pair
            mine = [one for one in naming(now, source) if self._names(one, name)]
            seen.look(there=bool(mine), before=before, now=self._since())

    def _names(self, line: str, machine: str) -> bool:
        """Whether an alert says which machine it is about, where that is declared."""
        alert, known = self.intrusion.alert, self.site.machine(machine)
        words = re.findall(r"[A-Za-z0-9_.:-]+", line)
        return bool(alert and (not alert.names_machine or any(map(known.known_as, words))))

    def _look_at_lines(self, patience: float = PAUSE) -> None:
        """Have every machine say what it noticed; who does not say it soon is asked at the next.

        A block that keeps us out, too, must not keep us from looking at the doors.
        """
        for name in self.before:
            if name not in self.asked:
                session = self.sessions[name]
                self.asked[name] = (self._since(), self.pool.submit(self._lines, session))
        wait([one for _, one in self.asked.values()], patience)
        for name, (before, answer) in list(self.asked.items()):
            if answer.done():
                del self.asked[name]
                self._said(name, before, answer)

    def _said(self, name: str, before: float, answer: "Future[list[str]]") -> None:
        """Take what a machine said, which was asked so long after the attack began."""
        try:
            now = new_lines(self.before[name], answer.result())
        except ProbeError as error:
            # It may be the block that keeps us out: the doors tell.
            self.silent[name] = str(error)
            return
        self.silent.pop(name, None)
        for pair, seen in self.detected.items():
            if pair[0] == name:
                there = bool(naming(now, pair[1]))
                seen.look(there=there, before=before, now=self._since())

    def _knock(self) -> None:
        """Knock at every door: from the source, from beside it, and from here."""
        places = [one.at for one in self.doors]
        before = self._since()
        states = knocked(self.source, [*places, *self.beside.values()])
        now = self._since()
        beside = dict(zip(self.beside, states[len(places) :], strict=True))
        ours = knocked_here(places)
        for one, state, here in zip(self.doors, states, ours, strict=False):
            if state == UNSENT:
                raise NotUnderstood(f"{one.at.source}: the source could not leave from there")
            one.look(open_=state == SERVED, before=before, now=now)
            one.others(served={here, beside.get(one.at, SERVED)} == {SERVED})

    def _await_end(self) -> None:
        """Wait for the end that is declared, or lift; what serves the source then is noted."""
        block = self.intrusion.block
        if block.ends is None:
            lift(self.machines, self.site)
            until = time.monotonic() + LIFTED_WITHIN
        else:
            began = max((one.closed_at or 0.0 for one in self.doors), default=0.0)
            until = self.began + began + block.ends
        while True:
            self._knock()
            if all(one.open_now for one in self.doors) or time.monotonic() > until:
                return
            time.sleep(PAUSE)

    def _since(self) -> float:
        return time.monotonic() - self.began

    def _struck(self, target: Target, attempts: Sequence[Attempts]) -> Struck:
        own = [one for one in self.detected if one[0] == target.id]
        addresses = {address for _, _, address in own}

        def noticed(of: Mapping[tuple[str, str, str], Seen], what: str) -> tuple[Noticed, ...]:
            return tuple(
                Noticed(one[1], of[one].measured(f"{what} of {one[1]}"), of[one].looks)
                for one in own
            )

        return Struck(
            target.id,
            tuple(one for one in attempts if one.address in addresses),
            noticed(self.detected, "detection"),
            noticed(self.alerted, "alert"),
            tuple(
                Door(
                    one.at.id,
                    one.closed(),
                    one.held(),
                    one.open_now,
                    not one.shut,
                )
                for one in self.doors
                if one.at.machine == target.id
            ),
            self.silent.get(target.id, ""),
            self.untold,
        )


def _same(one: str, other: str) -> bool:
    return canonical(one) == canonical(other.partition("%")[0].removeprefix("::ffff:"))


def _is_here(address: str) -> bool:
    """Whether this machine has the address."""
    family = socket.AF_INET6 if ":" in address else socket.AF_INET
    with socket.socket(family, socket.SOCK_DGRAM) as one:
        try:
            one.bind((address, 0))
        except OSError:
            return False
    return True
