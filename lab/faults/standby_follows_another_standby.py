"""A standby streams from another standby instead of the primary."""

from lab import cluster
from lab.faults import Fault
from lab.faults._database import patroni_lists_all
from lab.inventory import machine
from lab.scene import Scene


def apply(scene: Scene) -> None:
    """Tell the asynchronous standby to replicate from the synchronous one."""
    cluster.set_tags(scene, scene["async"], f"{{replicatefrom: {scene['sync']}}}")


def took_effect(scene: Scene) -> str:
    """Its receiver streams from the other standby."""
    query = "SELECT sender_host FROM pg_stat_wal_receiver WHERE status = 'streaming'"
    sender = cluster.sql(scene, scene["async"], query)
    right = sender == str(machine(scene["sync"]).v4)
    return f"{scene['async']} receives from {sender}" if right else ""


def undo(scene: Scene) -> None:
    """Follow the primary again."""
    cluster.restore_config(scene, scene["async"])


FAULT = Fault(
    name="standby-follows-another-standby",
    title="A standby streams from another standby, not from the primary",
    why="Both standbys go with the one in the middle; two were counted.",
    kind="database",
    reddens={
        "PG-002": cluster.per_member(r"state at the primary .*found not connected", "<async>"),
        "PG-012": cluster.per_member(r"server it receives from .*found 198\.18\.3\.\d+", "<async>"),
    },
    survey=cluster.survey,
    apply=apply,
    took_effect=took_effect,
    undo=undo,
    naive=patroni_lists_all,
)
