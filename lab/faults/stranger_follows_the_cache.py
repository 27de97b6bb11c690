"""A Redis on an application server, which nobody declared, gets a copy of every session."""

from lab.faults import Fault, _stranger
from lab.faults._cache import (
    CACHE,
    LIMIT,
    MEMBERS,
    forget_strangers,
    info,
    quorum,
    replicas_seen,
    roles,
    say,
)
from lab.inventory import machine
from lab.scene import Scene


def apply(scene: Scene) -> None:
    """Start it behind the master."""
    _stranger.follow(scene, scene["master"])


def took_effect(scene: Scene) -> str:
    """The master serves three replicas, and each Sentinel has heard so, which asks now and then."""
    text = say(scene, scene["master"], "INFO", "replication")
    there = str(machine(_stranger.STRANGER).v4)
    line = next((one for one in text.splitlines() if there in one), "")
    heard = all(
        any(one.startswith(there) for one in replicas_seen(scene, name)) for name in MEMBERS
    )
    return f"the master serves {line.strip()}" if "online" in line and heard else ""


def undo(scene: Scene) -> None:
    """Stop it."""
    _stranger.stop(scene)
    two = lambda: info(scene, scene["master"], "connected_slaves") == "2"  # noqa: E731
    scene.wait("the master serves two replicas", two, LIMIT)
    # Sentinel keeps a replica that is gone until it is told to forget.
    forget_strangers(scene)


FAULT = Fault(
    name="stranger-follows-the-cache",
    title="A Redis that nobody declared follows the master and has every session",
    why="Started for an analysis with the password of replication, and forgotten there.",
    kind="cache",
    shape="false-green",
    reddens={
        "CACHE-001": {CACHE: r"replicas of the master to be .*, found 198\.18\.2\.11:0"},
        "CACHE-002": {CACHE: r"replicas that it knows to be .*, found 198\.18\.2\.11:0"},
    },
    survey=roles,
    apply=apply,
    took_effect=took_effect,
    undo=undo,
    naive=quorum,
)
