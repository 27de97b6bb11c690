"""Archiving was switched off for an upgrade by a command that always succeeds."""

from lab import cluster
from lab.faults import Fault
from lab.faults import _backup as backup
from lab.scene import Scene

NOTHING = "/bin/true"


def apply(scene: Scene) -> None:
    """Throw WAL away on every member, and complete a segment."""
    backup.set_parameter(scene, "archive_command", NOTHING)
    primary = scene["primary"]
    seen = lambda: cluster.setting(scene, primary, "archive_command") == NOTHING  # noqa: E731
    scene.wait("the command is in force", seen, 30)
    cluster.sql(scene, primary, backup.SWITCH)


def took_effect(scene: Scene) -> str:
    """The server calls a segment archived that lies nowhere."""
    last = backup.archiver(scene, scene["primary"])["last"]
    # The end of a backup is noted in a file of its own; only segments count.
    thrown = len(last) == backup.WHOLE and not backup.archived_in_repository(scene, last)
    return f"{last} is called archived and is not in the repository" if thrown else ""


def undo(scene: Scene) -> None:
    """Archive again; a full backup, since what was thrown away is lost."""
    backup.set_parameter(scene, "archive_command", scene["archiver"])
    primary = cluster.leads(scene)
    seen = lambda: cluster.setting(scene, primary, "archive_command") == scene["archiver"]  # noqa: E731
    scene.wait("the command is in force", seen, 30)
    backup.full_backup(scene)


FAULT = Fault(
    name="archive-command-always-succeeds",
    title="archive_command is /bin/true on every member",
    why="Set for an upgrade and left: the server drops its WAL, content, and nothing was kept.",
    kind="backup",
    shape="false-green",
    reddens={
        "BKP-005": {backup.SUBJECT: r"segments neither archived nor on the primary .*found 0000"},
        "BKP-006": {backup.SUBJECT: r"last segment archived by <primary> to be one of"},
    },
    survey=backup.survey,
    apply=apply,
    took_effect=took_effect,
    undo=undo,
    naive=backup.archiver_is_content,
)
