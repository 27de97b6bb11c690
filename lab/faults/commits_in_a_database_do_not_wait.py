"""Sessions in one database commit without waiting for any standby."""

from lab import cluster
from lab.faults import Fault
from lab.faults._database import one_is_synchronous
from lab.faults._synchronous import leader, overrides
from lab.scene import Scene

SEEN = r"synchronous_commit to be one of .*, found local"


def apply(scene: Scene) -> None:
    """Give the database a weaker setting of its own."""
    cluster.sql(scene, leader(scene), "ALTER DATABASE paws360 SET synchronous_commit = local")


def took_effect(scene: Scene) -> str:
    """The catalogue shows it."""
    return overrides(scene)


def undo(scene: Scene) -> None:
    """Take it back."""
    cluster.sql(scene, leader(scene), "ALTER DATABASE paws360 RESET synchronous_commit")


FAULT = Fault(
    name="commits-in-a-database-do-not-wait",
    title="Synchronous in name only: the database has synchronous_commit = local",
    why="Restored from a test system together with its settings.",
    kind="database",
    shape="false-green",
    # The observing login works in that database: it sees the weaker value itself.
    reddens={
        "PG-004": {cluster.CLUSTER: SEEN},
        "PG-010": cluster.per_member(SEEN, "<primary>", "<sync>", "<async>"),
    },
    survey=cluster.survey,
    apply=apply,
    took_effect=took_effect,
    undo=undo,
    naive=one_is_synchronous,
)
