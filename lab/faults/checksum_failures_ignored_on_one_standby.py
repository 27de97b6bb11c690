"""A standby reads pages whose checksum is wrong as if nothing were."""

from lab import cluster
from lab.errors import LabError
from lab.faults import Fault
from lab.scene import Scene

SETTING = "ignore_checksum_failure"


def apply(scene: Scene) -> None:
    """Switch it on for the synchronous standby."""
    cluster.alter_system(scene, scene["sync"], SETTING, "on")


def took_effect(scene: Scene) -> str:
    """The server says so."""
    seen = cluster.setting(scene, scene["sync"], SETTING)
    return f"{scene['sync']}: {SETTING} is {seen}" if seen == "on" else ""


def undo(scene: Scene) -> None:
    """Take it back."""
    cluster.alter_system(scene, scene["sync"], SETTING, None)


def naive(scene: Scene) -> str:
    """Pages have checksums, on every member."""
    for name in cluster.MEMBERS:
        if cluster.setting(scene, name, "data_checksums") != "on":
            raise LabError(f"{name}: data_checksums is off")
    return "data_checksums is on at every member"


FAULT = Fault(
    name="checksum-failures-ignored-on-one-standby",
    title="The synchronous standby ignores wrong checksums of its pages",
    why="Set to get at one broken table, and it stayed: a damaged page is served, and copied into "
    "backups, as if it were right.",
    kind="database",
    shape="false-green",
    reddens={
        "PG-010": cluster.per_member(r"ignore_checksum_failure to be off, found on", "<sync>")
    },
    survey=cluster.survey,
    apply=apply,
    took_effect=took_effect,
    undo=undo,
    naive=naive,
)
