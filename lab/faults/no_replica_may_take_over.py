"""Every replica has priority 0: Sentinels agree that the master is gone, with nobody to promote."""

from lab.faults import Fault
from lab.faults._cache import MEMBERS, node, quorum, replicas_seen, roles, say
from lab.scene import Scene


def apply(scene: Scene) -> None:
    """Set it on both replicas."""
    for name in (scene["replica"], scene["other"]):
        say(scene, name, "CONFIG", "SET", "replica-priority", "0")


def took_effect(scene: Scene) -> str:
    """Every Sentinel has read it from both."""
    seen = [one["slave-priority"] for at in MEMBERS for one in replicas_seen(scene, at).values()]
    return "every Sentinel sees priority 0 of both replicas" if set(seen) == {"0"} else ""


def undo(scene: Scene) -> None:
    """Give each its priority back."""
    for name in (scene["replica"], scene["other"]):
        say(scene, name, "CONFIG", "SET", "replica-priority", "100")
    scene.wait("every Sentinel sees it", lambda: _seen(scene) == {"100"}, 60)


def _seen(scene: Scene) -> set[str]:
    """What a Sentinel says about it."""
    return {one["slave-priority"] for at in MEMBERS for one in replicas_seen(scene, at).values()}


FAULT = Fault(
    name="no-replica-may-take-over",
    title="No replica may be promoted: both have replica-priority 0",
    why="Set for a maintenance and forgotten; CKQUORUM says OK, and no failover ever ends.",
    kind="cache",
    shape="false-green",
    reddens={
        "CACHE-005": {
            node("<replica>"): r"its priority above 0, found 0",
            node("<other>"): r"its priority above 0, found 0",
        }
    },
    survey=roles,
    apply=apply,
    took_effect=took_effect,
    undo=undo,
    naive=quorum,
)
