"""Backups go to a second repository too, and no member archives its WAL there."""

import json
import re

from lab.faults import Fault
from lab.faults import _backup as backup
from lab.scene import Scene

SECOND = "/var/lib/pgbackrest-second"
LINES = rf"\g<0>repo2-path={SECOND}\nrepo2-retention-full=1\nrepo2-cipher-type=aes-256-cbc\n"
MADE = f"install -d -o postgres -g postgres -m 0750 {SECOND}"


def with_second(text: str) -> str:
    """The configuration with another repository, encrypted by the passphrase of the first."""
    text = re.sub(r"repo1-bundle=y\n", LINES, text)
    return re.sub(r"repo1(-cipher-pass=.*\n)", r"\g<0>repo2\1", text)


def apply(scene: Scene) -> None:
    """A full backup into it, then one into the first: the newest is as it should be."""
    scene.shell(backup.MACHINE, MADE)
    scene.change(backup.MACHINE, backup.CONFIG, with_second)
    scene.service(backup.MACHINE, "restart", "pgbackrest")
    backup.pgbackrest(scene, "stanza-create")
    # It would wait in vain for WAL.
    backup.pgbackrest(scene, "--repo=2", "--type=full", "--no-archive-check", "backup")
    backup.pgbackrest(scene, "--repo=1", "--type=full", "backup")


def took_effect(scene: Scene) -> str:
    """The second has a backup and no segment."""
    (found,) = json.loads(backup.pgbackrest(scene, "--output=json", "info"))
    backups = [one["label"] for one in found["backup"] if one["database"]["repo-key"] == 2]  # noqa: PLR2004 - its key
    held = [one["max"] for one in found["archive"] if one["database"]["repo-key"] == 2]  # noqa: PLR2004 - its key
    return f"repository 2 holds {backups[-1]} and no WAL" if backups and not any(held) else ""


def undo(scene: Scene) -> None:
    """Remove it; a full backup, as after every change of the repository."""
    backup.healed(scene)
    scene.run(backup.MACHINE, "rm", "-rf", SECOND)


FAULT = Fault(
    name="second-repository-without-wal",
    title="Backups go to a second repository too, to which nobody archives WAL",
    why="Added on the repository's machine only: its backups are listed, whole and young, and not "
    "one of them can be restored when the first repository is lost.",
    kind="backup",
    shape="false-green",
    reddens={
        "BKP-006": {
            backup.SUBJECT: r"repositories that end before [0-9A-F]{24} to be none, found 2"
        }
    },
    apply=apply,
    took_effect=took_effect,
    undo=undo,
    naive=backup.recent_backup,
)
