"""A segment in the middle of the archive was deleted by somebody who made room."""

from lab import cluster
from lab.faults import Fault
from lab.faults import _backup as backup
from lab.scene import Scene


def apply(scene: Scene) -> None:
    """Complete three segments, and delete the second once all are archived."""
    completed = [backup.completed_segment(scene) for _ in range(3)]
    for one in completed:
        there = lambda name=one: backup.archived_in_repository(scene, name)  # noqa: E731
        scene.wait(f"{one} is archived", there, 60)
    lost = completed[1]
    scene.shell(backup.MACHINE, f"find {backup.REPOSITORY}/archive -name '{lost}-*' -delete")


def took_effect(scene: Scene) -> str:
    """The numbers of what is archived leave one out."""
    held = backup.archived_numbers(scene)
    gap = sorted({*range(held[0], held[-1])} - {*held}) if held else []
    return f"{len(held)} segments are archived, {len(gap)} between them are not" if gap else ""


FAULT = Fault(
    name="archived-segment-lost",
    title="One segment of WAL is missing between the backup and the newest archived one",
    why="Listings show the first and the last; a restore ends at the gap.",
    kind="backup",
    shape="false-green",
    reddens={
        "BKP-005": {backup.SUBJECT: r"segments neither archived nor on the primary .*found 0000"}
    },
    survey=cluster.survey,
    apply=apply,
    took_effect=took_effect,
    undo=backup.healed,
    naive=backup.archiver_is_content,
)
