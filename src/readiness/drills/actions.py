"""Disturbing actions on machines, each with the undo that is written before it.

The cut: a firewall table on the victim that drops everything but loopback and the gate's own SSH,
so that the gate can always take it back. A timer on the victim, set and proven before the cut,
takes it back by itself.
"""

import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import timedelta
from typing import Any, Final

from readiness.drills.permit import Permit
from readiness.environment import Environment
from readiness.errors import NotUnderstood, ProbeError, ReadinessError
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


@dataclass(frozen=True)
class Cut:
    """A cut that is in force."""

    machine: str
    table: str
    entry: str


def cut_off(run: Run, permit: Permit, session: DrillSession, *, expiry: float, machine: str) -> Cut:
    """Cut a machine off from everything but itself and the gate's SSH.

    Order: 1. undo on disk, 2. expiry armed and seen on the victim, 3. cut, 4. cut seen.

    Raises:
        ActionFailed: a step could not be done or proven; the undo entry stays pending.
        NotRun: the permit does not cover it.
    """
    permit.require(Tier.DISRUPT)
    gate, port = _gate_seen_from(session)
    name = f"readiness_{run.number}_{len(run.journal.pending())}_{run.id[-4:]}"
    arguments = {"machine": machine, "table": name}
    # 1.
    entry = write_undo(run, "network.reconnect", arguments, target=machine, expires_in=expiry)
    # 2.
    unit = _unit(name)
    arm = ["sudo", "-n", "/usr/bin/systemd-run", f"--on-active={expiry:.0f}", f"--unit={unit}"]
    _must(session.run([*arm, NFT, "delete", "table", "inet", name]), "arming the expiry")
    shown = session.run(["systemctl", "is-active", f"{unit}.timer"])
    if shown.stdout.strip() != b"active":
        raise ActionFailed(f"{machine}: the expiry {unit}.timer is not active, nothing was cut")
    # 3.
    newer = ":" in gate
    rules = TABLE.format(
        name=name,
        gate=gate,
        port=port,
        family="ip6" if newer else "ip",
        neighbours=NEIGHBOURS if newer else "",
    )
    _must(session.run(["sudo", "-n", NFT, "-f", "-"], stdin=rules.encode()), "cutting")
    # 4.
    if name not in _tables(session):
        raise ActionFailed(f"{machine}: the cut {name} is not in force")
    return Cut(machine, name, entry)


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
        begun = time.monotonic()
        while session.run(["pgrep", "-f", f"^bash .*{name}"]).stdout.strip():
            waited = time.monotonic() - begun
            if waited > WRITER_LIMIT:
                raise ActionFailed(f"{session.name}: writer {name} still runs")
            # Asked first, so that the row in flight gets its line; made to after that.
            signal = "-TERM" if waited < WRITER_LIMIT / 2 else "-KILL"
            session.run(["pkill", signal, "-f", f"^bash .*{name}"])
            time.sleep(0.2)
        session.run(["rm", "-f", f"/tmp/{name}.log"])  # noqa: S108 - the writer's own file
        return f"no writer {name} on {session.name}"

    return on_machine(environment, arguments["machine"], stop)
