"""The connections of a run, and the questions that suites ask over them.

One connection per machine and per database member, opened when first needed, all machines at once.
Everything that is asked goes through `Look`: recorded, and remembered until the next disturbance.
"""

from collections.abc import Callable, Collection, Iterable
from contextlib import ExitStack, suppress
from functools import partial
from pathlib import Path
from threading import Lock
from typing import Any, TypeVar

from readiness.evidence.claim import Found
from readiness.model.errors import NotRun, ReadinessError
from readiness.model.words import Permission
from readiness.probes.declared import DeclaringSession
from readiness.probes.ssh import Command, Machines, ObserveSession
from readiness.probes.ssh_target import target
from readiness.probes.testinfra_backend import testinfra_host
from readiness.session.kept import Kept
from readiness.session.look import Look
from readiness.session.permitted import permitted
from readiness.session.run import Run
from readiness.site.declared.machine import Machine
from readiness.site.environment import Environment
from readiness.systems.asker import Asker, C
from readiness.systems.asking import asker_of
from readiness.systems.token import R, S, Source

T = TypeVar("T")


class Clients:
    """Everything a run looks through; close it at the end."""

    def __init__(self, run: Run) -> None:
        self.run = run
        self.site: Environment = run.environment
        self.look = Look(run, also=self._forget)
        self._stack = ExitStack()
        self._machines = self._stack.enter_context(Machines(self.note_command))
        self._ssh: dict[str, ObserveSession | ReadinessError] = {}
        self._connecting = Lock()
        self._kept = Kept()

    def close(self) -> None:
        """Close every connection."""
        self._stack.close()
        self._kept.close()

    def _forget(self) -> None:
        """Answers over connections end, that there is none too, and what a login may do."""
        for name, session in list(self._ssh.items()):
            if isinstance(session, ObserveSession):
                session.forget()
            else:
                del self._ssh[name]
        self._kept.close()

    @property
    def permissions(self) -> Collection[Permission]:
        """What the run is permitted beside looking."""
        return self.run.plan.permissions

    def ask(self, source: Source[S, R], subject: S) -> Found[R]:
        """What a source says about a subject; the first question asks all of its kind at once.

        Raises:
            ProbeError: it could not be found out, now or when it was first asked.
            NotRun: something is not declared, not permitted or not installed.
        """
        asker = asker_of(source)
        self.look.await_begun(source.key)
        if not self.look.knows(subject.id, source.key):
            self.look.ahead(*self._everybody(asker))
        return self.look.at(subject.id, source.key, lambda: asker.ask(self, subject))

    def begin(self, sources: Iterable[Source[Any, Any]]) -> None:
        """Ask what is asked early of all of its kind, beside what else is asked from now on."""
        for source in sources:
            with suppress(NotRun):  # each case is told
                asker = asker_of(source)
                if asker.early:
                    self.look.begin(*self._everybody(asker))

    def _everybody(self, asker: Asker[S, R]) -> tuple[str, tuple[S, ...], Callable[[S], R], int]:
        """How all of a kind are asked at once: source, subjects, question and threads."""
        ask = partial(asker.ask, self)
        return asker.source.key, asker.everyone(self.site), ask, asker.at_once

    def kept(self, key: str, opened: Callable[[], C]) -> C:
        """A connection that is opened when it is first asked for, until the next disturbance."""
        return self._kept.get(key, opened)

    def note_command(self, command: Command) -> None:
        """Put into the record what was sent to a machine."""
        self.run.writer.write(
            "command", machine=command.machine, user=command.user, command=command.command
        )

    # Authorities

    def authority(self, name: str) -> Path:
        """The file of a declared authority."""
        return self.site.path(self.site.authorities[name])

    def authority_pem(self, name: str) -> bytes:
        """What the file of a declared authority holds.

        Raises:
            UsageError: the file is missing or unreadable.
        """
        return self.site.content(self.site.authorities[name])

    # Machines

    def session(self, machine: Machine) -> ObserveSession:
        """An observing SSH connection.

        Raises:
            ProbeError: the machine is not reached.
            NotRun: no SSH is declared for it.
        """
        self._connect()
        found = self._ssh.get(machine.name) or NotRun(f"{machine.name}: no SSH is declared for it")
        if isinstance(found, ReadinessError):
            raise found
        return found

    def _connect(self) -> None:
        """Connect to every machine that was not tried since the last disturbance."""
        with self._connecting:
            wanted = [one for one in self.site.machines if one.ssh and one.name not in self._ssh]
            if wanted and self.site.ssh:
                login = self.site.ssh.observe
                found = self._machines.connect(
                    [target(self.site, one.name, one.addresses[0], login) for one in wanted]
                )
                self._ssh |= {name: self._declaring(name, one) for name, one in found.items()}

    def _declaring(
        self, name: str, session: ObserveSession | ReadinessError
    ) -> ObserveSession | ReadinessError:
        """The session on a machine, with what is declared for it besides the fixed list."""
        also = permitted(self.site, name)
        if isinstance(session, ReadinessError) or not also:
            return session
        return DeclaringSession.over(session, also)

    def host(self, machine: Machine) -> Any:
        """A machine in testinfra's vocabulary: `host(m).service("chrony").is_running`."""
        return testinfra_host(self.session(machine))
