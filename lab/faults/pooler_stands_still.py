"""The pooler on one app machine is stopped by a signal: it runs and answers nobody."""

from lab.errors import LabError
from lab.faults import Fault
from lab.faults._edge import is_out, out_of_rotation
from lab.scene import Scene

NODE = "app2"
UNIT = "pgbouncer"


def signalled(scene: Scene, signal: str) -> None:
    """Send a signal to the unit's main process."""
    scene.run(NODE, "systemctl", "kill", "--kill-whom=main", f"--signal={signal}", UNIT)


def apply(scene: Scene) -> None:
    """Stop it, as a debugger or a hand on the wrong terminal does."""
    signalled(scene, "SIGSTOP")


def took_effect(scene: Scene) -> str:
    """Its process is in state T, and the portal over it is out of rotation."""
    main = scene.run(NODE, "systemctl", "show", "--property=MainPID", "--value", UNIT).strip()
    state = scene.run(NODE, "ps", "-o", "stat=", "-p", main).strip()
    stopped = state.startswith("T") and is_out(scene, NODE)
    return f"{UNIT} on {NODE}: process {main} is {state}" if stopped else ""


def undo(scene: Scene) -> None:
    """Let it go on."""
    signalled(scene, "SIGCONT")


def naive(scene: Scene) -> str:
    """The unit is active, and its port takes connections."""
    if scene.ask(NODE, "systemctl", "is-active", "--quiet", UNIT).code:
        raise LabError(f"{UNIT} on {NODE} is not active")
    scene.run(NODE, "bash", "-c", "exec 3<>/dev/tcp/127.0.0.1/6432")
    return f"{UNIT} on {NODE} is active, and port 6432 takes a connection"


FAULT = Fault(
    name="pooler-stands-still",
    title="The pooler on one app machine is stopped by a signal",
    why="Its unit is active, the kernel takes connections for it, and every session hangs.",
    kind="hosts",
    shape="false-green",
    reddens={
        "HOST-001": {NODE: r"stopped processes of pgbouncer.* 0, found 1"},
        **out_of_rotation(NODE),
    },
    apply=apply,
    took_effect=took_effect,
    undo=undo,
    naive=naive,
)
