"""One run at a time per environment, and stopping it from any terminal.

The lease is a kernel lock (flock) on the file `lease`; its JSON contents only say who holds it.
The lock goes when its last holder dies, so what a killed run leaves behind is stale words, which
are reported and never in the way. A child that was handed the descriptor keeps the lease alive
after its parent: the environment is free only when nobody that belongs to the run is left.
"""

import json
import os
import signal
import socket
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from readiness.evidence import durable, locking
from readiness.model.clock import Clock, boot_id
from readiness.model.errors import LeaseHeld, StateError

# Somebody who only asks whether the lease is held locks it for an instant.
_PATIENCE_S = 0.5


@dataclass(frozen=True)
class Holder:
    """Who holds (or, stale, held) an environment."""

    run: str
    tier: str
    number: int | None
    pid: int
    process_start: int | None
    """Clock ticks after boot at which the process started; tells it from a later one of its pid."""
    host: str
    boot_id: str
    started: str

    def __str__(self) -> str:
        """Who, since when, and which process, in one line."""
        number = "" if self.number is None else f" (number {self.number})"
        return f"run {self.run}{number}, tier {self.tier}, since {self.started}, pid {self.pid}"

    def is_alive(self) -> bool:
        """Tell whether the same process, not only the same pid, still runs on this machine."""
        here = self.host == socket.gethostname() and self.boot_id == boot_id()
        return here and self.process_start is not None and _start_of(self.pid) == self.process_start


class Lease:
    """The exclusive right to examine an environment; a context manager."""

    def __init__(self, folder: Path, *, run: str, tier: str, number: int | None = None) -> None:
        """Prepare the lease in a folder made by `state_directory`; nothing is taken yet."""
        self.path = folder / "lease"
        self.stale: Holder | None = None
        """Who left the lease without giving it back, known after `acquire`."""
        self._holder = Holder(
            run=run,
            tier=tier,
            number=number,
            pid=os.getpid(),
            process_start=_start_of(os.getpid()),
            host=socket.gethostname(),
            boot_id=boot_id(),
            started=Clock().now().utc,
        )
        self._descriptor: int | None = None

    def acquire(self) -> None:
        """Take the lease.

        Raises:
            LeaseHeld: another run has it; the message is one line that names it.
            StateError: the lease file cannot be written.
        """
        if self._descriptor is not None:
            raise StateError(f"{self.path}: this run holds the lease already")
        descriptor = durable.open_append(self.path)
        if not locking.try_lock(descriptor, patience=_PATIENCE_S):
            os.close(descriptor)
            raise LeaseHeld(_held(self.path))
        try:
            self.stale = _read(self.path)
            _write(descriptor, self.path, self._holder)
        except BaseException:
            os.close(descriptor)
            raise
        self._descriptor = descriptor

    def set_run(self, run: str, number: int) -> None:
        """Say which run it is: names have the number, which is given out once the lease was had."""
        self._holder = replace(self._holder, run=run, number=number)
        _write(self.fileno(), self.path, self._holder)

    def fileno(self) -> int:
        """Return the descriptor to hand to a child (`pass_fds`) that belongs to the run."""
        if self._descriptor is None:
            raise StateError(f"{self.path}: this run does not hold the lease")
        return self._descriptor

    def release(self) -> None:
        """Give the lease back; a second time does nothing."""
        if self._descriptor is not None:
            os.ftruncate(self._descriptor, 0)
            os.close(self._descriptor)
            self._descriptor = None

    def __enter__(self) -> Self:
        self.acquire()
        return self

    def __exit__(
        self,
        exc_type: type[BaseException] | None,
        exc: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.release()


def holder(folder: Path) -> Holder | None:
    """Return who holds an environment right now; None when it is free."""
    path = folder / "lease"
    return (_read(path) or _unnamed()) if locking.is_locked(path) else None


@dataclass(frozen=True)
class Halt:
    """A wish that the environment's run stops."""

    reason: str
    requested: str
    """Wall clock, ISO 8601 in UTC."""


@dataclass(frozen=True)
class HaltOutcome:
    """What `readiness halt` did, for its one line and its exit code."""

    requested: bool
    signalled: bool
    detail: str
    found: Holder | None = None
    """Who held the environment."""


def request_halt(folder: Path, reason: str) -> None:
    """Ask the environment's run to stop; the first reason stays until it is cleared."""
    with locking.appending(folder / "halt") as descriptor:
        fields = {"schema": 1, "reason": reason, "requested": Clock().now().utc}
        durable.append_object(descriptor, fields)


def halt_requested(folder: Path) -> Halt | None:
    """Return the wish to stop; whatever the file holds is one. Cheap enough for an abort loop."""
    path = folder / "halt"
    if not path.exists():
        return None
    try:
        lines = [line for line in durable.read_lines(path) if not line.torn]
        fields = durable.read_object(path, lines[0]) if lines else {}
    except StateError as error:
        fields = {"reason": str(error)}
    reason = str(fields.get("reason", "no reason was given"))
    return Halt(reason=reason, requested=str(fields.get("requested", "")))


def clear_halt(folder: Path) -> None:
    """Forget the wish; a run does this once it has the lease, before anything else."""
    try:
        (folder / "halt").unlink(missing_ok=True)
        durable.sync_folder(folder)
    except OSError as error:
        raise StateError(f"{folder / 'halt'}: cannot be removed: {error.strerror}") from error


def halt(folder: Path, reason: str) -> HaltOutcome:
    """Stop the environment's run: leave the wish, and interrupt its process if it is the same."""
    found = holder(folder)
    if found is None:
        return HaltOutcome(requested=False, signalled=False, detail="no run holds the environment")
    trouble = ""
    try:
        request_halt(folder, reason)
    except StateError as error:
        # A full disk must not keep a run from being stopped.
        trouble = f"; {error}"
    signalled = _interrupt(found)
    detail = "interrupted" if signalled else "left a note for (its process is gone or not here)"
    return HaltOutcome(
        requested=not trouble, signalled=signalled, detail=f"{detail} {found}{trouble}", found=found
    )


def _interrupt(found: Holder) -> bool:
    """Ask the holder to end; the pid cannot pass to another process between look and signal.

    By SIGTERM: a run that was started with `&` in a script ignores SIGINT.
    """
    if not found.is_alive():
        return False
    try:
        process = os.pidfd_open(found.pid)
    except OSError:
        return False
    try:
        if not found.is_alive():
            return False
        signal.pidfd_send_signal(process, signal.SIGTERM)
    except OSError:
        return False
    finally:
        os.close(process)
    return True


def _held(path: Path) -> str:
    found = _read(path)
    who = "a run that is just starting or ending" if found is None else str(found)
    if found is not None and not found.is_alive():
        who += " (that process is gone or on another machine; something it started is still there)"
    return f"environment {path.parent.name} is held by {who}; wait, or stop it: readiness halt"


def _unnamed() -> Holder:
    return Holder(
        run="unknown",
        tier="unknown",
        number=None,
        pid=0,
        process_start=None,
        host="",
        boot_id="",
        started="unknown",
    )


def _read(path: Path) -> Holder | None:
    """Read who wrote the lease; words that make no sense are no obstacle and name nobody."""
    try:
        fields: dict[str, Any] = json.loads(path.read_bytes())
        found = Holder(**{key: fields[key] for key in Holder.__dataclass_fields__})
    except (OSError, ValueError, RecursionError, KeyError, TypeError):
        return None
    return found if type(found.pid) is int else None


def _write(descriptor: int, path: Path, who: Holder) -> None:
    """Replace the contents; the caller holds the lock."""
    try:
        os.ftruncate(descriptor, 0)
    except OSError as error:
        raise StateError(f"{path}: cannot be written: {error.strerror}") from error
    durable.append_object(descriptor, {"schema": 1, **asdict(who)}, name=path)


def _start_of(pid: int) -> int | None:
    """Return field 22 of /proc/PID/stat (proc(5)); None where there is no such process."""
    try:
        stat = Path(f"/proc/{pid}/stat").read_bytes()
    except OSError:
        return None
    # The command name may hold spaces and brackets; what follows its last bracket may not.
    return int(stat.rpartition(b")")[2].split()[19])
