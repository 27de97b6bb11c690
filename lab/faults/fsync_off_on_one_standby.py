"""A standby does not wait for its disk."""

from lab import cluster
from lab.errors import LabError
from lab.faults import Fault
from lab.scene import Scene

SETTING = "fsync"


def apply(scene: Scene) -> None:
    """Switch fsync off on the synchronous standby."""
    cluster.alter_system(scene, scene["sync"], SETTING, "off")


def took_effect(scene: Scene) -> str:
    """The server says so."""
    seen = cluster.setting(scene, scene["sync"], SETTING)
    return f"{scene['sync']}: {SETTING} is {seen}" if seen == "off" else ""


def undo(scene: Scene) -> None:
    """Take it back."""
    cluster.alter_system(scene, scene["sync"], SETTING, None)


def naive(scene: Scene) -> str:
    """The primary has it on, and so has the shared configuration."""
    if cluster.setting(scene, scene["primary"], SETTING) != "on":
        raise LabError(f"{scene['primary']}: fsync is off")
    shared = cluster.dynamic(scene)["postgresql"]["parameters"][SETTING]
    if shared != "on":
        raise LabError(f"patronictl show-config: fsync is {shared}")
    return f"fsync is on at {scene['primary']} and in patronictl show-config"


FAULT = Fault(
    name="fsync-off-on-one-standby",
    title="The synchronous standby runs with fsync off",
    why="What it acknowledged is in memory only; the next power cut takes both copies.",
    kind="database",
    reddens={"PG-010": cluster.per_member(r"fsync to be on, found off", "<sync>")},
    survey=cluster.survey,
    apply=apply,
    took_effect=took_effect,
    undo=undo,
    naive=naive,
)
