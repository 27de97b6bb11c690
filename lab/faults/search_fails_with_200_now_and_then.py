"""The course search of one app machine fails now and then, and says so with 200."""

from lab.defects import EDGES, FAMILIES
from lab.errors import LabError
from lab.faults import Fault
from lab.faults._load import CHECKS, NODE, TEST, deploy, put_back, visits
from lab.scene import Scene

PAGE = "/api/course-search/search?q=math"
ALL = {"200"}
# Whoever asks for the page once meets the failure now and then.
LISTENERS = [f"portal/{at}/{family}" for at in (*EDGES, "shared") for family in FAMILIES]
ONCE = ("WEB-001", "WEB-002", "WEB-003", "WEB-004")
SEEN = r"what is wrong with the page \S+ .*to be none, found another page"


def apply(scene: Scene) -> None:
    """Deploy a release that hides its failures behind a friendly page."""
    line = '    if os.urandom(1)[0] % 2:\n        return jsonify(error="Please try again later.")\n'
    deploy(scene, "    rows = every(\n", line)


def took_effect(scene: Scene) -> str:
    """Of twenty searches some find nothing at all."""
    words = ("curl", "-s", "--max-time", "5", f"http://{NODE}:8000{PAGE}")
    bad = sum("credits" not in scene.ask("mon1", *words).out for _ in range(20))
    return f"{bad} of 20 searches at {NODE} fail" if bad else ""


def naive(scene: Scene) -> str:
    """Every request answers 200: an error rate of 0."""
    statuses = {status for status, _ in visits(scene, PAGE, 20)}
    if statuses != ALL:
        raise LabError(f"{NODE}: {statuses}")
    return f"20 of 20 searches at {NODE} answer 200"


FAULT = Fault(
    name="search-fails-with-200-now-and-then",
    title="Every second course search on one of two portals fails and answers 200",
    why="Load tests count statuses; students read that they should try again later.",
    kind="load",
    shape="false-green",
    reddens={"LOAD-003": {TEST: r"failed \(the first: another page than the right one\) at most"}},
    may_redden=dict.fromkeys(ONCE, dict.fromkeys(LISTENERS, SEEN))
    | {"LB-002": {f"portal/{NODE}": rf"an answer of {NODE} to be none, found another page"}},
    apply=apply,
    took_effect=took_effect,
    undo=put_back,
    naive=naive,
    tier="load",
    only=CHECKS,
)
