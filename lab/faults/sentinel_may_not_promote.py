"""Sentinel's user has no right to promote one replica."""

from lab.faults import Fault
from lab.faults._cache import node, quorum, roles, say
from lab.scene import Scene

USER = "sentinel"
DRY = ("ACL", "DRYRUN", USER, "SLAVEOF", "NO", "ONE")


def apply(scene: Scene) -> None:
    """Take it away, in the running server: what Sentinel does every second needs it not."""
    say(scene, scene["other"], "ACL", "SETUSER", USER, "-slaveof")


def took_effect(scene: Scene) -> str:
    """A dry run says so."""
    said = say(scene, scene["other"], *DRY)
    return f"{USER} may not: {said}" if said != "OK" else ""


def undo(scene: Scene) -> None:
    """Give it back; twice does no harm."""
    say(scene, scene["other"], "ACL", "SETUSER", USER, "+slaveof")


FAULT = Fault(
    name="sentinel-may-not-promote",
    title="One replica would refuse Sentinel's order to become the master",
    why="A list of rights from an old example: Sentinel sees all well until it must act.",
    kind="cache",
    shape="false-green",
    reddens={
        "CACHE-005": {
            node("<other>"): r"orders of Sentinel that it refuses to be none, found SLAVEOF"
        }
    },
    survey=roles,
    apply=apply,
    took_effect=took_effect,
    undo=undo,
    naive=quorum,
)
