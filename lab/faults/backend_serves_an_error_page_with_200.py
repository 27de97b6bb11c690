"""The portal on one app machine answers 200 and says in the body that something went wrong."""

from lab.defects import EDGES, FAMILIES
from lab.errors import LabError
from lab.faults import Fault
from lab.faults._edge import states
from lab.scene import Scene

NODE = "app2"
CODE = "/opt/portal/app/portal/web.py"
RIGHT = "    return jsonify(courses=every("
# Whoever asks for the page once is sent to either machine.
LISTENERS = [f"portal/{at}/{family}" for at in (*EDGES, "shared") for family in FAMILIES]
SEEN = r"what is wrong with the page /courses to be none, found another page"
WRONG = '    return jsonify(error="The catalogue is being updated, please come back later.")\n'


def apply(scene: Scene) -> None:
    """Deploy a release whose catalogue page hides its failure."""
    scene.change(NODE, CODE, lambda text: text.replace(RIGHT, WRONG + RIGHT))
    scene.service(NODE, "restart", "portal")


def ask(scene: Scene) -> tuple[str, str]:
    """Status and body of the catalogue page, asked for at the machine itself."""
    argv = ("curl", "-s", "--max-time", "5", "-w", "\n%{http_code}", f"http://{NODE}:8000/courses")
    body, _, status = scene.run("mon1", *argv).rpartition("\n")
    return status, body


def in_rotation(scene: Scene) -> bool:
    """Whether both edges send users to it."""
    return all(states(scene, edge)[NODE] == "UP" for edge in EDGES)


def took_effect(scene: Scene) -> str:
    """It answers 200 without a single course, and both edges call it healthy."""
    status, body = ask(scene)
    wrong = status == "200" and "credits" not in body and in_rotation(scene)
    return f"{NODE} answers {status} with {body.strip()[:60]}" if wrong else ""


def undo(scene: Scene) -> None:
    """Put the release back."""
    scene.put_back(NODE, CODE)
    scene.service(NODE, "restart", "portal")
    scene.wait("it is in rotation", lambda: in_rotation(scene), 30)


def naive(scene: Scene) -> str:
    """Every server is up, and the page answers 200 whoever serves it."""
    status, _ = ask(scene)
    if status != "200" or not in_rotation(scene):
        raise LabError(f"{NODE}: {status}, {states(scene, EDGES[0])}")
    return f"both edges say UP, {NODE} answers /courses with 200"


FAULT = Fault(
    name="backend-serves-an-error-page-with-200",
    title="One of two portals answers 200 with an error page, and stays in rotation",
    why="Its health check is fine; every second visitor reads that something went wrong.",
    kind="balancer",
    shape="false-green",
    reddens={
        "LB-002": {f"portal/{NODE}": rf"an answer of {NODE} to be none, found another page"},
    },
    may_redden=dict.fromkeys(("WEB-001", "WEB-002", "WEB-003"), dict.fromkeys(LISTENERS, SEEN)),
    apply=apply,
    took_effect=took_effect,
    undo=undo,
    naive=naive,
)
