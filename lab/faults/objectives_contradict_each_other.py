"""The environment file promises a recovery time that its own availability forbids."""

from lab.faults import Fault
from lab.home import REPOSITORY
from lab.scene import Scene

PROMISED, STORY = "\n  recovery_time: 30 min\n", "\n  recovery_time: 1 h\n"


def environment(text: str) -> str:
    """The objectives as the acceptance list had them: 99.9 % and one hour."""
    return text.replace(PROMISED, STORY)


def took_effect(_: Scene) -> str:
    """The altered file says so."""
    text = environment((REPOSITORY / "environments/lab.yaml").read_text())
    return "the environment file says recovery_time: 1 h" if STORY in text else ""


FAULT = Fault(
    name="objectives-contradict-each-other",
    title="One hour of recovery time is promised beside 99.9 % of availability",
    why="99.9 % of 30 days allow 43 minutes: one outage within the promise breaks the promise.",
    kind="objectives",
    reddens={"OBJ-001": {"lab": r"recovery time in seconds .*99\.9.* at most 2592, found 3600"}},
    took_effect=took_effect,
    environment=environment,
)
