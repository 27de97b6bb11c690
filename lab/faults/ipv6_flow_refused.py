"""The router refuses what the edge sends to one application server, over IPv6."""

from lab.errors import LabError
from lab.faults import Fault
from lab.faults._firewall import ROUTER, as_they_were, gets_through, in_front, put_in_front
from lab.inventory import EDGE, machine
from lab.scene import Scene

NODE, PORT = "app1", 8000


def apply(scene: Scene) -> None:
    """Answer in its place."""
    rule = f"ip6 saddr {EDGE.v6} ip6 daddr {machine(NODE).v6} tcp dport {PORT}"
    put_in_front(scene, ROUTER, f"{rule} reject with tcp reset", table="router")


def took_effect(scene: Scene) -> str:
    """The router's running rules say so."""
    return in_front(scene, ROUTER, "router")


def undo(scene: Scene) -> None:
    """Load the rules anew."""
    as_they_were(scene, ROUTER)


def naive(scene: Scene) -> str:
    """A scan: the port is not filtered, so no firewall stands in the way.

    Raises:
        LabError: nothing answers.
    """
    script = f"</dev/tcp/{machine(NODE).v6}/{PORT}"
    done = scene.ask("edge1", "timeout", "2", "bash", "-c", script)
    if "refused" not in done.err:
        raise LabError(f"{NODE} port {PORT} does not refuse edge1: {done.err.strip()}")
    return f"port {PORT} of {NODE} answers edge1: it is not filtered"


FAULT = Fault(
    name="ipv6-flow-refused",
    title="A declared flow is refused on the way in one family, as if nothing listened there",
    why="Many firewalls reject by default: it looks like a service that is down, over IPv6 only.",
    kind="firewall",
    shape="false-green",
    reddens={"FW-002": {"edge>app": gets_through(("edge1", "edge2"), NODE, PORT, "v6")}},
    scan=True,
    apply=apply,
    took_effect=took_effect,
    undo=undo,
    naive=naive,
)
