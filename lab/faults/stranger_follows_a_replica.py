"""A Redis that nobody declared gets every session from a replica, where no Sentinel looks."""

from lab.errors import LabError
from lab.faults import Fault, _stranger
from lab.faults._cache import CACHE, LIMIT, info, roles, say
from lab.inventory import machine
from lab.scene import Scene


def apply(scene: Scene) -> None:
    """Start it behind a replica."""
    _stranger.follow(scene, scene["replica"])


def took_effect(scene: Scene) -> str:
    """The replica serves one of its own."""
    text = say(scene, scene["replica"], "INFO", "replication")
    there = str(machine(_stranger.STRANGER).v4)
    line = next((one for one in text.splitlines() if there in one), "")
    return f"the replica serves {line.strip()}" if "online" in line else ""


def undo(scene: Scene) -> None:
    """Stop it; Sentinel never knew it."""
    _stranger.stop(scene)
    none = lambda: info(scene, scene["replica"], "connected_slaves") == "0"  # noqa: E731
    scene.wait("the replica serves nobody", none, LIMIT)


def at_the_master(scene: Scene) -> str:
    """The probe of somebody in a hurry: the master serves its two replicas and nobody else."""
    served = info(scene, scene["master"], "connected_slaves")
    if served != "2":
        raise LabError(f"the master serves {served} replicas")
    return "the master serves 2 replicas"


FAULT = Fault(
    name="stranger-follows-a-replica",
    title="A Redis that nobody declared follows a replica and has every session",
    why="Started where it would not burden the master; only the replica itself lists it.",
    kind="cache",
    shape="false-green",
    reddens={
        "CACHE-001": {CACHE: r"replicas of <replica> to be none, found 198\.18\.2\.11:0"},
    },
    survey=roles,
    apply=apply,
    took_effect=took_effect,
    undo=undo,
    naive=at_the_master,
)
