"""The primary commits without waiting, though it has a synchronous standby."""

from lab import cluster
from lab.faults import Fault
from lab.faults._database import one_is_synchronous
from lab.scene import Scene

SETTING = "synchronous_commit"


def apply(scene: Scene) -> None:
    """Override the shared configuration on the primary itself."""
    cluster.alter_system(scene, scene["primary"], SETTING, "local")


def took_effect(scene: Scene) -> str:
    """A new session sees it."""
    seen = cluster.setting(scene, scene["primary"], SETTING)
    return f"{scene['primary']}: {SETTING} is {seen}" if seen == "local" else ""


def undo(scene: Scene) -> None:
    """Take it back."""
    cluster.alter_system(scene, scene["primary"], SETTING, None)


FAULT = Fault(
    name="commits-do-not-wait",
    title="Synchronous in name only: ALTER SYSTEM SET synchronous_commit = local",
    why="postgresql.auto.conf wins over what Patroni writes; the standby is still called sync.",
    kind="database",
    shape="false-green",
    reddens={
        "PG-004": {cluster.CLUSTER: r"synchronous_commit to be one of .*, found local"},
        "PG-010": cluster.per_member(
            r"synchronous_commit to be one of .*, found local", "<primary>"
        ),
    },
    survey=cluster.survey,
    apply=apply,
    took_effect=took_effect,
    undo=undo,
    naive=one_is_synchronous,
)
