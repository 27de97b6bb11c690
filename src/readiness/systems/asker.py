"""How a token is asked: an asker binds it to the connections of a run."""

from collections.abc import Callable, Collection, Iterable
from dataclasses import dataclass
from typing import Any, Final, Generic, Protocol, TypeVar

from readiness.model.words import Permission
from readiness.probes.ssh import Command, ObserveSession
from readiness.site.declared.machine import Machine
from readiness.site.environment import Environment
from readiness.systems.token import A, Ask, R, S, Source, Sources

# Threads that ask at once: systems answer in milliseconds, and the gate's machine may be small.
AT_ONCE: Final = 8


class Closing(Protocol):
    """A connection of whatever kind."""

    def close(self) -> None:
        """End it."""


C = TypeVar("C", bound=Closing)


class Connections(Protocol):
    """What an asker asks over; connections are opened when first needed."""

    @property
    def site(self) -> Environment:
        """What is declared."""

    @property
    def permissions(self) -> Collection[Permission]:
        """What the run is permitted beside looking."""

    @property
    def ask(self) -> Ask:
        """Asks another source, for what has to be known before."""

    def session(self, machine: Machine) -> ObserveSession:
        """An observing SSH connection.

        Raises:
            ProbeError: the machine is not reached.
            NotRun: no SSH is declared for it.
        """

    def kept(self, key: str, opened: Callable[[], C]) -> C:
        """A connection that is opened when it is first asked for, until the next disturbance."""

    def note_command(self, command: Command) -> None:
        """Put into the record what was sent over a connection that an asker keeps."""

    def authority_pem(self, name: str) -> bytes:
        """What the file of a declared authority holds.

        Raises:
            UsageError: the file is missing or unreadable.
        """


def by_itself(_: Environment, __: object = None) -> Iterable[Any]:
    """Nobody else is asked together with the one that is asked about."""
    return ()


@dataclass(frozen=True)
class Asker(Generic[S, R]):
    """How a source is asked about one subject.

    `together` gives who is asked at once, the first time that one of them is needed: all of the
    source's kind where it is None. `at_once` is the number of threads that do so. What is asked
    `early` is asked beside all else from a run's beginning: whoever is asked has to wait for others
    or for a clock, and no connection is shared with another question.
    """

    source: Source[S, R]
    ask: Callable[[Connections, S], R]
    together: Callable[[Environment], Iterable[S]] | None = None
    at_once: int = AT_ONCE
    early: bool = False

    def everyone(self, site: Environment) -> tuple[S, ...]:
        """Who is asked at once."""
        found = self.together(site) if self.together else self.source.each.of(site).values()
        return tuple(found)


@dataclass(frozen=True)
class AskerOf(Generic[A, S, R]):
    """How sources of one name are asked, given the argument that they differ in."""

    source: Sources[A, S, R]
    ask: Callable[[Connections, A, S], R]
    together: Callable[[Environment, A], Iterable[S]] | None = None
    at_once: int = AT_ONCE

    def of(self, source: Source[S, R]) -> Asker[S, R]:
        """The asker of one of them."""
        argument, together = source.argument, self.together
        return Asker(
            source,
            lambda connections, subject: self.ask(connections, argument, subject),
            None if together is None else lambda site: together(site, argument),
            self.at_once,
        )


AnyAsker = Asker[Any, Any] | AskerOf[Any, Any, Any]
Askers = tuple[AnyAsker, ...]
