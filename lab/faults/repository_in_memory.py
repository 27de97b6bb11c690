"""The repository's disk did not come back after a boot, and a file system in memory lies there."""

from lab.faults import Fault
from lab.faults import _backup as backup
from lab.scene import Scene


def apply(scene: Scene) -> None:
    """Move what it holds into memory, as it is."""
    backup.moved_into_memory(scene, backup.REPOSITORY)


def took_effect(scene: Scene) -> str:
    """The kernel says so."""
    kind = backup.kind_of(scene, backup.REPOSITORY)
    return f"{backup.REPOSITORY} is a {kind}" if kind == "tmpfs" else ""


def undo(scene: Scene) -> None:
    """The disk is there again; what was archived meanwhile is not on it."""
    backup.moved_back(scene, backup.REPOSITORY)
    backup.anew(scene)


FAULT = Fault(
    name="repository-in-memory",
    title="The repository lies in memory: everything in it is right until the next start",
    why="A missing mount does not stop anybody from writing to the folder that is there instead.",
    kind="backup",
    shape="false-green",
    reddens={"BKP-004": {backup.SUBJECT: r"file system at /var/lib/pgbackrest .*found tmpfs"}},
    apply=apply,
    took_effect=took_effect,
    undo=undo,
    naive=backup.recent_backup,
)
