"""What moves the virtual address lives for seconds on the standby edge, dies and comes back."""

from lab.errors import LabError
from lab.faults import Fault
from lab.faults._edge import OTHER, holder_first
from lab.scene import Scene

NODE = OTHER
UNIT = "keepalived"
FOLDER = f"/run/systemd/system/{UNIT}.service.d"
DROP_IN = """[Unit]
StartLimitIntervalSec=0

[Service]
Restart=always
RestartSec=100ms
RuntimeMaxSec=8s
"""


def restarts(scene: Scene) -> int:
    """How often systemd has restarted it by itself."""
    show = ("systemctl", "show", "--property=NRestarts", "--value", UNIT)
    return int(scene.run(NODE, *show))


def apply(scene: Scene) -> None:
    """Let systemd end it after eight seconds, and start it again."""
    scene.run(NODE, "mkdir", "-p", FOLDER)
    scene.write(NODE, f"{FOLDER}/fault.conf", DROP_IN)
    scene.run(NODE, "systemctl", "daemon-reload")
    scene.service(NODE, "restart", UNIT)


def took_effect(scene: Scene) -> str:
    """It was restarted at least twice."""
    count = restarts(scene)
    return f"{UNIT} on {NODE}: {count} restarts" if count > 1 else ""


def undo(scene: Scene) -> None:
    """Let it live."""
    scene.run(NODE, "rm", "-f", f"{FOLDER}/fault.conf")
    scene.run(NODE, "systemctl", "daemon-reload")
    scene.service(NODE, "restart", UNIT)


def naive(scene: Scene) -> str:
    """The unit is active, at some moment of a second."""

    def active() -> bool:
        return scene.ask(NODE, "systemctl", "is-active", "--quiet", UNIT).code == 0

    if not scene.wait("it is active", active, 5):
        raise LabError(f"{UNIT} on {NODE} is not active")
    return f"systemctl is-active {UNIT} on {NODE}: active"


FAULT = Fault(
    name="service-restarts-every-few-seconds",
    title="Keepalived on the standby edge dies every eight seconds and is restarted",
    why="Restart=always hides a crash; whether the address moves is a matter of luck.",
    kind="hosts",
    reddens={"HOST-001": {NODE: r"keepalived.*found"}},
    survey=holder_first,
    apply=apply,
    took_effect=took_effect,
    undo=undo,
    naive=naive,
)
