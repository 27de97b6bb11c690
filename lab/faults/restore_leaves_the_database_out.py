"""The machine for restores leaves the portal's database out."""

from lab.faults import Fault
from lab.faults import _backup as backup
from lab.scene import Scene

MACHINE = "spare"
ONLY = "\n[global:restore]\ndb-exclude=paws360\n"
REASON = r"problem of the restore to be none, found .*reading paws360 in the copy"


def apply(scene: Scene) -> None:
    """Restore every database but the portal's, of which only the files' names are there."""
    scene.change(MACHINE, backup.CONFIG, lambda text: text + ONLY)


def took_effect(scene: Scene) -> str:
    """The configuration says so, and is all that a restore there goes by."""
    text = scene.read(MACHINE, backup.CONFIG)
    return "restores on spare leave the database paws360 out" if ONLY in text else ""


def undo(scene: Scene) -> None:
    """Restore everything again."""
    scene.put_back(MACHINE, backup.CONFIG)


FAULT = Fault(
    name="restore-leaves-the-database-out",
    title="A restore succeeds, the server starts, and the portal's database can't be opened",
    why="db-exclude was set for a small test, and every restore since then was of nothing.",
    kind="backup",
    shape="false-green",
    tier="load",
    only=("BKP-010", "BKP-011", "BKP-012", "OBJ-004"),
    reddens={
        "BKP-010": {backup.SUBJECT: REASON},
        "BKP-011": {"paws360-db": REASON},
        "BKP-012": {backup.SUBJECT: REASON},
        "OBJ-004": {backup.SUBJECT: REASON},
    },
    apply=apply,
    took_effect=took_effect,
    undo=undo,
    naive=backup.recent_backup,
)
