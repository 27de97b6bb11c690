"""Disturbing actions on machines, each with the undo that is written before it.

The cut: a firewall table on the victim that drops everything but loopback and the gate's own SSH,
so that the gate can always take it back. A timer on the victim, set and proven before the cut,
takes it back by itself.
"""

import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from datetime import timedelta
from typing import Any, Final

from readiness.drills.permit import Permit
from readiness.environment import Environment
from readiness.errors import NotUnderstood, ProbeError, ReadinessError
from readiness.interrupts import deferred
from readiness.model import Tier
from readiness.probes.ssh import Answer, Command, DrillSession, Machines, SshTarget
from readiness.run import Run
from readiness.undo import UndoEntry, undo_action

NFT: Final = "/usr/sbin/nft"
# Neighbour discovery stays, or the gate could not come back in over IPv6.
NEIGHBOURS: Final = "icmpv6 type { nd-neighbor-solicit, nd-neighbor-advert } accept"
WRITER_LIMIT: Final = 10.0
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


class ActionFailed(ReadinessError):
    """An action or its undo could not be carried out or proven."""


def drill_target(environment: Environment, machine: str) -> SshTarget:
    """How the disturbing user reaches a machine."""
    ssh = environment.ssh
    if ssh is None or ssh.disrupt is None:
        raise ActionFailed("ssh.disrupt: the environment names no user that may disturb")
    return SshTarget(
        name=machine,
        address=environment.machine(machine).addresses[0],
        user=ssh.disrupt.user,
        key_file=environment.path(ssh.disrupt.key) if ssh.disrupt.key else None,
        known_hosts=environment.path(ssh.known_hosts),
        config_file=environment.path(ssh.config) if ssh.config else None,
    )


@contextmanager
def disturbing(run: Run) -> Iterator[Machines]:
    """The connections of a drill: every command is in the record, and makes the run forget."""

    def sent(command: Command) -> None:
        run.writer.write(
            "command", machine=command.machine, user=command.user, command=command.command
        )
        run.disturbed()

    with Machines(sent) as machines:
        yield machines


def _must(answer: Answer, what: str) -> str:
    """The output of a command that had to succeed."""
    if answer.exit_code:
        why = " ".join(answer.stderr.decode(errors="replace").split())[:300]
        raise ActionFailed(f"{what} ended with {answer.exit_code}: {why}")
    return answer.stdout.decode(errors="replace")


class Cut:
    """A machine cut off from everything but itself and the gate's SSH.

    When what happened is known as a bracket: the moment before it was asked for, and the moment
    at which it was seen. None: not, or nobody saw it.
    """

    def __init__(
        self, run: Run, permit: Permit, session: DrillSession, *, machine: str, expiry: float
    ) -> None:
        permit.require(Tier.DISRUPT)
        self.run, self.session, self.machine, self.expiry = run, session, machine, expiry
        self.table = f"readiness_{run.number}_{len(run.journal.pending())}_{run.id[-4:]}"
        self.sent: float | None = None
        self.seen: float | None = None
        self.mending: float | None = None
        self.mended: float | None = None

    @contextmanager
    def held(self) -> Iterator[None]:
        """Cut off until the block ends, however it ends.

        Order: 1. undo on disk, 2. expiry armed and seen on the victim, 3. cut, 4. cut seen. From
        1. on the undo is played at once, whatever happens; what it can't undo stays owed, and ends
        by itself on the victim.

        Raises:
            ActionFailed: a step could not be done or proven, or the cut not be taken back.
        """
        gate, port = _gate_seen_from(self.session)
        arguments = {"machine": self.machine, "table": self.table}
        entry = write_undo(  # 1.
            self.run,
            "network.reconnect",
            arguments,
            target=self.machine,
            expires_in=self.expiry,
        )
        try:
            self._make(gate, port)
            yield
        except BaseException:
            # What ended the block is what people hear of; what was not undone is owed and noted.
            with suppress(ReadinessError):
                self._take_back(entry)
            raise
        self._take_back(entry)

    def _make(self, gate: str, port: int) -> None:
        session, name = self.session, self.table
        # 2.
        unit = _unit(name)
        after = f"--on-active={self.expiry:.0f}"
        arm = ["sudo", "-n", "/usr/bin/systemd-run", after, f"--unit={unit}"]
        _must(session.run([*arm, NFT, "delete", "table", "inet", name]), "arming the expiry")
        shown = session.run(["systemctl", "is-active", f"{unit}.timer"])
        if shown.stdout.strip() != b"active":
            raise ActionFailed(f"{self.machine}: {unit}.timer is not active, nothing was cut")
        # 3.
        newer = ":" in gate
        rules = TABLE.format(
            name=name,
            gate=gate,
            port=port,
            family="ip6" if newer else "ip",
            neighbours=NEIGHBOURS if newer else "",
        )
        self.sent = time.monotonic()
        _must(session.run(["sudo", "-n", NFT, "-f", "-"], stdin=rules.encode()), "cutting")
        # 4.
        if not self.stands():
            raise ActionFailed(f"{self.machine}: the cut {name} is not in force")
        self.seen = time.monotonic()

    def stands(self) -> bool:
        """Whether the cut is in force on the victim."""
        return self.table in _tables(self.session)

    def _take_back(self, entry: str) -> None:
        self.mending = time.monotonic()
        try:
            try:
                proof = reconnect(self.session, self.table)
            except ReadinessError:
                # The connection may be what broke: once more over one of its own.
                proof = on_machine(
                    self.run.environment, self.machine, lambda own: reconnect(own, self.table)
                )
        except ReadinessError as error:
            self.run.writer.write("step", text=f"{self.told()}: {error}")
            raise ActionFailed(
                f"{self.machine}: the cut could not be taken back: {error}; it stays owed, and "
                f"ends by itself {self.expiry:.0f} s after it was made"
            ) from error
        self.mended = time.monotonic()
        if self.sent is not None:
            self.run.writer.write("step", text=self.told())
        settle(self.run, entry, proof)

    def told(self) -> str:
        """What was disturbed, in words; empty when nothing was."""
        if self.sent is None:
            return ""
        if self.mended is None:
            return f"{self.machine} was cut off, and it was not seen that it is back"
        return f"{self.machine} was cut off for at most {self.mended - self.sent:.1f} s"


def write_undo(
    run: Run,
    action: str,
    arguments: Mapping[str, Any],
    *,
    target: str,
    expires_in: float | None = None,
) -> str:
    """Put an undo on disk, before the action that it undoes; its id."""
    entry = UndoEntry.prepare(
        run=run.id,
        environment=run.environment.name,
        environment_file=str(run.environment_file),
        action=action,
        arguments=arguments,
        target=target,
        proof=f"{action} proves it on {target}",
        expires_in=None if expires_in is None else timedelta(seconds=expires_in),
    )
    run.journal.write(entry)
    run.disturbed()
    run.writer.write("undo-written", entry=entry.id, action=action, target=target)
    return entry.id


def settle(run: Run, entry: str, proof: str) -> None:
    """Note that an undo was played and proven."""
    run.disturbed()
    run.journal.mark(entry, "proven", proof)
    run.writer.write("undo-played", entry=entry, reason=proof)


@deferred()
def reconnect(session: DrillSession, table: str) -> str:
    """Take a cut back and prove it; a cut that is gone already is fine."""
    if table in _tables(session):
        gone = session.run(["sudo", "-n", NFT, "delete", "table", "inet", table])
        if gone.exit_code and table in _tables(session):
            _must(gone, "reconnecting")
    if table in _tables(session):
        raise ActionFailed(f"{session.name}: table inet {table} is still there")
    # The timer has nothing left to do; where it is gone already, that is what we want.
    session.run(["sudo", "-n", "/usr/bin/systemctl", "stop", f"{_unit(table)}.timer"])
    return f"no table inet {table} on {session.name}"


def _unit(table: str) -> str:
    return table.replace("_", "-") + "-expiry"


def _tables(session: DrillSession) -> str:
    return _must(session.run(["sudo", "-n", NFT, "list", "tables"]), "listing tables")


def _gate_seen_from(session: DrillSession) -> tuple[str, int]:
    """Our address as the machine sees it, and the SSH port we came in by."""
    words = session.run(["printenv", "SSH_CONNECTION"]).stdout.decode().split()
    try:
        client, _, _, port = words
        return client, int(port)
    except ValueError:
        raise NotUnderstood(f"{session.name}: SSH_CONNECTION says {words}") from None


def on_machine(environment: Environment, machine: str, act: Callable[[DrillSession], str]) -> str:
    """Do something on a machine over a connection of its own.

    Raises:
        ActionFailed: the machine is not reached or the action fails.
    """
    with Machines() as machines:
        try:
            return act(machines.drill(drill_target(environment, machine)))
        except ProbeError as error:
            raise ActionFailed(str(error)) from error


@undo_action("network.reconnect")
def undo_cut(arguments: Mapping[str, Any], environment: Environment) -> str:
    """Take a cut back from wherever the journal is."""
    return on_machine(
        environment, arguments["machine"], lambda session: reconnect(session, arguments["table"])
    )


@undo_action("local-writer.stop")
def undo_local_writer(arguments: Mapping[str, Any], environment: Environment) -> str:
    """Stop a writer that was left on a member; one that has ended is fine."""
    name = arguments["name"]

    def stop(session: DrillSession) -> str:
        end_writer(session, name)
        return remove_writer(session, name)

    return on_machine(environment, arguments["machine"], stop)


def folder_of(writer: str) -> str:
    """The folder of a writer on a member; nobody but its user may look into it."""
    return f"/tmp/{writer}"  # noqa: S108 - its name is random, and it is made exclusively


def log_of(writer: str) -> str:
    """The log of a writer on a member."""
    return f"{folder_of(writer)}/log"


def end_writer(session: DrillSession, writer: str) -> None:
    """End a writer on a member and see that it has ended; one that has ended already is fine.

    Raises:
        ActionFailed: it still runs.
    """
    begun = time.monotonic()
    while session.run(["pgrep", "-f", f"^bash .*{writer}"]).stdout.strip():
        waited = time.monotonic() - begun
        if waited > WRITER_LIMIT:
            raise ActionFailed(f"{session.name}: writer {writer} still runs")
        # Asked first, so that the row in flight gets its line; made to after that.
        signal = "-TERM" if waited < WRITER_LIMIT / 2 else "-KILL"
        session.run(["pkill", signal, "-f", f"^bash .*{writer}"])
        time.sleep(0.2)


def remove_writer(session: DrillSession, writer: str) -> str:
    """Remove what a writer that has ended left on a member; the second name is of older runs."""
    folder = folder_of(writer)
    gone = session.run(["rm", "-rf", folder, f"{folder}.log"])
    if gone.exit_code:
        raise ActionFailed(f"{session.name}: {folder} stays: {gone.complaint}")
    return f"no writer {writer} on {session.name}"
