"""A disturbance that a site declares as two commands: one that makes it, one that takes it back.

Both run by sudo on the machine. The second is what the undo and the timer on the machine play, so
it must be right at any time and more than once. Whether the first has an effect is seen by whoever
looks at the service, not by the command's word.
"""

import shlex
import time
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final

from readiness.drills.actions import must, on_machine
from readiness.drills.disturbance import SYSTEMCTL, Disturbance
from readiness.drills.permit import Permit
from readiness.evidence.undo import undo_action
from readiness.model.interrupts import deferred
from readiness.probes.ssh import DrillSession
from readiness.session.run import Run
from readiness.site.environment import Environment

_SUDO: Final = ("sudo", "-n")


class Commanded(Disturbance):
    """What a declared command makes, until another one takes it back."""

    fault, begun, ended, noun = "command", "disturbed", "taken back", "disturbance"
    undo = "command.end"

    def __init__(
        self,
        run: Run,
        permit: Permit,
        session: DrillSession,
        *,
        machine: str,
        expiry: float,
        commands: tuple[Sequence[str], Sequence[str]],
        what: str,
        first: Callable[[], None] = lambda: None,
    ) -> None:
        super().__init__(run, permit, session, machine=machine, expiry=expiry)
        self._make_it, self._end_it = commands
        self._what, self._first = what, first

    def _arguments(self) -> Mapping[str, str]:
        return {"command": shlex.join(self._end_it), "timer": self.name}

    def _healing(self) -> list[str]:
        return [*self._end_it]

    def _make(self) -> None:
        self._first()
        # What is begun right before belongs to the time before.
        self.sent = time.monotonic()
        must(self.session.run([*_SUDO, *self._make_it]), self._what)

    def stands(self) -> bool:
        """The command said so by its exit status; the effect is the trial's to see."""
        return True

    def _undone(self, session: DrillSession) -> str:
        return ended(session, self._end_it, self.name)

    def was(self) -> str:
        """`was`, and what the site calls it."""
        return f"was {self._what}"


@deferred()
def ended(session: DrillSession, command: Sequence[str], timer: str) -> str:
    """Play the command that takes it back; one that was played already is played again."""
    must(session.run([*_SUDO, *command]), f"ending by {command[0]}")
    # The timer has nothing left to do; where it is gone already, that is what we want.
    unit = f"{timer.replace('_', '-')}-expiry.timer"
    session.run([*_SUDO, SYSTEMCTL, "stop", unit])
    return f"{command[0]} said on {session.name} that it is taken back"


@undo_action("command.end")
def undo_command(arguments: Mapping[str, Any], environment: Environment) -> str:
    """Take back what a declared command made, from wherever the journal is."""
    command, timer = shlex.split(arguments["command"]), arguments["timer"]
    return on_machine(
        environment, arguments["machine"], lambda session: ended(session, command, timer)
    )
