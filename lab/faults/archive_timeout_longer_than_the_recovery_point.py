"""A quiet night: a change waits ten minutes for its segment, five were promised."""

from lab import cluster
from lab.faults import Fault
from lab.faults import _backup as backup
from lab.scene import Scene

PROMISED, SET = "60s", "600s"


def apply(scene: Scene) -> None:
    """Raise it for every member."""
    backup.set_parameter(scene, "archive_timeout", SET)


def took_effect(scene: Scene) -> str:
    """Every member has taken it."""
    seen = {name: cluster.setting(scene, name, "archive_timeout") for name in cluster.MEMBERS}
    return f"archive_timeout: {seen}" if set(seen.values()) == {"10min"} else ""


def undo(scene: Scene) -> None:
    """Back to a minute, on every member."""
    backup.set_parameter(scene, "archive_timeout", PROMISED)

    def everywhere() -> bool:
        seen = {cluster.setting(scene, name, "archive_timeout") for name in cluster.MEMBERS}
        return seen == {"1min"}

    scene.wait("archive_timeout is a minute", everywhere, 30)


FAULT = Fault(
    name="archive-timeout-longer-than-the-recovery-point",
    title="archive_timeout is ten minutes, the promised recovery point five",
    why="Raised to save space: each archived segment is fine, and the last changes are not in it.",
    kind="objectives",
    shape="false-green",
    reddens={
        "OBJ-003": {backup.SUBJECT: r"seconds until a change is archived at worst .*at most 300"}
    },
    survey=cluster.survey,
    apply=apply,
    took_effect=took_effect,
    undo=undo,
    naive=backup.archiver_is_content,
)
