"""One control group per machine, under every hierarchy that systemd uses on this host.

They are also the lab's memory of what it started: whatever runs in them is the lab's, and nothing
else is, also after the lab tool itself was killed. Both layouts are served, cgroup v2 alone and the
hybrid one (a named v1 hierarchy beside v2).
"""

import contextlib
import os
import signal
import time
from collections.abc import Callable, Iterator
from pathlib import Path

from lab.errors import LabError

MOUNTS = Path("/proc/self/mountinfo")


def hierarchies(mountinfo: str) -> list[Path]:
    """Where systemd's own hierarchies are mounted: v2, and v1's ``name=systemd``."""
    found: list[Path] = []
    for line in mountinfo.splitlines():
        left, _, right = line.partition(" - ")
        kind, _, options = right.partition(" ")
        named = "name=systemd" in options.replace(" ", ",").split(",")
        if kind == "cgroup2" or (kind == "cgroup" and named):
            found.append(Path(left.split()[4]))
    return found


def _roots() -> list[Path]:
    roots = hierarchies(MOUNTS.read_text())
    if not roots:
        raise LabError("no cgroup hierarchy for systemd is mounted (expected cgroup2)")
    return roots


def create(group: str) -> list[Path]:
    """Make a group and return its ``cgroup.procs`` files; a pid written to each joins it."""
    files: list[Path] = []
    for root in _roots():
        folder = root / group
        folder.mkdir(parents=True, exist_ok=True)
        files.append(folder / "cgroup.procs")
    return files


def members(group: str) -> set[int]:
    """Every process in the group or below it."""
    pids: set[int] = set()
    for folder in _folders(group):
        # The group may go away between listing and reading.
        with contextlib.suppress(OSError):
            pids.update(int(pid) for pid in (folder / "cgroup.procs").read_text().split())
    return pids


def clear(group: str, *, deadline: float = 15.0) -> None:
    """End every process in the group with SIGKILL and remove the group with all below it.

    Raises:
        LabError: some are still there after ``deadline`` seconds.
    """

    def strike() -> bool:
        for pid in members(group):
            send(pid, signal.SIGKILL)
        for folder in sorted(_folders(group), key=lambda each: len(each.parts), reverse=True):
            # Busy while somebody still dies in it, or has just come in: struck again.
            with contextlib.suppress(OSError):
                folder.rmdir()
        return not exists(group)

    if not wait_until(strike, deadline):
        raise LabError(f"processes of {group} do not die: {sorted(members(group))}")


def exists(group: str) -> bool:
    """Whether the group is there in any hierarchy."""
    return any((root / group).is_dir() for root in _roots())


def send(pid: int, number: int) -> None:
    """Send a signal to a process that may have ended meanwhile."""
    with contextlib.suppress(ProcessLookupError):
        os.kill(pid, number)


def wait_until(holds: Callable[[], bool], seconds: float, *, pause: float = 0.05) -> bool:
    """Ask until it holds or the time is over; whether it held."""
    end = time.monotonic() + seconds
    while not holds():
        if time.monotonic() >= end:
            return False
        time.sleep(pause)
    return True


def _folders(group: str) -> Iterator[Path]:
    for root in _roots():
        top = root / group
        if top.is_dir():
            for where, _, _ in os.walk(top):
                yield Path(where)
