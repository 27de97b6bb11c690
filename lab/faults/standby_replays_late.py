"""A standby replays every commit ten minutes late."""

from lab import cluster
from lab.faults import Fault
from lab.faults._database import all_stream
from lab.scene import Scene

SETTING = "recovery_min_apply_delay"
DELAY = "10min"


def apply(scene: Scene) -> None:
    """Delay the asynchronous standby, then commit something."""
    cluster.alter_system(scene, scene["async"], SETTING, DELAY)
    scene.wait(
        "the delay is set",
        lambda: cluster.setting(scene, scene["async"], SETTING) == DELAY,
        30,
    )
    cluster.sql(scene, scene["primary"], cluster.WRITE)


def took_effect(scene: Scene) -> str:
    """The delay is set and the commit is not replayed."""
    if cluster.setting(scene, scene["async"], SETTING) != DELAY:
        return ""
    lag = cluster.behind(scene, scene["primary"], scene["async"])
    return f"{scene['async']} replays {DELAY} late, {lag} bytes behind" if lag > 0 else ""


def undo(scene: Scene) -> None:
    """Replay at once again."""
    cluster.alter_system(scene, scene["async"], SETTING, None)


FAULT = Fault(
    name="standby-replays-late",
    title="A standby replays every commit ten minutes late",
    why="Meant as a net against mistakes, counted as redundancy all the same.",
    kind="database",
    reddens={
        "PG-003": cluster.per_member(r"apply delay to be 0, found 600000", "<async>"),
        "PG-007": cluster.per_member(r"expected reached .*found no", "<async>"),
    },
    survey=cluster.survey,
    apply=apply,
    took_effect=took_effect,
    undo=undo,
    naive=all_stream,
)
