"""At one edge both servers are the same machine: a name was copied, the address with it."""

from lab.errors import LabError
from lab.faults import Fault
from lab.faults._edge import CONFIG, OTHER, holder_first, reload, restore, states
from lab.inventory import machine
from lab.scene import Scene

SERVER, TWIN = "app2", "app1"


def edit(text: str) -> str:
    """Give one server the address of the other."""
    own, other = (f"server {SERVER} {machine(name).v4}:" for name in (SERVER, TWIN))
    return text.replace(own, other)


def apply(scene: Scene) -> None:
    """Change edge2's backend."""
    scene.change(OTHER, CONFIG, edit)
    reload(scene, OTHER)


def took_effect(scene: Scene) -> str:
    """The running edge sends app2's share to app1."""
    argv = ("curl", "-s", "-k", "--max-time", "5", "-o", "/dev/null", "-w", "%header{x-served-by}")
    where = f"portal.lab.test:443:{machine(OTHER).v4}"
    url = "https://portal.lab.test/health/ping"
    served = {scene.run("mon1", *argv, "--resolve", where, url) for _ in range(6)}
    same = served == {TWIN} and states(scene, OTHER)[SERVER] == "UP"
    return f"six requests at {OTHER} were all answered by {TWIN}" if same else ""


def undo(scene: Scene) -> None:
    """Two machines again."""
    restore(scene, CONFIG, OTHER)
    scene.wait(f"{SERVER} is up", lambda: states(scene, OTHER)[SERVER] == "UP", 30)


def naive(scene: Scene) -> str:
    """Every server of every edge is up."""
    found = states(scene, OTHER)
    if {found[SERVER], found[TWIN]} != {"UP"}:
        raise LabError(f"{OTHER}: {found}")
    return f"HAProxy at {OTHER}: {TWIN} is UP, {SERVER} is UP"


FAULT = Fault(
    name="server-is-another-machine",
    title="At one of two edges both servers are the same machine",
    why="Two green lines, one machine: redundancy that exists in the configuration only.",
    kind="balancer",
    shape="false-green",
    reddens={
        "LB-001": {
            f"portal/{SERVER}": rf"servers that are {SERVER} to be 1, found 0",
            f"portal/{TWIN}": rf"servers that are {TWIN} to be 1, found 2",
        },
        "LB-002": {f"portal/{SERVER}": rf"portal/{OTHER}/v4: .*answers of {SERVER} .*found 0"},
        "LB-004": {"lab": rf"servers of its backend to be {TWIN}, {SERVER}, found {TWIN}, {TWIN}"},
    },
    survey=holder_first,
    apply=apply,
    took_effect=took_effect,
    undo=undo,
    naive=naive,
)
