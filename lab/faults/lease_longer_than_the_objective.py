"""Patroni's lease is longer than the recovery time that was promised."""

from lab import cluster
from lab.faults import Fault
from lab.faults._database import patroni_lists_all
from lab.scene import Scene

LONG, RIGHT = 120, 20


def apply(scene: Scene) -> None:
    """Lengthen the lease in the shared configuration."""
    cluster.set_dynamic(scene, {"ttl": LONG})


def took_effect(scene: Scene) -> str:
    """The shared configuration says so."""
    seen = cluster.dynamic(scene)["ttl"]
    return f"ttl is {seen} s" if seen == LONG else ""


def undo(scene: Scene) -> None:
    """Give it its length back."""
    cluster.set_dynamic(scene, {"ttl": RIGHT})


FAULT = Fault(
    name="lease-longer-than-the-objective",
    title="Patroni's ttl is 120 s where 60 s of recovery time are promised",
    why="Raised to stop failovers during backups; the promise was not changed with it.",
    kind="objectives",
    reddens={
        "OBJ-002": {
            cluster.CLUSTER: r"take over at worst \(ttl \+ loop_wait\) at most 60, found 125"
        }
    },
    survey=cluster.survey,
    apply=apply,
    took_effect=took_effect,
    undo=undo,
    naive=patroni_lists_all,
)
