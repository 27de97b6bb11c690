"""The repository was begun anew after a full disk, without its encryption."""

from lab.faults import Fault
from lab.faults import _backup as backup
from lab.scene import Scene


def without_cipher(text: str) -> str:
    """The configuration without what encrypts."""
    return "".join(line for line in text.splitlines(True) if not line.startswith("repo1-cipher"))


def apply(scene: Scene) -> None:
    """A new repository, readable by whoever gets hold of it."""
    scene.change(backup.MACHINE, backup.CONFIG, without_cipher)
    backup.emptied(scene)
    scene.service(backup.MACHINE, "restart", "pgbackrest")
    backup.full_backup(scene)


def took_effect(scene: Scene) -> str:
    """Its description can be read."""
    info = scene.read(backup.MACHINE, f"{backup.REPOSITORY}/backup/{backup.STANZA}/backup.info")
    return "backup.info is plain text" if "backrest-version" in info else ""


FAULT = Fault(
    name="repository-not-encrypted",
    title="The repository holds the newest backup and WAL in the clear",
    why="Encryption is a property of the repository from its first file on, and was forgotten.",
    kind="backup",
    shape="false-green",
    reddens={
        "BKP-003": {backup.SUBJECT: r"files that are not encrypted .*found /var/lib/pgbackrest"}
    },
    apply=apply,
    took_effect=took_effect,
    undo=backup.anew,
    naive=backup.recent_backup,
)
