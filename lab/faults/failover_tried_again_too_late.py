"""One Sentinel tries a failover that came to nothing again after two hours."""

from lab.faults import Fault
from lab.faults._cache import CACHE, SENTINEL, quorum, say, watched
from lab.scene import Scene

AT = "cache2"
KEY, HOUR, RIGHT = "failover-timeout", "3600000", "15000"


def apply(scene: Scene) -> None:
    """Give an attempt an hour; it waits twice as long before the next."""
    say(scene, AT, "SENTINEL", "SET", CACHE, KEY, HOUR, port=SENTINEL)


def took_effect(scene: Scene) -> str:
    """It says so."""
    value = watched(scene, AT, KEY)
    return f"its {KEY} is {value} ms" if value == HOUR else ""


def undo(scene: Scene) -> None:
    """Set it as it was."""
    say(scene, AT, "SENTINEL", "SET", CACHE, KEY, RIGHT, port=SENTINEL)


FAULT = Fault(
    name="failover-tried-again-too-late",
    title="One Sentinel waits two hours before it tries a failover again",
    why="Raised while a replica was slow to copy; a first attempt that fails is the last for long.",
    kind="cache",
    shape="false-green",
    reddens={
        "CACHE-003": {
            CACHE: rf"sentinel/{AT}: expected seconds until it tries a failover again .* at most "
            r"1800\S*, found 7205"
        }
    },
    apply=apply,
    took_effect=took_effect,
    undo=undo,
    naive=quorum,
)
