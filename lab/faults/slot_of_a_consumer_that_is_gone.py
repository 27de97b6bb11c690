"""The primary keeps its WAL for a replication slot whose consumer is gone."""

from lab import cluster
from lab.faults import Fault
from lab.faults._database import patroni_lists_all
from lab.scene import Scene

SLOT = "reports"
HELD = f"SELECT slot_name FROM pg_replication_slots WHERE slot_name = '{SLOT}' AND NOT active"  # noqa: S608 - our own constant


def apply(scene: Scene) -> None:
    """Have Patroni keep the slot: it drops those that its configuration does not name."""
    cluster.set_dynamic(scene, {"slots": {SLOT: {"type": "physical"}}})


def took_effect(scene: Scene) -> str:
    """The primary has it, and nobody reads."""
    said = cluster.sql(scene, scene["primary"], HELD)
    return f"{scene['primary']} keeps WAL for {said}, which nobody reads" if said else ""


def undo(scene: Scene) -> None:
    """Strike it from the configuration, and wait until no member has it."""
    cluster.set_dynamic(scene, {"slots": None})

    def gone() -> bool:
        return not any(cluster.sql(scene, name, HELD) for name in cluster.MEMBERS)

    scene.wait(f"no slot {SLOT}", gone, cluster.PATRONI_LIMIT)


FAULT = Fault(
    name="slot-of-a-consumer-that-is-gone",
    title="The primary keeps its WAL for a replication slot whose consumer is gone",
    why="The reporting server was switched off and its slot stayed in Patroni's configuration; "
    "some night the disk is full, and the database stops.",
    kind="database",
    shape="false-green",
    reddens={
        "PG-011": {
            cluster.CLUSTER: rf"undeclared replication slots to be none, found {SLOT}",
        }
    },
    survey=cluster.survey,
    apply=apply,
    took_effect=took_effect,
    undo=undo,
    naive=patroni_lists_all,
)
