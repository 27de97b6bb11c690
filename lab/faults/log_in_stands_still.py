"""Nobody can log in any more: both portals leave that request without an answer."""

from lab.errors import LabError
from lab.faults import Fault
from lab.faults._load import CHECKS, CODE, NODE, TEST, VISIT, visits
from lab.scene import Scene

MACHINES = ("app1", "app2")
BEFORE = "    outcome = sessions.log_in("
# Longer than any user waits: the load's own limit is 10 s.
STANDS = "    import time; time.sleep(25)\n"
BODY = '{"email": "nobody@example.test", "password": "wrong"}'
IN_VAIN = "000"  # what curl writes for a status where none came


def apply(scene: Scene) -> None:
    """Deploy a release whose log-in waits for something that does not come."""
    for machine in MACHINES:
        scene.change(machine, CODE, lambda text: text.replace(BEFORE, STANDS + BEFORE))
        scene.service(machine, "restart", "portal")


def took_effect(scene: Scene) -> str:
    """A log-in gets no answer within five seconds on either machine."""
    told = []
    for machine in MACHINES:
        post = ("-H", "Content-Type: application/json", "-d", BODY)
        said = scene.ask("mon1", *VISIT, *post, f"http://{machine}:8000/auth/login").out
        told.append(said.split()[0])
    return "no log-in is answered within 5 s" if told == [IN_VAIN] * len(MACHINES) else ""


def undo(scene: Scene) -> None:
    """Put the release back on both, and wait until they serve again."""
    for machine in MACHINES:
        scene.put_back(machine, CODE)
        scene.service(machine, "restart", "portal")

    def serve() -> bool:
        words = (scene.ask("mon1", *VISIT, f"http://{one}:8000/courses").out for one in MACHINES)
        return all(said.startswith("200") for said in words)

    scene.wait("both serve", serve, 30)


def naive(scene: Scene) -> str:
    """Every page that needs no log-in answers, the one that health checks ask among them."""
    statuses = {status for status, _ in visits(scene, "/courses", 10)}
    if statuses != {"200"}:
        raise LabError(f"{NODE}: {statuses}")
    return f"10 of 10 visits to {NODE} are answered with 200"


FAULT = Fault(
    name="log-in-stands-still",
    title="Nobody who tries to log in gets an answer, on any portal",
    why="A load test that can't log in calls it a failure of its own and shows nothing; students "
    "who are logged in already notice nothing, the others wait.",
    kind="load",
    shape="false-green",
    reddens={
        "LOAD-003": {
            TEST: r"what kept a user from logging in to be nothing, found no answer in time"
        }
    },
    apply=apply,
    took_effect=took_effect,
    undo=undo,
    naive=naive,
    tier="load",
    only=CHECKS,
)
