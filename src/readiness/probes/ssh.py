"""One persistent SSH connection per machine, many machines at once, driven from plain threads.

The connections live in one background event loop. Host keys are verified strictly: without a
known key there is no connection, and a key that differs from the known one is another system.
The ssh_config file, the agent and ProxyJump are honoured; jump hosts take theirs from ssh_config.
"""

import asyncio
import contextlib
import shlex
import threading
import time
from collections.abc import Callable, Coroutine, Iterable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final, TypeVar

from readiness.model.closing import Closes
from readiness.model.errors import NotUnderstood, ReadinessError, TimedOut, Unreachable
from readiness.probes.commands import require_allowed
from readiness.probes.ssh_target import SshTarget
from readiness.systems.answer import Answer

if TYPE_CHECKING:
    from readiness.probes.ssh_connection import Connection

_T = TypeVar("_T")

CONNECT_TIMEOUT: Final = 10.0  # seconds
COMMAND_TIMEOUT: Final = 15.0  # seconds
_NEVER_RAN: Final = (126, 127)  # a shell's word for "may not be executed" and "not found" (POSIX)
_SESSIONS: Final = 8  # OpenSSH admits 10 sessions per connection unless told otherwise


@dataclass(frozen=True)
class Command:
    """A command that was sent, for the record: when (epoch seconds), how long, what came back."""

    machine: str
    user: str
    command: str
    started: float
    seconds: float
    answer: Answer | None
    problem: str = ""


OnCommand = Callable[[Command], None]


def _ignore(_: Command) -> None:
    """Keep no record."""


class _Loop:
    """An event loop in a thread of its own."""

    def __init__(self) -> None:
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._run, name="readiness-ssh", daemon=True)
        self._thread.start()

    def _run(self) -> None:
        asyncio.set_event_loop(self._loop)
        self._loop.run_forever()

    def wait(self, work: Coroutine[Any, Any, _T]) -> _T:
        """Run a coroutine there and wait for it here."""
        future = asyncio.run_coroutine_threadsafe(work, self._loop)
        try:
            return future.result()
        except BaseException:
            # An interrupt of the waiting thread must not leave the work running unseen.
            future.cancel()
            raise

    def close(self) -> None:
        """Cancel what still runs, stop the loop and wait for its thread."""
        with contextlib.suppress(Exception):
            self.wait(self._cancel_all())
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(timeout=5)
        if not self._thread.is_alive():
            self._loop.close()

    @staticmethod
    async def _cancel_all() -> None:
        others = [t for t in asyncio.all_tasks() if t is not asyncio.current_task()]
        for task in others:
            task.cancel()
        await asyncio.gather(*others, return_exceptions=True)


class _Link:
    """The connection to one machine: opened when first used, opened again after it was lost."""

    def __init__(self, target: SshTarget, loop: _Loop, on_command: OnCommand) -> None:
        self.target = target
        self.user = target.user or ""
        self.fingerprint = ""
        self._loop = loop
        self._on_command = on_command
        self._connection: Connection | None = None
        self._opening: asyncio.Lock | None = None
        self._slots: asyncio.Semaphore | None = None

    async def open(self, limit: float = CONNECT_TIMEOUT) -> None:
        """Connect unless connected; raises ProbeError or WrongTarget."""
        from readiness.probes.ssh_connection import connect  # noqa: PLC0415 - dear, see there

        self._opening = self._opening or asyncio.Lock()
        self._slots = self._slots or asyncio.Semaphore(_SESSIONS)
        async with self._opening:
            if self._connection is not None and not self._connection.lost:
                return
            self._connection = await connect(self.target, limit)
            self.user = self._connection.user
            self.fingerprint = self._connection.fingerprint

    def run(self, command: str, *, stdin: bytes | None, timeout: float) -> Answer:
        """Send one command line and wait for its end; tells the callback either way."""
        started, clock = time.time(), time.monotonic()
        answer, problem = None, ""
        try:
            answer = self._loop.wait(self._run(command, stdin, timeout))
        except ReadinessError as error:
            problem = str(error)
            raise
        finally:
            took = time.monotonic() - clock
            self._on_command(
                Command(self.target.name, self.user, command, started, took, answer, problem)
            )
        return answer

    async def _run(self, command: str, stdin: bytes | None, limit: float) -> Answer:
        try:
            async with asyncio.timeout(limit):
                await self.open()
                return await self._exchange(command, stdin)
        except TimeoutError:
            raise TimedOut(f"{self.target}: no end of {command!r} in {limit:g} s") from None

    async def _exchange(self, command: str, stdin: bytes | None) -> Answer:
        if self._connection is None or self._slots is None:
            raise Unreachable(f"{self.target}: not connected")
        async with self._slots:
            return await self._connection.exchange(command, stdin)

    def close(self) -> None:
        """Close the connection if there is one."""
        self._loop.wait(self._close())

    async def _close(self) -> None:
        if self._connection is not None:
            await self._connection.close()


class ObserveSession:
    """A machine that may only be looked at: a fixed list of commands, answers remembered."""

    def __init__(self, link: _Link) -> None:
        self._link = link
        self._remembered: dict[str, Answer] = {}

    @property
    def name(self) -> str:
        """The machine's name in the environment."""
        return self._link.target.name

    @property
    def where(self) -> str:
        """Name, address and user for a message."""
        return str(self._link.target)

    @property
    def user(self) -> str:
        """As whom we are logged in."""
        return self._link.user

    @property
    def fingerprint(self) -> str:
        """The machine's host key as `SHA256:…`, the machine's identity."""
        return self._link.fingerprint

    def run(
        self, command: str, *, remember: bool = True, timeout: float = COMMAND_TIMEOUT
    ) -> Answer:
        """Run a listed command line; NotPermitted for any other, ProbeError without an answer.

        A program that is not there, or that we may not run, has not answered anything.
        """
        require_allowed(command)
        if remember and command in self._remembered:
            return self._remembered[command]
        answer = self._link.run(command, stdin=None, timeout=timeout)
        # `command -v` asks whether there is one, and that ends like this where there is none.
        if answer.exit_code in _NEVER_RAN and not command.startswith("command -v "):
            raise NotUnderstood(f"{self.where}: {answer.complaint}")
        if remember:
            self._remembered[command] = answer
        return answer

    def forget(self) -> None:
        """Ask again from now on: something may have changed."""
        self._remembered.clear()


class DrillSession:
    """A machine as the user that may disturb it; what it may run is the machine's to say (sudo)."""

    def __init__(self, link: _Link) -> None:
        self._link = link

    @property
    def name(self) -> str:
        """The machine's name in the environment."""
        return self._link.target.name

    @property
    def user(self) -> str:
        """As whom we are logged in."""
        return self._link.user

    @property
    def fingerprint(self) -> str:
        """The machine's host key as `SHA256:…`, the machine's identity."""
        return self._link.fingerprint

    def run(
        self,
        argv: Sequence[str],
        *,
        stdin: bytes | None = None,
        timeout: float = COMMAND_TIMEOUT,  # seconds
    ) -> Answer:
        """Run one program with exactly these arguments; each is quoted for the remote shell."""
        return self._link.run(shlex.join(argv), stdin=stdin, timeout=timeout)


class ScanSession:
    """A vantage point as the user that scans: it runs Python on what comes over standard input."""

    COMMAND: Final = "python3 -I -"

    def __init__(self, link: _Link) -> None:
        self._link = link

    @property
    def where(self) -> str:
        """Name, address and user for a message."""
        return str(self._link.target)

    @property
    def user(self) -> str:
        """As whom we are logged in."""
        return self._link.user

    def run(self, program: bytes, *, timeout: float) -> Answer:  # seconds
        """Run a program of ours there; ProbeError without an answer."""
        return self._link.run(self.COMMAND, stdin=program, timeout=timeout)


class Machines(Closes):
    """All SSH connections of a run; a context manager that closes them."""

    def __init__(self, on_command: OnCommand = _ignore) -> None:
        self._on_command = on_command
        self._loop = _Loop()
        self._links: list[_Link] = []

    def connect(
        self, targets: Iterable[SshTarget], *, timeout: float = CONNECT_TIMEOUT
    ) -> dict[str, ObserveSession | ReadinessError]:
        """Connect to all targets at once: per machine name a session, or why there is none."""
        links = [self._link(target) for target in targets]
        problems = self._loop.wait(_open_all(links, timeout))
        return {
            link.target.name: problem or ObserveSession(link)
            for link, problem in zip(links, problems, strict=True)
        }

    def observe(self, target: SshTarget, *, timeout: float = CONNECT_TIMEOUT) -> ObserveSession:
        """Connect to one machine for looking; raises ProbeError or WrongTarget."""
        link = self._link(target)
        self._loop.wait(link.open(timeout))
        return ObserveSession(link)

    def drill(self, target: SshTarget, *, timeout: float = CONNECT_TIMEOUT) -> DrillSession:
        """Connect to one machine for disturbing it; raises ProbeError or WrongTarget."""
        link = self._link(target)
        self._loop.wait(link.open(timeout))
        return DrillSession(link)

    def scan(self, target: SshTarget, *, timeout: float = CONNECT_TIMEOUT) -> ScanSession:
        """Connect to one machine for scanning from it; raises ProbeError or WrongTarget."""
        link = self._link(target)
        self._loop.wait(link.open(timeout))
        return ScanSession(link)

    def close(self) -> None:
        """Close every connection and the event loop."""
        for link in self._links:
            link.close()
        self._links.clear()
        self._loop.close()

    def _link(self, target: SshTarget) -> _Link:
        link = _Link(target, self._loop, self._on_command)
        self._links.append(link)
        return link


async def _open_all(links: Sequence[_Link], limit: float) -> list[ReadinessError | None]:
    async def attempt(link: _Link) -> ReadinessError | None:
        try:
            await link.open(limit)
        except ReadinessError as error:
            return error
        return None

    return list(await asyncio.gather(*(attempt(link) for link in links)))
