"""Both standbys are tagged nofailover: nobody takes over."""

from lab import cluster
from lab.faults import Fault
from lab.faults._database import patroni_lists_all
from lab.scene import Scene

STANDBYS = ("sync", "async")


def apply(scene: Scene) -> None:
    """Tag both standbys."""
    for part in STANDBYS:
        cluster.set_tags(scene, scene[part], "{nofailover: true}")


def took_effect(scene: Scene) -> str:
    """The other members see both tags."""
    barred = [scene[part] for part in STANDBYS if cluster.tags(scene, scene[part])]
    return f"nofailover on {', '.join(barred)}" if len(barred) == len(STANDBYS) else ""


def undo(scene: Scene) -> None:
    """Take the tags away."""
    cluster.restore_config(scene, *(scene[part] for part in STANDBYS))


FAULT = Fault(
    name="no-standby-may-be-promoted",
    title="Both standbys are tagged nofailover",
    why="Each was barred for its own maintenance; replication is perfect and nobody takes over.",
    kind="database",
    shape="false-green",
    reddens={
        "PG-005": cluster.per_member(
            r"barred from promotion, by itself to be no, found yes", "<sync>", "<async>"
        ),
        "PG-006": {
            cluster.CLUSTER: r"promotable synchronous standbys \(<sync>: it is barred by a tag\) "
            r"at least 1, found 0"
        },
    },
    survey=cluster.survey,
    apply=apply,
    took_effect=took_effect,
    undo=undo,
    naive=patroni_lists_all,
)
