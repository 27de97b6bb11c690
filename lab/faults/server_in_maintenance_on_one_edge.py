"""Somebody took a server out for an upgrade, on one edge, and forgot it there."""

from lab.errors import LabError
from lab.faults import Fault
from lab.faults._edge import OTHER, holder_first, portal_answers, states
from lab.scene import Scene

SERVER = "app2"
BACKEND = f"portal/{SERVER}"


def told(scene: Scene, state: str) -> None:
    """Tell HAProxy over its admin socket, as its operators do."""
    script = (
        "import socket, sys; s = socket.socket(socket.AF_UNIX); "
        "s.connect('/run/haproxy/admin.sock'); s.sendall(sys.argv[1].encode() + b'\\n'); "
        "print(s.recv(4096).decode())"
    )
    said = scene.run(OTHER, "python3", "-c", script, f"set server app/{SERVER} state {state}")
    if said.strip():
        raise LabError(f"{OTHER}: HAProxy says {said.strip()}")


def apply(scene: Scene) -> None:
    """Put app2 into maintenance at edge2."""
    told(scene, "maint")


def took_effect(scene: Scene) -> str:
    """The edge's own statistics say so."""
    state = states(scene, OTHER)[SERVER]
    return f"{SERVER} is {state} at {OTHER}" if state == "MAINT" else ""


def undo(scene: Scene) -> None:
    """Take it back into rotation."""
    told(scene, "ready")
    scene.wait(f"{SERVER} is up", lambda: states(scene, OTHER)[SERVER] == "UP", 30)


FAULT = Fault(
    name="server-in-maintenance-on-one-edge",
    title="One of two servers is in maintenance at one of two edges",
    why="Taken out for an upgrade and never put back: after a failover one machine serves all.",
    kind="balancer",
    shape="false-green",
    reddens={
        "LB-001": {BACKEND: rf"portal/{OTHER}: .*status of {SERVER} to be UP, found MAINT"},
        "LB-002": {BACKEND: rf"portal/{OTHER}/v4: .*answers of {SERVER} .*found 0"},
    },
    survey=holder_first,
    apply=apply,
    took_effect=took_effect,
    undo=undo,
    naive=portal_answers,
)
