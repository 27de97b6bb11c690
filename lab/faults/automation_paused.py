"""Patroni is paused: it watches and does nothing."""

from lab import cluster
from lab.faults import Fault
from lab.faults._database import patroni_lists_all
from lab.scene import Scene

MEMBERS = ("<primary>", "<sync>", "<async>")


def paused(scene: Scene) -> list[str]:
    """The members that say they are paused."""
    return [name for name in cluster.MEMBERS if cluster.status(scene, name).get("pause")]


def apply(scene: Scene) -> None:
    """Pause the cluster, as ``patronictl pause`` does."""
    cluster.set_dynamic(scene, {"pause": True})


def took_effect(scene: Scene) -> str:
    """Every member says so."""
    found = paused(scene)
    return f"paused: {', '.join(found)}" if len(found) == len(cluster.MEMBERS) else ""


def undo(scene: Scene) -> None:
    """Resume, and wait until no member is paused."""
    cluster.set_dynamic(scene, {"pause": None})
    scene.wait("nobody is paused", lambda: not paused(scene), cluster.PATRONI_LIMIT)


FAULT = Fault(
    name="automation-paused",
    title="Patroni is paused",
    why="Paused for an upgrade and never resumed; the list of members looks as always.",
    kind="database",
    shape="false-green",
    reddens={
        "PG-006": {cluster.CLUSTER: r"<sync>: the automation is paused\) at least 1, found 0"},
        "PG-008": cluster.per_member(r"automation to be active, found paused", *MEMBERS),
    },
    survey=cluster.survey,
    apply=apply,
    took_effect=took_effect,
    undo=undo,
    naive=patroni_lists_all,
)
