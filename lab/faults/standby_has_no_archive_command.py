"""A standby that is promoted tomorrow would archive nothing."""

from lab import cluster
from lab.faults import Fault
from lab.faults import _backup as backup
from lab.scene import Scene


def apply(scene: Scene) -> None:
    """Override the shared configuration on one standby."""
    cluster.alter_system(scene, scene["async"], "archive_command", "")


def took_effect(scene: Scene) -> str:
    """A new session there sees it."""
    seen = cluster.setting(scene, scene["async"], "archive_command")
    return "" if seen else f"{scene['async']} has no archive_command"


def undo(scene: Scene) -> None:
    """Take it back."""
    cluster.alter_system(scene, scene["async"], "archive_command", None)


FAULT = Fault(
    name="standby-has-no-archive-command",
    title="archive_command is empty on one standby, by ALTER SYSTEM",
    why="Only the primary archives, so nothing shows it until that standby is the primary.",
    kind="backup",
    shape="false-green",
    reddens={"BKP-007": {backup.SUBJECT: r"<async>: expected command or library set to be yes"}},
    survey=cluster.survey,
    apply=apply,
    took_effect=took_effect,
    undo=undo,
    naive=backup.archiver_is_content,
)
