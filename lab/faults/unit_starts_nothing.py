"""Keepalived on the standby edge runs no more; its unit stands for others and starts nothing."""

from lab.faults import Fault
from lab.faults._edge import OTHER, holder_first
from lab.faults.daemon_died_and_its_unit_stays_active import FOLDER, UNIT, naive, state, undo
from lab.scene import Scene

NODE = OTHER
STEADY = 15  # seconds: a unit that was just started is red for that
# As Debian's postgresql.service, which is active whether or not a server runs.
DROP_IN = """[Service]
Type=oneshot
NotifyAccess=none
PIDFile=
RemainAfterExit=yes
Restart=no
ExecStart=
ExecStart=/bin/true
"""


def apply(scene: Scene) -> None:
    """Put it in the daemon's place."""
    scene.run(NODE, "mkdir", "-p", FOLDER)
    scene.write(NODE, f"{FOLDER}/fault.conf", DROP_IN)
    scene.run(NODE, "systemctl", "daemon-reload")
    scene.service(NODE, "restart", UNIT)


def up(scene: Scene) -> int:
    """The seconds that the unit has been active."""
    words = ("--timestamp=unix", "--property=ActiveEnterTimestamp", "--value")
    since = scene.run(NODE, "systemctl", "show", *words, UNIT).strip().removeprefix("@")
    return int(scene.run(NODE, "date", "+%s")) - int(since or 0)


def took_effect(scene: Scene) -> str:
    """No process of that name is left, and the unit is no longer new."""
    if scene.ask(NODE, "pidof", UNIT).code == 0 or state(scene) != "exited":
        return ""
    if up(scene) < STEADY:
        return ""
    return f"{UNIT} on {NODE}: no process, and the unit is active (exited) as a oneshot"


FAULT = Fault(
    name="unit-starts-nothing",
    title="A unit on the standby edge is a wrapper that runs true, and nothing of it runs",
    why="An upgrade made it one unit for several instances and enabled none of them; whoever "
    "declares the wrapper watches nothing.",
    kind="hosts",
    shape="false-green",
    reddens={
        "HOST-001": {NODE: rf"programs that {UNIT} starts at least 1, found 0"},
        "LB-005": {"lab": rf"portal/{NODE}: expected processes of keepalived above 0, found 0"},
    },
    survey=holder_first,
    apply=apply,
    took_effect=took_effect,
    undo=undo,
    naive=naive,
)
