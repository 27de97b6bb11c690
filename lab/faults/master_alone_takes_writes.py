"""One replica would go on taking sessions as a master that nobody follows."""

from lab.errors import LabError
from lab.faults import Fault
from lab.faults._cache import info, node, roles, say, setting
from lab.scene import Scene


def apply(scene: Scene) -> None:
    """Ask for no replica before a write, there only."""
    say(scene, scene["other"], "CONFIG", "SET", "min-replicas-to-write", "0")


def took_effect(scene: Scene) -> str:
    """The server says so."""
    value = setting(scene, scene["other"], "min-replicas-to-write")
    return f"min-replicas-to-write is {value}" if value == "0" else ""


def undo(scene: Scene) -> None:
    """Set it back."""
    say(scene, scene["other"], "CONFIG", "SET", "min-replicas-to-write", "1")


def at_the_master(scene: Scene) -> str:
    """The probe of somebody in a hurry: today's master asks for replicas and has them."""
    good = info(scene, scene["master"], "min_slaves_good_slaves")
    if good != "2":
        raise LabError(f"good replicas of the master: {good}")
    return "the master has 2 good replicas, and asks for them"


FAULT = Fault(
    name="master-alone-takes-writes",
    title="One replica, once it is master, takes writes with no replica behind it",
    why="Two of three were set; after a failover and a cut, an hour of sessions is thrown away.",
    kind="cache",
    shape="false-green",
    reddens={"CACHE-006": {node("<other>"): r"counts good replicas to be yes, found no"}},
    survey=roles,
    apply=apply,
    took_effect=took_effect,
    undo=undo,
    naive=at_the_master,
)
