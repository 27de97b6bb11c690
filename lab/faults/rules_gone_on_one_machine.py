"""One cache machine has no rules of its own any more; the router still filters between zones."""

from lab.faults import Fault
from lab.faults._firewall import as_they_were, closed, gets_through, v4
from lab.scene import Scene

NODE = "cache2"
INSIDE = ("gw1", "db1", "db2", "db3", "cache1", "cache3")


def apply(scene: Scene) -> None:
    """Flush everything, as a reload that fails halfway does."""
    scene.run(NODE, "nft", "flush", "ruleset")


def took_effect(scene: Scene) -> str:
    """No rule is left."""
    left = scene.run(NODE, "nft", "list", "ruleset").strip()
    return "" if left else f"{NODE} has no rules"


def undo(scene: Scene) -> None:
    """Load them from the file."""
    as_they_were(scene, NODE)


def naive(scene: Scene) -> str:
    """A scan from the operations zone and one from outside: the router stands before it."""
    ports = (80, 2379, 5432)
    for source in ("stranger", "mon1"):
        closed(scene, source, v4(NODE), ports)
    return f"ports {', '.join(map(str, ports))} of {NODE} answer neither mon1 nor stranger"


FAULT = Fault(
    name="rules-gone-on-one-machine",
    title="One machine lost its rules at a reload; the router between the zones hides it",
    why="The unit stays active, scans from other zones find all closed, and the neighbours get in.",
    kind="firewall",
    shape="false-green",
    reddens={
        "FW-003": {"data>data": gets_through(INSIDE, NODE, 22, "v4")},
        "FW-004": {"data>data": gets_through(INSIDE, NODE, 22, "v6")},
    },
    scan=True,
    apply=apply,
    took_effect=took_effect,
    undo=undo,
    naive=naive,
)
