"""One Sentinel gives every failover up after a millisecond."""

from lab.faults import Fault
from lab.faults._cache import CACHE, SENTINEL, quorum, say, watched
from lab.scene import Scene

AT = "cache3"
KEY, INSTANT, RIGHT = "failover-timeout", "1", "15000"


def apply(scene: Scene) -> None:
    """Leave it no time to be chosen, nor to see that whom it promotes obeys."""
    say(scene, AT, "SENTINEL", "SET", CACHE, KEY, INSTANT, port=SENTINEL)


def took_effect(scene: Scene) -> str:
    """It says so."""
    value = watched(scene, AT, KEY)
    return f"its {KEY} is {value} ms" if value == INSTANT else ""


def undo(scene: Scene) -> None:
    """Set it as it was."""
    say(scene, AT, "SENTINEL", "SET", CACHE, KEY, RIGHT, port=SENTINEL)


FAULT = Fault(
    name="failover-given-up-at-once",
    title="One Sentinel gives each failover up after a millisecond",
    why="Somebody took milliseconds for seconds; whoever it orders to be master is left alone.",
    kind="cache",
    shape="false-green",
    reddens={
        "CACHE-003": {
            CACHE: rf"sentinel/{AT}: expected milliseconds until it gives a failover up at least "
            r"2000, found 1\b"
        }
    },
    apply=apply,
    took_effect=took_effect,
    undo=undo,
    naive=quorum,
)
