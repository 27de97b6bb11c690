"""A standby replays every commit ten minutes late."""

import time

from lab import cluster
from lab.faults import Fault
from lab.faults._database import all_stream
from lab.scene import Scene

SETTING = "recovery_min_apply_delay"
DELAY = "10min"
BEFORE = "  data_dir: /var/lib/postgresql/15/main\n"
AFTER = f"{BEFORE}  recovery_conf:\n    {SETTING}: {DELAY}\n"


def apply(scene: Scene) -> None:
    """Delay the asynchronous standby, then commit something."""
    # Patroni owns what steers recovery: ALTER SYSTEM would not last.
    scene.change(scene["async"], cluster.CONFIG, lambda text: text.replace(BEFORE, AFTER))
    scene.service(scene["async"], "reload", "patroni")
    scene.wait(
        "the delay is set",
        lambda: cluster.setting(scene, scene["async"], SETTING) == DELAY,
        30,
    )
    # Its startup process reads the setting in its own time.
    scene.wait("a commit is held back", lambda: commit_is_held_back(scene), 30)


def commit_is_held_back(scene: Scene) -> bool:
    """Commit something and see whether the standby does not replay it."""
    cluster.sql(scene, scene["primary"], cluster.WRITE)
    time.sleep(1)
    return cluster.behind(scene, scene["primary"], scene["async"]) > 0


def took_effect(scene: Scene) -> str:
    """The delay is set and the commit is not replayed."""
    if cluster.setting(scene, scene["async"], SETTING) != DELAY:
        return ""
    lag = cluster.behind(scene, scene["primary"], scene["async"])
    return f"{scene['async']} replays {DELAY} late, {lag} bytes behind" if lag > 0 else ""


def undo(scene: Scene) -> None:
    """Replay at once again."""
    cluster.restore_config(scene, scene["async"])


FAULT = Fault(
    name="standby-replays-late",
    title="A standby replays every commit ten minutes late",
    why="Meant as a net against mistakes, counted as redundancy all the same.",
    kind="database",
    reddens={
        "PG-003": cluster.per_member(r"apply delay to be 0, found 600000", "<async>"),
        "PG-007": cluster.per_member(cluster.BEHIND, "<async>"),
    },
    survey=cluster.survey,
    apply=apply,
    took_effect=took_effect,
    undo=undo,
    naive=all_stream,
)
