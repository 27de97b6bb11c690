"""One replica has a quarter of the memory that the others may use."""

from lab.faults import Fault
from lab.faults._cache import answers, node, roles, say, setting
from lab.scene import Scene

LESS = 16 * 2**20


def apply(scene: Scene) -> None:
    """Lower its limit."""
    say(scene, scene["other"], "CONFIG", "SET", "maxmemory", str(LESS))


def took_effect(scene: Scene) -> str:
    """The servers say so."""
    here, there = (int(setting(scene, scene[one], "maxmemory")) for one in ("other", "master"))
    return f"{here} bytes, and {there} at the master" if here == LESS < there else ""


def undo(scene: Scene) -> None:
    """Set it back."""
    say(scene, scene["other"], "CONFIG", "SET", "maxmemory", "64mb")


FAULT = Fault(
    name="less-memory-on-one-replica",
    title="One replica may use a quarter of the memory of the master",
    why="Raised on the others when sessions grew; after a failover to it there is no room left.",
    kind="cache",
    shape="false-green",
    reddens={
        "CACHE-008": {
            node("<other>"): rf"memory limit beside the highest at least \d+, found {LESS}"
        }
    },
    survey=roles,
    apply=apply,
    took_effect=took_effect,
    undo=undo,
    naive=answers,
)
