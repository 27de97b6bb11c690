"""The synchronous standby would refuse every write as the next primary."""

from lab import cluster
from lab.faults import Fault
from lab.faults._database import writable_through_the_pooler
from lab.scene import Scene

SETTING = "default_transaction_read_only"


def apply(scene: Scene) -> None:
    """Let its sessions begin read-only; a standby's can't write anyhow."""
    cluster.alter_system(scene, scene["sync"], SETTING, "on")


def took_effect(scene: Scene) -> str:
    """The server says so."""
    seen = cluster.setting(scene, scene["sync"], SETTING)
    return f"{scene['sync']}: {SETTING} is {seen}" if seen == "on" else ""


def undo(scene: Scene) -> None:
    """Take it back."""
    cluster.alter_system(scene, scene["sync"], SETTING, None)


FAULT = Fault(
    name="standby-would-be-read-only",
    title="The synchronous standby runs with default_transaction_read_only = on",
    why="Set while that machine was the primary and a migration had to be kept out, and it stayed "
    "in its own configuration; the next failover succeeds, and no write does.",
    kind="database",
    shape="false-green",
    reddens={
        "PG-001": {
            cluster.CLUSTER: r"/<sync>: expected default_transaction_read_only to be off, found on"
        }
    },
    survey=cluster.survey,
    apply=apply,
    took_effect=took_effect,
    undo=undo,
    naive=writable_through_the_pooler,
)
