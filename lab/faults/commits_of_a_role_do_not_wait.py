"""The portal's own role commits without waiting for any standby."""

from lab import cluster
from lab.faults import Fault
from lab.faults._database import one_is_synchronous
from lab.faults._synchronous import given_to, leader, overrides
from lab.scene import Scene


def apply(scene: Scene) -> None:
    """Give the role a weaker setting of its own."""
    cluster.sql(scene, leader(scene), "ALTER ROLE portal SET synchronous_commit = local")


def took_effect(scene: Scene) -> str:
    """The catalogue shows it."""
    return overrides(scene)


def undo(scene: Scene) -> None:
    """Take it back."""
    cluster.sql(scene, leader(scene), "ALTER ROLE portal RESET synchronous_commit")


FAULT = Fault(
    name="commits-of-a-role-do-not-wait",
    title="Synchronous in name only: the portal's role has synchronous_commit = local",
    why="Set to make one import faster; every change of a student can be lost since.",
    kind="database",
    shape="false-green",
    reddens=given_to("role portal in database all"),
    survey=cluster.survey,
    apply=apply,
    took_effect=took_effect,
    undo=undo,
    naive=one_is_synchronous,
)
