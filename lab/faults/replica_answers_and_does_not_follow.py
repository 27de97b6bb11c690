"""A replica's link to the master is down: it logs in there as a user that does not exist."""

from lab.faults import Fault
from lab.faults._cache import MEMBERS, REDIS, answers, info, node, replicas_seen, roles, say
from lab.inventory import machine
from lab.scene import Scene


def apply(scene: Scene) -> None:
    """Give it another user for replication, and cut the link that it has."""
    say(scene, scene["replica"], "CONFIG", "SET", "masteruser", "nobody")
    say(scene, scene["replica"], "CLIENT", "KILL", "TYPE", "master")


def took_effect(scene: Scene) -> str:
    """The replica says so, the master has lost it, and every Sentinel has heard of it."""
    status = info(scene, scene["replica"], "master_link_status")
    followers = info(scene, scene["master"], "connected_slaves")
    seen = {one["master-link-status"] for at in MEMBERS for one in _seen(scene, at)}
    return f"its link is {status}" if (status, followers, seen) == ("down", "1", {"err"}) else ""


def _seen(scene: Scene, at: str) -> list[dict[str, str]]:
    """The replica as a Sentinel sees it."""
    place = f"{machine(scene['replica']).v4}:{REDIS}"
    return [one for name, one in replicas_seen(scene, at).items() if name == place]


def undo(scene: Scene) -> None:
    """Give it its user back."""
    say(scene, scene["replica"], "CONFIG", "SET", "masteruser", "replication")
    link = lambda: info(scene, scene["replica"], "master_link_status") == "up"  # noqa: E731
    scene.wait("its link is up", link, 60)


FAULT = Fault(
    name="replica-answers-and-does-not-follow",
    title="One replica answers and no longer follows the master",
    why="The password of replication was changed on the master only; the replica serves old data.",
    kind="cache",
    shape="false-green",
    reddens={
        "CACHE-001": {"sessions": r"replicas of the master to be .*, found cache\d"},
        "CACHE-004": {node("<replica>"): r"its link to the master to be up, found down"},
        "CACHE-005": {node("<replica>"): r"link of <replica> to the master to be ok, found err"},
    },
    survey=roles,
    apply=apply,
    took_effect=took_effect,
    undo=undo,
    naive=answers,
)
