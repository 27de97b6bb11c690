"""Reads how much room file systems have left, of those that anything is written to."""

import re
from collections.abc import Mapping

from readiness.model.errors import NotUnderstood
from readiness.systems.hardening.reading import FileSystem, Space

# They are as they were made, whatever is free in them; the last is the firmware's.
_NEVER_WRITTEN = ("squashfs", "iso9660", "erofs", "cramfs", "romfs", "udf", "efivarfs")
_COLUMNS = 6


def read_space(table: str, mounts: str, *, where: str) -> Space:
    """What `df` says of each file system, and what /proc/mounts says of how it is mounted."""
    mounted = _mounted(mounts)
    found: list[FileSystem] = []
    read_only: list[str] = []
    lines = table.splitlines()[1:]
    for line in lines:
        parts = line.split(None, _COLUMNS - 1)
        if len(parts) != _COLUMNS:
            raise NotUnderstood(f"{where}: expected six columns of df, found {line[:80]!r}")
        kind, point = parts[0], parts[5]
        size, free, inodes, free_inodes = (0 if one == "-" else int(one) for one in parts[1:5])
        if kind in _NEVER_WRITTEN or "ro" in mounted.get(point, ("", ()))[1]:
            read_only.append(point)
        elif size:
            found.append(FileSystem(kind, point, size, free, inodes, free_inodes))
    return Space(tuple(found), tuple(read_only), _unseen(mounted, {*_points(lines)}))


def _points(lines: list[str]) -> list[str]:
    return [line.split(None, _COLUMNS - 1)[5] for line in lines]


def _mounted(text: str) -> dict[str, tuple[str, tuple[str, ...]]]:
    """Device and options by mount point; the last of a point is the one that is seen."""
    found: dict[str, tuple[str, tuple[str, ...]]] = {}
    for line in text.splitlines():
        parts = line.split(" ")
        if len(parts) > len(("source", "point", "kind")):
            point = re.sub(r"\\([0-7]{3})", lambda one: chr(int(one[1], 8)), parts[1])
            found[point] = (parts[0], tuple(parts[3].split(",")))
    return found


def _unseen(mounted: Mapping[str, tuple[str, tuple[str, ...]]], seen: set[str]) -> tuple[str, ...]:
    """Where a device is mounted that `df` told nothing of, here or at another of its points."""
    told = {mounted[one][0] for one in seen if one in mounted}
    return tuple(
        point
        for point, (device, options) in sorted(mounted.items())
        if device.startswith("/dev/") and device not in {*told, "/dev/fuse"} and "ro" not in options
    )
