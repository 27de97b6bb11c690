"""What disturbs one machine, and ends by itself there if nobody takes it back.

A cut is a firewall table on the machine that drops everything but loopback and the gate's own SSH,
so that the gate can always take it back. A stopped unit is one that systemd was told to end, or
whose every process was killed. A timer on the machine, set and proven before it is disturbed,
takes back either.
"""

import time
from abc import ABC, abstractmethod
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from typing import Any, ClassVar, Final

from readiness.drills.actions import ActionFailed, must, on_machine, settle, write_undo
from readiness.drills.permit import Permit
from readiness.evidence.undo import undo_action
from readiness.model.errors import NotUnderstood, ReadinessError
from readiness.model.interrupts import deferred
from readiness.model.words import Tier
from readiness.probes.ssh import DrillSession
from readiness.session.run import Run
from readiness.site.environment import Environment

NFT: Final = "/usr/sbin/nft"
SYSTEMCTL: Final = "/usr/bin/systemctl"
# Neighbour discovery stays, or the gate could not come back in over IPv6.
NEIGHBOURS: Final = "icmpv6 type { nd-neighbor-solicit, nd-neighbor-advert } accept"
# What systemd says of a unit that does not run: it was stopped, or its processes ended badly.
DOWN: Final = ("inactive", "failed")
TABLE: Final = """table inet {name} {{
  chain input {{
    type filter hook input priority -310; policy drop;
    iif lo accept
    {family} saddr {gate} tcp dport {port} accept
    {neighbours}
  }}
  chain output {{
    type filter hook output priority -310; policy drop;
    oif lo accept
    {family} daddr {gate} tcp sport {port} accept
    {neighbours}
  }}
}}
"""


class Disturbance(ABC):
    """Something that is done to a machine, and taken back.

    When what happened is known as a bracket: the moment before it was asked for, and the moment
    at which it was seen. None: not, or nobody saw it.
    """

    fault: ClassVar[str]
    """What the record calls it."""
    begun: ClassVar[str]
    """How the record marks its begin."""
    ended: ClassVar[str]
    """How the record marks its end."""
    noun: ClassVar[str]
    undo: ClassVar[str]
    """The undo action that takes it back, from wherever the journal is."""

    def __init__(
        self, run: Run, permit: Permit, session: DrillSession, *, machine: str, expiry: float
    ) -> None:
        permit.require(Tier.DISRUPT)
        self.run, self.session, self.machine, self.expiry = run, session, machine, expiry
        self.name = f"readiness_{run.number}_{len(run.journal.pending())}_{run.id[-4:]}"
        self.sent: float | None = None
        self.seen: float | None = None
        self.mending: float | None = None
        self.mended: float | None = None

    @contextmanager
    def held(self) -> Iterator[None]:
        """In force until the block ends, however it ends.

        Order: 1. undo on disk, 2. expiry armed and seen on the machine, 3. disturbed, 4. seen.
        From 1. on the undo is played at once, whatever happens; what it can't undo stays owed, and
        ends by itself on the machine.

        Raises:
            ActionFailed: a step could not be done or proven, or the disturbance not be taken back.
        """
        self._prepare()
        entry = write_undo(  # 1.
            self.run,
            self.undo,
            {"machine": self.machine, **self._arguments()},
            target=self.machine,
            expires_in=self.expiry,
        )
        try:
            self._begin()
            yield
        except BaseException:
            # What ended the block is what people hear of; what was not undone is owed and noted.
            with suppress(ReadinessError):
                self._take_back(entry)
            raise
        self._take_back(entry)

    def _begin(self) -> None:
        self._arm()  # 2.
        self.sent = time.monotonic()
        self._make()  # 3.
        if not self.stands():  # 4.
            raise ActionFailed(f"{self.machine}: the {self.noun} {self.name} is not in force")
        self.seen = time.monotonic()

    def told(self) -> str:
        """What was disturbed, in words; empty when nothing was."""
        if self.sent is None:
            return ""
        if self.mended is None:
            return f"{self.machine} {self.was()}, and it was not seen that it is back"
        return f"{self.machine} {self.was()} for at most {self.mended - self.sent:.1f} s"

    @abstractmethod
    def stands(self) -> bool:
        """Whether it is in force on the machine."""

    def _prepare(self) -> None:  # noqa: B027 - most have nothing to ask first
        """Ask what it takes to disturb, before anything is written."""

    @abstractmethod
    def _arguments(self) -> Mapping[str, str]:
        """What its undo needs to know besides the machine."""

    @abstractmethod
    def _healing(self) -> list[str]:
        """The command that takes it back on the machine when the time is up."""

    @abstractmethod
    def _make(self) -> None:
        """Disturb."""

    @abstractmethod
    def _undone(self, session: DrillSession) -> str:
        """Take it back and prove it; the proof."""

    @abstractmethod
    def was(self) -> str:
        """What the machine was, in words."""

    def _arm(self) -> None:
        unit = _expiry(self.name)
        after = f"--on-active={self.expiry:.0f}"
        arm = ["sudo", "-n", "/usr/bin/systemd-run", after, f"--unit={unit}"]
        must(self.session.run([*arm, *self._healing()]), "arming the expiry")
        shown = self.session.run(["systemctl", "is-active", f"{unit}.timer"])
        if shown.stdout.strip() != b"active":
            raise ActionFailed(
                f"{self.machine}: {unit}.timer is not active, nothing was {self.begun}"
            )

    def _take_back(self, entry: str) -> None:
        self.mending = time.monotonic()
        try:
            try:
                proof = self._undone(self.session)
            except ReadinessError:
                # The connection may be what broke: once more over one of its own.
                proof = on_machine(self.run.environment, self.machine, self._undone)
        except ReadinessError as error:
            self.run.writer.write("step", text=f"{self.told()}: {error}")
            raise ActionFailed(
                f"{self.machine}: the {self.noun} could not be taken back: {error}; it stays owed, "
                f"and ends by itself {self.expiry:.0f} s after it was made"
            ) from error
        self.mended = time.monotonic()
        if self.sent is not None:
            self.run.writer.write("step", text=self.told())
        settle(self.run, entry, proof)


class Cut(Disturbance):
    """A machine cut off from everything but itself and the gate's SSH."""

    fault, begun, ended, noun = "partition", "cut", "reconnected", "cut"
    undo = "network.reconnect"

    def _prepare(self) -> None:
        self._gate, self._port = _gate_seen_from(self.session)

    def _arguments(self) -> Mapping[str, str]:
        return {"table": self.name}

    def _healing(self) -> list[str]:
        return [NFT, "delete", "table", "inet", self.name]

    def _make(self) -> None:
        newer = ":" in self._gate
        rules = TABLE.format(
            name=self.name,
            gate=self._gate,
            port=self._port,
            family="ip6" if newer else "ip",
            neighbours=NEIGHBOURS if newer else "",
        )
        must(self.session.run(["sudo", "-n", NFT, "-f", "-"], stdin=rules.encode()), "cutting")

    def stands(self) -> bool:
        """Whether the cut is in force on the machine."""
        return self.name in _tables(self.session)

    def _undone(self, session: DrillSession) -> str:
        return reconnect(session, self.name)

    def was(self) -> str:
        """`was cut off`."""
        return "was cut off"


class Stopped(Disturbance):
    """A unit of a machine that does not run, and is not started anew before it is taken back."""

    fault, begun, ended, noun = "stop", "stopped", "started", "stop"
    undo = "unit.start"

    def __init__(
        self,
        run: Run,
        permit: Permit,
        session: DrillSession,
        *,
        machine: str,
        expiry: float,
        unit: str,
    ) -> None:
        super().__init__(run, permit, session, machine=machine, expiry=expiry)
        self.unit = unit

    def _arguments(self) -> Mapping[str, str]:
        return {"unit": self.unit, "timer": self.name}

    def _healing(self) -> list[str]:
        return [SYSTEMCTL, "start", self.unit]

    def _make(self) -> None:
        must(self.session.run(["sudo", "-n", SYSTEMCTL, "stop", self.unit]), "stopping")

    def stands(self) -> bool:
        """Whether the unit is down."""
        return _state(self.session, self.unit) in DOWN

    def _undone(self, session: DrillSession) -> str:
        return start(session, self.unit, self.name)

    def was(self) -> str:
        """`was without`, and the unit."""
        return f"was without {self.unit}"


class Killed(Stopped):
    """A unit whose every process was killed at once, as by a crash, and which stays down.

    systemd would start it again: it is told to stop it in the same breath, when nothing is left
    that could end in order.
    """

    fault, begun, noun = "kill", "killed", "kill"

    def _make(self) -> None:
        # One command: the pause before a restart may be as short as a tenth of a second.
        kill = f"sudo -n {SYSTEMCTL} kill --signal=KILL {self.unit}"
        both = f"{kill} && sudo -n {SYSTEMCTL} stop {self.unit}"
        must(self.session.run(["bash", "-c", both]), "killing")


@deferred()
def reconnect(session: DrillSession, table: str) -> str:
    """Take a cut back and prove it; a cut that is gone already is fine."""
    if table in _tables(session):
        gone = session.run(["sudo", "-n", NFT, "delete", "table", "inet", table])
        if gone.exit_code and table in _tables(session):
            must(gone, "reconnecting")
    if table in _tables(session):
        raise ActionFailed(f"{session.name}: table inet {table} is still there")
    _disarm(session, table)
    return f"no table inet {table} on {session.name}"


@deferred()
def start(session: DrillSession, unit: str, timer: str) -> str:
    """Start a unit and see that it runs; one that runs already is fine."""
    must(session.run(["sudo", "-n", SYSTEMCTL, "start", unit]), f"starting {unit}")
    state = _state(session, unit)
    if state != "active":
        raise ActionFailed(f"{session.name}: {unit} is {state}")
    _disarm(session, timer)
    return f"{unit} runs on {session.name}"


def _disarm(session: DrillSession, name: str) -> None:
    # The timer has nothing left to do; where it is gone already, that is what we want.
    session.run(["sudo", "-n", SYSTEMCTL, "stop", f"{_expiry(name)}.timer"])


def _expiry(name: str) -> str:
    return name.replace("_", "-") + "-expiry"


def _state(session: DrillSession, unit: str) -> str:
    """What systemd says of a unit; it ends badly for one that does not run."""
    return session.run(["systemctl", "is-active", unit]).stdout.decode().strip()


def _tables(session: DrillSession) -> str:
    return must(session.run(["sudo", "-n", NFT, "list", "tables"]), "listing tables")


def _gate_seen_from(session: DrillSession) -> tuple[str, int]:
    """Our address as the machine sees it, and the SSH port we came in by."""
    words = session.run(["printenv", "SSH_CONNECTION"]).stdout.decode().split()
    try:
        client, _, _, port = words
        return client, int(port)
    except ValueError:
        raise NotUnderstood(f"{session.name}: SSH_CONNECTION says {words}") from None


@undo_action("network.reconnect")
def undo_cut(arguments: Mapping[str, Any], environment: Environment) -> str:
    """Take a cut back from wherever the journal is."""
    return on_machine(
        environment, arguments["machine"], lambda session: reconnect(session, arguments["table"])
    )


@undo_action("unit.start")
def undo_stop(arguments: Mapping[str, Any], environment: Environment) -> str:
    """Start a unit again that was stopped or killed, from wherever the journal is."""
    unit, timer = arguments["unit"], arguments["timer"]
    return on_machine(
        environment, arguments["machine"], lambda session: start(session, unit, timer)
    )
