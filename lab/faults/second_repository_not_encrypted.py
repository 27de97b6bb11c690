"""A second repository, which nobody declared, holds a copy of the database in the clear."""

from lab.faults import Fault
from lab.faults import _backup as backup
from lab.scene import Scene

SECOND = "/var/lib/pgbackrest-second"
LINES = f"repo2-path={SECOND}\nrepo2-retention-full=1\n"
MADE = f"install -d -o postgres -g postgres -m 0750 {SECOND}"


def with_second(text: str) -> str:
    """The configuration with another repository."""
    return text.replace("repo1-bundle=y\n", f"repo1-bundle=y\n{LINES}")


def apply(scene: Scene) -> None:
    """A full backup into it, then one into the first: the newest is as it should be."""
    scene.shell(backup.MACHINE, MADE)
    scene.change(backup.MACHINE, backup.CONFIG, with_second)
    scene.service(backup.MACHINE, "restart", "pgbackrest")
    backup.pgbackrest(scene, "stanza-create")
    # No member archives there.
    backup.pgbackrest(scene, "--repo=2", "--type=full", "--no-archive-check", "backup")
    backup.pgbackrest(scene, "--repo=1", "--type=full", "backup")


def took_effect(scene: Scene) -> str:
    """What lies there can be read."""
    path = f"{SECOND}/backup/{backup.STANZA}/backup.info"
    said = scene.ask(backup.MACHINE, "cat", path).out  # nothing once it is gone
    return "backup.info is plain text" if "backrest-version" in said else ""


def undo(scene: Scene) -> None:
    """Remove it; a full backup, as after every change of the repository."""
    backup.healed(scene)
    scene.run(backup.MACHINE, "rm", "-rf", SECOND)


FAULT = Fault(
    name="second-repository-not-encrypted",
    title="Backups go to a second repository too, and that one is not encrypted",
    why="Added for a faster restore: whoever gets hold of it reads every student's record.",
    kind="backup",
    shape="false-green",
    reddens={
        "BKP-003": {backup.SUBJECT: r"cipher to be none of mixed, none, found mixed"},
        "BKP-006": {
            backup.SUBJECT: r"repositories that end before [0-9A-F]{24} to be none, found 2"
        },
    },
    apply=apply,
    took_effect=took_effect,
    undo=undo,
    naive=backup.recent_backup,
)
