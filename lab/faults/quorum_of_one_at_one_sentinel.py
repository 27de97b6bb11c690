"""One Sentinel declares the master dead all alone."""

from lab.faults import Fault
from lab.faults._cache import CACHE, SENTINEL, quorum, say, watched
from lab.scene import Scene

AT = "cache2"


def apply(scene: Scene) -> None:
    """Lower its quorum."""
    say(scene, AT, "SENTINEL", "SET", CACHE, "quorum", "1", port=SENTINEL)


def took_effect(scene: Scene) -> str:
    """It says so."""
    value = watched(scene, AT, "quorum")
    return f"its quorum is {value}" if value == "1" else ""


def undo(scene: Scene) -> None:
    """Raise it again."""
    say(scene, AT, "SENTINEL", "SET", CACHE, "quorum", "2", port=SENTINEL)


FAULT = Fault(
    name="quorum-of-one-at-one-sentinel",
    title="One Sentinel needs nobody else to give the master up",
    why="Lowered while another Sentinel was down; each hiccup of its network is a failover now.",
    kind="cache",
    shape="false-green",
    reddens={"CACHE-003": {CACHE: rf"sentinel/{AT}: expected quorum to be 2, found 1"}},
    apply=apply,
    took_effect=took_effect,
    undo=undo,
    naive=quorum,
)
