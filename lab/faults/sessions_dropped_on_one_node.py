"""One replica would throw sessions away when its memory is full."""

from lab.errors import LabError
from lab.faults import Fault
from lab.faults._cache import node, roles, say, setting
from lab.scene import Scene


def apply(scene: Scene) -> None:
    """Every session has a time to live, so volatile-lru may drop any of them."""
    say(scene, scene["other"], "CONFIG", "SET", "maxmemory-policy", "volatile-lru")


def took_effect(scene: Scene) -> str:
    """The server says so."""
    policy = setting(scene, scene["other"], "maxmemory-policy")
    return f"the policy is {policy}" if policy == "volatile-lru" else ""


def undo(scene: Scene) -> None:
    """Set it back."""
    say(scene, scene["other"], "CONFIG", "SET", "maxmemory-policy", "noeviction")


def at_the_master(scene: Scene) -> str:
    """The probe of somebody in a hurry: the master has the right policy."""
    policy = setting(scene, scene["master"], "maxmemory-policy")
    if policy != "noeviction":
        raise LabError(f"the master's policy is {policy}")
    return "the master's policy is noeviction"


FAULT = Fault(
    name="sessions-dropped-on-one-node",
    title="One replica drops the least used sessions when its memory is full",
    why="A setting from the page cache; after a failover users are logged out under load.",
    kind="cache",
    shape="false-green",
    reddens={
        "CACHE-008": {node("<other>"): r"policy when memory is full .* noeviction, found volatile"},
    },
    survey=roles,
    apply=apply,
    took_effect=took_effect,
    undo=undo,
    naive=at_the_master,
)
