"""One application server does not let the edge in over IPv6."""

from lab.errors import LabError
from lab.faults import Fault
from lab.faults._firewall import as_they_were, gets_through, in_front, put_in_front
from lab.inventory import EDGE
from lab.scene import Scene

NODE, PORT = "app2", 8000


def apply(scene: Scene) -> None:
    """Drop what the edge sends there."""
    put_in_front(scene, NODE, f"ip6 saddr {EDGE.v6} tcp dport {PORT} drop")


def took_effect(scene: Scene) -> str:
    """The running rules say so."""
    return in_front(scene, NODE)


def undo(scene: Scene) -> None:
    """Load the rules anew."""
    as_they_were(scene, NODE)


def naive(scene: Scene) -> str:
    """Over IPv4 the edge gets its answer."""
    url = f"http://{NODE}:{PORT}/health/ready"
    done = scene.ask("edge1", "curl", "-4", "-s", "--max-time", "5", "-o", "/dev/null", url)
    if done.code:
        raise LabError(f"edge1 gets no answer from {url}")
    return f"{url} answers edge1"


FAULT = Fault(
    name="ipv6-flow-blocked",
    title="A declared flow is blocked in one family only: the edge reaches one server over IPv4",
    why="The rule was written twice and one copy was lost; it shows when IPv4 is switched off.",
    kind="firewall",
    shape="false-green",
    reddens={"FW-002": {"edge>app": gets_through(("edge1", "edge2"), NODE, PORT, "v6")}},
    scan=True,
    apply=apply,
    took_effect=took_effect,
    undo=undo,
    naive=naive,
)
