"""Synchronous mode is off: two standbys stream and no commit waits for either."""

from lab import cluster
from lab.faults import Fault
from lab.faults._database import all_stream
from lab.scene import Scene


def apply(scene: Scene) -> None:
    """Switch synchronous mode off in the shared configuration."""
    cluster.set_dynamic(scene, {"synchronous_mode": False})


def took_effect(scene: Scene) -> str:
    """The primary waits for nobody, and Patroni lists no synchronous standby."""
    names = cluster.setting(scene, scene["primary"], "synchronous_standby_names")
    roles = {one["role"] for one in cluster.view(scene)["members"]}
    if names or "sync_standby" in roles:
        return ""
    return f"{scene['primary']}: synchronous_standby_names is empty"


def undo(scene: Scene) -> None:
    """Switch it on again."""
    cluster.set_dynamic(scene, {"synchronous_mode": True})


FAULT = Fault(
    name="no-synchronous-standby",
    title="Synchronous mode is off",
    why="Switched off during an incident; replication looks the same without it.",
    kind="database",
    reddens={
        "PG-004": {cluster.CLUSTER: r"synchronous standbys at least 1, found 0"},
        "PG-006": {cluster.CLUSTER: r"promotable synchronous standbys at least 1, found 0"},
    },
    survey=cluster.survey,
    apply=apply,
    took_effect=took_effect,
    undo=undo,
    naive=all_stream,
)
