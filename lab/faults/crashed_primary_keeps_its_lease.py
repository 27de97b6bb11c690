"""Patroni gives a primary that crashed five minutes to start again."""

from lab import cluster
from lab.faults import Fault
from lab.faults._database import patroni_lists_all
from lab.scene import Scene

KEY, RIGHT = "primary_start_timeout", 30


def apply(scene: Scene) -> None:
    """Remove what is set in the shared configuration: Patroni's own 300 s hold."""
    cluster.set_dynamic(scene, {KEY: None})


def took_effect(scene: Scene) -> str:
    """The shared configuration does not say otherwise."""
    return "" if KEY in cluster.dynamic(scene) else f"{KEY} is not set"


def undo(scene: Scene) -> None:
    """Set it again."""
    cluster.set_dynamic(scene, {KEY: RIGHT})


FAULT = Fault(
    name="crashed-primary-keeps-its-lease",
    title="A crashed primary may try to start for 300 s where 60 s of recovery are promised",
    why="Nobody sets it, and no drill that cuts a machine off sees it: a full disk does.",
    kind="objectives",
    shape="false-green",
    reddens={"OBJ-002": {cluster.CLUSTER: r"after a crash at worst .* at most 60, found 310"}},
    survey=cluster.survey,
    apply=apply,
    took_effect=took_effect,
    undo=undo,
    naive=patroni_lists_all,
)
