"""Somebody made room on the repository's disk by deleting the biggest files."""

from lab.faults import Fault
from lab.faults import _backup as backup
from lab.scene import Scene


def bundles(scene: Scene) -> str:
    """The folder with the data of the newest backup."""
    label = backup.newest(scene)["label"]
    return f"{backup.REPOSITORY}/backup/{backup.STANZA}/{label}/bundle"


def apply(scene: Scene) -> None:
    """Delete the data and leave its description."""
    scene.shell(backup.MACHINE, f"rm -f {bundles(scene)}/*")


def took_effect(scene: Scene) -> str:
    """The folder is empty."""
    left = scene.run(backup.MACHINE, "ls", bundles(scene)).split()
    return "" if left else "the newest backup has a manifest and no data"


FAULT = Fault(
    name="files-of-a-backup-lost",
    title="The newest backup is listed, recent, without errors, and its data is gone",
    why="pgbackrest info reads its own description; whether the files lie there it does not ask.",
    kind="backup",
    shape="false-green",
    reddens={"BKP-001": {backup.SUBJECT: r"bytes that lie in \S+ at least \d+, found \d+"}},
    apply=apply,
    took_effect=took_effect,
    undo=backup.anew,
    naive=backup.recent_backup,
)
