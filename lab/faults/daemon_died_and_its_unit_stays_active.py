"""Keepalived on the standby edge has died; its unit, as of an init script, stays active."""

from lab.errors import LabError
from lab.faults import Fault
from lab.faults._edge import OTHER, holder_first
from lab.scene import Scene

NODE = OTHER
UNIT = "keepalived"
FOLDER = f"/run/systemd/system/{UNIT}.service.d"
# What systemd makes of an init script: it starts something, knows no main process, and takes the
# unit for active whatever becomes of it (systemd-sysv-generator).
DROP_IN = f"""[Service]
Type=forking
NotifyAccess=none
PIDFile=
GuessMainPID=no
RemainAfterExit=yes
Restart=no
ExecStart=
ExecStart=/usr/sbin/{UNIT}
"""


def apply(scene: Scene) -> None:
    """Start it like that, and end the daemon."""
    scene.run(NODE, "mkdir", "-p", FOLDER)
    scene.write(NODE, f"{FOLDER}/fault.conf", DROP_IN)
    scene.run(NODE, "systemctl", "daemon-reload")
    scene.service(NODE, "restart", UNIT)
    scene.wait(f"{UNIT} runs", lambda: state(scene) == "running", 10)
    scene.service(NODE, "kill", "--signal=TERM", UNIT)


def state(scene: Scene) -> str:
    """The unit's sub-state."""
    return scene.run(NODE, "systemctl", "show", "--property=SubState", "--value", UNIT).strip()


def took_effect(scene: Scene) -> str:
    """No process of that name is left."""
    if scene.ask(NODE, "pidof", UNIT).code == 0 or state(scene) != "exited":
        return ""
    return f"{UNIT} on {NODE}: no process, and the unit is active (exited)"


def undo(scene: Scene) -> None:
    """Start it as it was."""
    scene.run(NODE, "rm", "-f", f"{FOLDER}/fault.conf")
    scene.run(NODE, "systemctl", "daemon-reload")
    scene.service(NODE, "restart", UNIT)


def naive(scene: Scene) -> str:
    """The unit is active."""
    if scene.ask(NODE, "systemctl", "is-active", "--quiet", UNIT).code:
        raise LabError(f"{UNIT} on {NODE} is not active")
    return f"systemctl is-active {UNIT} on {NODE}: active"


FAULT = Fault(
    name="daemon-died-and-its-unit-stays-active",
    title="Keepalived on the standby edge has died, and systemd calls its unit active",
    why="A package brought an init script; nobody watches what it starts, and the next failure of "
    "the other edge takes the virtual address with it.",
    kind="hosts",
    shape="false-green",
    reddens={
        "HOST-001": {NODE: rf"sub-state of {UNIT} to be one of .*, found exited"},
        "LB-005": {"lab": rf"portal/{NODE}: expected processes of keepalived above 0, found 0"},
    },
    survey=holder_first,
    apply=apply,
    took_effect=took_effect,
    undo=undo,
    naive=naive,
)
