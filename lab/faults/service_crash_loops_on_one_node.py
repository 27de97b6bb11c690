"""The portal on one app machine dies at every start; the other one answers for both."""

from lab.faults import Fault
from lab.faults._edge import is_out, out_of_rotation, portal_answers
from lab.scene import Scene

NODE = "app2"
FOLDER = "/run/systemd/system/portal.service.d"
DROP_IN = """[Unit]
StartLimitIntervalSec=0

[Service]
ExecStart=
ExecStart=/opt/portal/bin/python -c "raise SystemExit('a module is missing')"
"""


def apply(scene: Scene) -> None:
    """Let the portal die as it starts, again and again."""
    scene.run(NODE, "mkdir", "-p", FOLDER)
    scene.write(NODE, f"{FOLDER}/fault.conf", DROP_IN)
    scene.run(NODE, "systemctl", "daemon-reload")
    scene.run(NODE, "systemctl", "--no-block", "restart", "portal")


def took_effect(scene: Scene) -> str:
    """The unit was restarted at least twice, is in no way active, and is out of rotation."""
    show = ("systemctl", "show", "--property=ActiveState,SubState,NRestarts", "portal")
    said = dict(line.split("=") for line in scene.run(NODE, *show).split())
    looping = said["ActiveState"] != "active" and int(said["NRestarts"]) > 1 and is_out(scene, NODE)
    return f"portal on {NODE}: {said['SubState']}, {said['NRestarts']} restarts" if looping else ""


def undo(scene: Scene) -> None:
    """Let the real portal start, and its count of restarts begin anew."""
    scene.run(NODE, "rm", "-rf", FOLDER)
    scene.run(NODE, "systemctl", "daemon-reload")
    scene.service(NODE, "stop", "portal")
    scene.service(NODE, "reset-failed", "portal")
    scene.service(NODE, "start", "portal")


FAULT = Fault(
    name="service-crash-loops-on-one-node",
    title="The portal on one of two app machines dies at every start",
    why="A bad release on one machine; the balancer hides it until the other one goes.",
    kind="hosts",
    reddens={
        "HOST-001": {NODE: r"state of portal to be active, found activating"},
        "HOST-003": {NODE: r"declared ports where nothing listens to be none, found 8000/tcp"},
        **out_of_rotation(NODE),
    },
    apply=apply,
    took_effect=took_effect,
    undo=undo,
    naive=portal_answers,
)
