"""A debug server on one app machine listens on all its addresses."""

from lab.errors import LabError
from lab.faults import Fault
from lab.inventory import machine
from lab.scene import Scene

NODE = "app2"
PORT = 9009
UNIT = "lab-debug-server"


def apply(scene: Scene) -> None:
    """Start it as a unit that nobody declared."""
    scene.run(
        NODE,
        "systemd-run",
        f"--unit={UNIT}",
        "--working-directory=/srv",
        "python3",
        "-m",
        "http.server",
        "--bind",
        "::",
        str(PORT),
    )


def took_effect(scene: Scene) -> str:
    """The kernel says that it listens."""
    said = scene.run(NODE, "ss", "-Hnlt", f"sport = :{PORT}").strip()
    return f"{NODE} listens: {' '.join(said.split())}" if said else ""


def undo(scene: Scene) -> None:
    """Stop it; one that is gone is fine."""
    scene.ask(NODE, "systemctl", "stop", UNIT)


def naive(scene: Scene) -> str:
    """From where the gate looks, the port is closed: the firewall hides it."""
    url = f"http://{machine(NODE).v4}:{PORT}/"
    done = scene.ask("mon1", "curl", "-s", "--max-time", "2", "-o", "/dev/null", url)
    if done.code == 0:
        raise LabError(f"{NODE}:{PORT} is open")
    return f"{NODE}:{PORT} can't be reached from mon1"


FAULT = Fault(
    name="debug-server-listens",
    title="A debug server listens on all addresses of one app machine",
    why="Only the firewall stands between it and everybody; one rule too many, and it is found.",
    kind="hosts",
    shape="false-green",
    reddens={"HOST-003": {NODE: rf"undeclared ports to be none, found {PORT}/tcp"}},
    apply=apply,
    took_effect=took_effect,
    undo=undo,
    naive=naive,
)
