"""What every disturbing action needs: a connection, and the undo that is written before it.

Besides, the writer that a drill leaves on a member while it lasts, and how it is taken away.
"""

import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from datetime import timedelta
from typing import Any, Final

from readiness.evidence.undo import UndoEntry, undo_action
from readiness.model.errors import ProbeError, ReadinessError
from readiness.probes.ssh import Command, DrillSession, Machines
from readiness.probes.ssh_target import SshTarget
from readiness.session.run import Run
from readiness.site.environment import Environment
from readiness.systems.answer import Answer

WRITER_LIMIT: Final = 10.0


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
        known_hosts=environment.path(ssh.known_hosts) if ssh.known_hosts else None,
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


def must(answer: Answer, what: str) -> str:
    """The output of a command that had to succeed."""
    if answer.exit_code:
        why = " ".join(answer.stderr.decode(errors="replace").split())[:300]
        raise ActionFailed(f"{what} ended with {answer.exit_code}: {why}")
    return answer.stdout.decode(errors="replace")


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
