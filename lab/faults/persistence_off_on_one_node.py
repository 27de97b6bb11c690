"""The append-only file is off on one replica, in the running server only."""

from lab.errors import LabError
from lab.faults import Fault
from lab.faults._cache import MEMBERS, info, node, roles, say
from lab.scene import Scene


def apply(scene: Scene) -> None:
    """Turn it off without writing it into the file."""
    say(scene, scene["replica"], "CONFIG", "SET", "appendonly", "no")


def took_effect(scene: Scene) -> str:
    """The server says so."""
    enabled = info(scene, scene["replica"], "aof_enabled")
    return f"aof_enabled is {enabled}" if enabled == "0" else ""


def undo(scene: Scene) -> None:
    """Turn it on, and wait until the file is complete again."""
    say(scene, scene["replica"], "CONFIG", "SET", "appendonly", "yes")

    def written() -> bool:
        keys = ("aof_rewrite_in_progress", "aof_rewrite_scheduled", "aof_last_bgrewrite_status")
        return [info(scene, scene["replica"], key) for key in keys] == ["0", "0", "ok"]

    scene.wait("the file is complete", written, 60)


def files(scene: Scene) -> str:
    """The probe of somebody in a hurry: every configuration file says appendonly yes."""
    for name in MEMBERS:
        if "appendonly yes" not in scene.read(name, "/etc/redis/redis.conf"):
            raise LabError(f"{name}: the file does not say appendonly yes")
    return "every redis.conf says appendonly yes"


FAULT = Fault(
    name="persistence-off-on-one-node",
    title="The append-only file is off on one replica, while its configuration file says yes",
    why="Turned off when a disk was slow; after a failover and a restart everybody is logged out.",
    kind="cache",
    shape="false-green",
    reddens={
        "CACHE-007": {node("<replica>"): r"append-only file in use to be yes, found no"},
    },
    survey=roles,
    apply=apply,
    took_effect=took_effect,
    undo=undo,
    naive=files,
)
