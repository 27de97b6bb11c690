"""One application machine writes each event twice."""

from lab.faults import Fault
from lab.faults._audit import AUDIT, AUDITED, TRAIL, edit, is_recorded, put_back, read
from lab.scene import Scene

MACHINE = "app2"
TWICE = 2


def apply(scene: Scene) -> None:
    """Give the insert its subjects twice."""
    edit(scene, MACHINE, AUDIT, "list(subjects),", "[*subjects, *subjects],")


def took_effect(scene: Scene) -> str:
    """A read there leaves two events."""
    found = len(read(scene, MACHINE)())
    return f"a read at {MACHINE} leaves {found} events" if found == TWICE else ""


def undo(scene: Scene) -> None:
    """Put it back."""
    put_back(scene, MACHINE, AUDIT)


def naive(scene: Scene) -> str:
    """A read there leaves an event."""
    return is_recorded(scene, MACHINE)


FAULT = Fault(
    name="audit-events-written-twice",
    title="One of two application machines writes each audit event twice",
    why="A filter registered twice: a count of accesses means nothing any more.",
    kind="audit",
    shape="false-green",
    tier="touch",
    only=AUDITED,
    reddens={
        "AUD-001": {f"{TRAIL}/{MACHINE}": r"events of each of its reads to be 1, found 2"},
        "AUD-002": {f"{TRAIL}/{MACHINE}": r"events of each of its refusals to be 1, found 2"},
    },
    apply=apply,
    took_effect=took_effect,
    undo=undo,
    naive=naive,
)
