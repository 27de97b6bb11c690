"""The backups in the repository are of a database that was set up anew, not of the live one."""

from lab import cluster
from lab.faults import Fault
from lab.faults import _backup as backup
from lab.scene import Scene

OTHER = "/var/lib/postgresql/lab-other"


def elsewhere(text: str) -> str:
    """The configuration with a stanza of a local, stopped database."""
    head, _, _ = text.partition("[paws360]")
    return f"{head}[paws360]\npg1-path={OTHER}\n"


def apply(scene: Scene) -> None:
    """Back an empty cluster of its own up under the same stanza."""
    backup.cluster_made(scene, OTHER)
    scene.change(backup.MACHINE, backup.CONFIG, elsewhere)
    backup.emptied(scene)
    scene.service(backup.MACHINE, "restart", "pgbackrest")
    backup.pgbackrest(scene, "--no-online", "stanza-create")
    backup.pgbackrest(scene, "--no-online", "--type=full", "backup")
    cluster.sql(scene, scene["primary"], backup.SWITCH)


def took_effect(scene: Scene) -> str:
    """There is a backup, and the primary's WAL is refused."""
    label = backup.newest(scene)["label"]
    failing = backup.archiver(scene, scene["primary"])["failing"] == "t"
    return f"{label} is of another system, whose repository takes no WAL" if failing else ""


def undo(scene: Scene) -> None:
    """Begin the repository anew, with the live database."""
    backup.anew(scene)
    scene.shell(backup.MACHINE, f"rm -rf {OTHER}")


FAULT = Fault(
    name="backup-of-another-system",
    title="The newest backup is of an empty database that was initialised anew",
    why="The job follows a host name or a path and never asks which system it copies.",
    kind="backup",
    shape="false-green",
    reddens={
        "BKP-001": {backup.SUBJECT: r"system identifier in \S+ to be \d+, found \d+"},
        "BKP-005": {backup.SUBJECT: r"backups of this system to be yes, found no"},
        "BKP-006": {backup.SUBJECT: r"segments archived at least 1, found 0"},
        "BKP-007": {backup.SUBJECT: r"systems whose backups it is told of to include .*, found"},
    },
    survey=cluster.survey,
    apply=apply,
    took_effect=took_effect,
    undo=undo,
    naive=backup.recent_backup,
)
