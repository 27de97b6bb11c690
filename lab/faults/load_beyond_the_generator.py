"""The environment file asks for more than the gate's machine can offer."""

from lab.faults import Fault
from lab.faults._load import CHECKS, TEST
from lab.scene import Scene

DECLARED = "rate: 25\n    duration: 60 s"
ALTERED = "rate: 2000\n    duration: 5 s"
# So that it is not ended early: what the site makes of it is not the question.
FEW, ANY = "    failures: 1\n", "    failures: 99\n"


def environment(text: str) -> str:
    """Ask for eighty times as much, for five seconds."""
    return text.replace(DECLARED, ALTERED).replace(FEW, ANY)


def took_effect(_: Scene) -> str:
    """The file says so."""
    return "the environment file asks for 2,000 requests a second"


FAULT = Fault(
    name="load-beyond-the-generator",
    title="The declared rate is more than one process can offer",
    why="Figures of a load that was never offered would be those of the machine that asks.",
    kind="load",
    reddens={
        "LOAD-001": {TEST: r"percent of requests sent when due at least 99"},
        "LOAD-002": {TEST: r"(processor below|lag of 99 % of the requests at most) [\d.]+, found"},
    },
    blinds={"LOAD-003": {TEST: r"found nothing"}},
    took_effect=took_effect,
    environment=environment,
    tier="load",
    only=CHECKS,
)
