"""The repository's disk did not come back after a boot, and a file system in memory lies there."""

from lab.faults import Fault
from lab.faults import _backup as backup
from lab.scene import Scene

COPY = "/var/lib/lab-faults-copy"
MOUNT = f"""set -e
mountpoint -q {backup.REPOSITORY} && exit 0
rm -rf {COPY} && cp -a {backup.REPOSITORY} {COPY}
mount -t tmpfs -o mode=0750,size=512m tmpfs {backup.REPOSITORY}
cp -a {COPY}/. {backup.REPOSITORY}/ && rm -rf {COPY}
"""
UNMOUNT = f"rm -rf {COPY}; ! mountpoint -q {backup.REPOSITORY} || umount -l {backup.REPOSITORY}"


def apply(scene: Scene) -> None:
    """Move what it holds into memory, as it is."""
    scene.shell(backup.MACHINE, MOUNT)


def took_effect(scene: Scene) -> str:
    """The kernel says so."""
    words = ("stat", "--file-system", "--format=%T", backup.REPOSITORY)
    kind = scene.run(backup.MACHINE, *words).strip()
    return f"{backup.REPOSITORY} is a {kind}" if kind == "tmpfs" else ""


def undo(scene: Scene) -> None:
    """The disk is there again; what was archived meanwhile is not on it."""
    scene.shell(backup.MACHINE, UNMOUNT)
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
