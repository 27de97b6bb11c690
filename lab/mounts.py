"""Overlays of the lab on this host: an image below, a machine's own layer above."""

from collections.abc import Sequence
from functools import partial
from pathlib import Path

from lab.cgroups import wait_until
from lab.errors import LabError
from lab.host import call

MOUNTS = Path("/proc/self/mountinfo")
# Somebody who walks over the host's files, as an indexer does, leaves a mount within seconds.
BUSY_LIMIT = 20.0
BUSY_PAUSE = 0.5


def overlay(lower: Sequence[Path], machine_folder: Path) -> Path:
    """Mount a machine's root and return it.

    Args:
        lower: read-only layers, the topmost first.
        machine_folder: holds ``upper``, ``work`` and ``root``; they are made.
    """
    upper, work, root = (machine_folder / name for name in ("upper", "work", "root"))
    for folder in (upper, work, root):
        folder.mkdir(mode=0o755, parents=True, exist_ok=True)
    layers = ":".join(str(layer) for layer in lower)
    # Without it a folder of a lower layer can not be renamed, as a dropped replication slot is.
    options = f"redirect_dir=on,lowerdir={layers},upperdir={upper},workdir={work}"
    call(["mount", "-t", "overlay", "-o", options, "overlay", root])
    return root


def below(folder: Path, mountinfo: str) -> list[Path]:
    """Every mount point at or below a folder, the deepest first."""
    points = (Path(line.split()[4].replace("\\040", " ")) for line in mountinfo.splitlines())
    inside = (point for point in points if point == folder or folder in point.parents)
    return sorted(inside, key=lambda point: len(point.parts), reverse=True)


def unmount_below(folder: Path) -> None:
    """Unmount everything at or below a folder, and wait for whoever looks into it.

    Raises:
        LabError: a mount stayed busy.
    """
    for point in below(folder, MOUNTS.read_text()):
        if not wait_until(partial(_unmounted, point), BUSY_LIMIT, pause=BUSY_PAUSE):
            call(["umount", point])


def _unmounted(point: Path) -> bool:
    """Whether it could be unmounted."""
    try:
        call(["umount", point])
    except LabError:
        return False
    return True
