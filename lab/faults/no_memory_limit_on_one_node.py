"""The master keeps every session and has no limit of memory."""

from lab.faults import Fault
from lab.faults._cache import node, roles, say, setting
from lab.scene import Scene


def apply(scene: Scene) -> None:
    """0 is no limit."""
    say(scene, scene["master"], "CONFIG", "SET", "maxmemory", "0")


def took_effect(scene: Scene) -> str:
    """The server says so."""
    limit = setting(scene, scene["master"], "maxmemory")
    return "maxmemory is 0" if limit == "0" else ""


def undo(scene: Scene) -> None:
    """Set it back."""
    say(scene, scene["master"], "CONFIG", "SET", "maxmemory", "64mb")


FAULT = Fault(
    name="no-memory-limit-on-one-node",
    title="The master of the cache has no memory limit",
    why="The machine's memory is the limit then, and the kernel ends Redis instead.",
    kind="cache",
    reddens={"CACHE-008": {node("<master>"): r"its memory limit in bytes above 0, found 0"}},
    survey=roles,
    apply=apply,
    took_effect=took_effect,
    undo=undo,
)
