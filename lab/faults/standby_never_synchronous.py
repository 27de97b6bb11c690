"""One standby is tagged nosync: in synchronous mode it is never promoted."""

from lab import cluster
from lab.faults import Fault
from lab.faults._database import patroni_lists_all
from lab.scene import Scene


def apply(scene: Scene) -> None:
    """Tag the asynchronous standby."""
    cluster.set_tags(scene, scene["async"], "{nosync: true}")


def took_effect(scene: Scene) -> str:
    """The other members see the tag."""
    seen = cluster.tags(scene, scene["async"])
    return f"{scene['async']} is tagged {seen}" if seen.get("nosync") else ""


def undo(scene: Scene) -> None:
    """Take the tag away."""
    cluster.restore_config(scene, scene["async"])


FAULT = Fault(
    name="standby-never-synchronous",
    title="One of two standbys is tagged nosync",
    why="Spared while its disk was slow. Only a synchronous standby is promoted: once the other "
    "one leads, nobody takes over from it, and its commits wait for nobody.",
    kind="database",
    shape="false-green",
    reddens={
        "PG-005": cluster.per_member(
            r"barred from promotion, by itself to be no, found yes", "<async>"
        )
    },
    survey=cluster.survey,
    apply=apply,
    took_effect=took_effect,
    undo=undo,
    naive=patroni_lists_all,
)
