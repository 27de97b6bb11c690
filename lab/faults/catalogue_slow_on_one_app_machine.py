"""The catalogue takes its time on one app machine; the other one is quick."""

from statistics import mean

from lab.errors import LabError
from lab.faults import Fault
from lab.faults._load import CHECKS, NODE, TEST, VISIT, deploy, put_back, visits
from lab.scene import Scene

PAGE = "/courses"
PAUSE = 0.65
LIMIT = 0.5


def apply(scene: Scene) -> None:
    """Deploy a release that waits before it answers."""
    line = f'    __import__("time").sleep({PAUSE})\n'
    deploy(scene, "    return jsonify(courses=every(", line)


def took_effect(scene: Scene) -> str:
    """It answers rightly, and late."""
    (status, seconds), *_ = visits(scene, PAGE, 1)
    return f"{NODE} answers after {seconds:.2f} s" if status == "200" and seconds > PAUSE else ""


def naive(scene: Scene) -> str:
    """Everything answers 200, and the average of a few visits is within the limit."""
    place = f"https://portal.lab.test{PAGE}"
    found = [scene.run("mon1", *VISIT, "--insecure", place).split() for _ in range(10)]
    average = mean(float(seconds) for _, seconds in found)
    if {status for status, _ in found} != {"200"} or average > LIMIT:
        raise LabError(f"on average {average:.2f} s: {found}")
    return f"ten visits answer 200, on average after {average:.2f} s"


FAULT = Fault(
    name="catalogue-slow-on-one-app-machine",
    title="One of two portals takes 0.65 s for the catalogue",
    why="An index is missing on one machine's cache; every second student waits.",
    kind="load",
    shape="false-green",
    reddens={"LOAD-003": {TEST: r"expected p95 of catalogue at most 0\.5, found 0\.\d+ s"}},
    apply=apply,
    took_effect=took_effect,
    undo=put_back,
    naive=naive,
    tier="load",
    only=CHECKS,
)
