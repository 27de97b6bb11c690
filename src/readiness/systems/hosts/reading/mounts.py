"""Which file system a folder lies on, as the kernel of its machine says to everybody.

A symbolic link inside a folder that we may not enter is not followed.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

from readiness.model.errors import NotUnderstood

VOLATILE: Final = ("tmpfs", "ramfs")


@dataclass(frozen=True)
class Mount:
    """The file system that a folder lies on."""

    source: str
    point: str
    kind: str


@dataclass(frozen=True)
class Storage:
    """The file system that a folder lies on, and those that folders inside it lie on."""

    own: Mount
    below: tuple[Mount, ...]


def read_mount(text: str, path: str, *, where: str) -> Mount:
    """The line of /proc/mounts that the path lies under: the longest mount point, the last wins."""
    best: Mount | None = None
    for one in _mounts(text):
        within = one.point in ("/", path) or path.startswith(f"{one.point}/")
        if within and (best is None or len(one.point) >= len(best.point)):
            best = one
    if best is None:
        raise NotUnderstood(f"{where}: /proc/mounts has nothing that {path} lies on")
    return best


def mounts_below(text: str, path: str) -> tuple[Mount, ...]:
    """What /proc/mounts has of folders inside the path; the last of a point wins."""
    found = {one.point: one for one in _mounts(text) if one.point.startswith(f"{path}/")}
    return tuple(found[point] for point in sorted(found))


def _mounts(text: str) -> Iterator[Mount]:
    for line in text.splitlines():
        source, point, kind = (*line.split(), "", "", "")[:3]
        yield Mount(source, point, kind)
