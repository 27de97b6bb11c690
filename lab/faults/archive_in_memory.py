"""The folder of the archived WAL lies in memory, the backups beside it on a disk."""

from lab.faults import Fault
from lab.faults import _backup as backup
from lab.scene import Scene

FOLDER = f"{backup.REPOSITORY}/archive"


def apply(scene: Scene) -> None:
    """Move what it holds into memory, as it is."""
    backup.moved_into_memory(scene, FOLDER)


def took_effect(scene: Scene) -> str:
    """The kernel says so."""
    kind = backup.kind_of(scene, FOLDER)
    return f"{FOLDER} is a {kind}" if kind == "tmpfs" else ""


def undo(scene: Scene) -> None:
    """The disk is there again; what was archived meanwhile is not on it."""
    backup.moved_back(scene, FOLDER)
    backup.anew(scene)


FAULT = Fault(
    name="archive-in-memory",
    title="The archived WAL lies in memory, on a file system inside the repository",
    why="The archive had a disk of its own, and it was slow: after the next start no WAL is there.",
    kind="backup",
    shape="false-green",
    reddens={
        "BKP-004": {backup.SUBJECT: r"file system at /var/lib/pgbackrest/archive .*found tmpfs"}
    },
    apply=apply,
    took_effect=took_effect,
    undo=undo,
    naive=backup.recent_backup,
)
