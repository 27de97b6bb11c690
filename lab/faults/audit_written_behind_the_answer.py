"""One application machine answers first and writes the event later, from memory."""

from lab.errors import LabError
from lab.faults import Fault
from lab.faults._audit import AUDITED, RECORDS, TRAIL, WRITTEN, edit, put_back, read
from lab.scene import Scene

MACHINE = "app2"
LATER = """import threading
        def later(pool=pool, access=access, outcome=outcome, fields=sorted(found or ())):
            with pool.connection() as another:
                audit.record(another, access, outcome, [student], fields)
        threading.Timer(10, later).start()"""
NAIVE_LIMIT = 40.0


def apply(scene: Scene) -> None:
    """Hand the event to a timer."""
    edit(scene, MACHINE, RECORDS, WRITTEN, LATER)


def took_effect(scene: Scene) -> str:
    """A read there leaves nothing yet."""
    return "" if read(scene, MACHINE)() else f"a read at {MACHINE} leaves no event at first"


def undo(scene: Scene) -> None:
    """Put it back."""
    put_back(scene, MACHINE, RECORDS)


def naive(scene: Scene) -> str:
    """A read there leaves its event, for whoever looks at leisure."""
    found = scene.wait("the event", read(scene, MACHINE), NAIVE_LIMIT)
    if len(found) != 1:
        raise LabError(f"{len(found)} events")
    return f"a read at {MACHINE} leaves one event"


FAULT = Fault(
    name="audit-written-behind-the-answer",
    title="One of two application machines writes audit events ten seconds after the answer",
    why="Made asynchronous to be faster: what waits in memory is lost with the process.",
    kind="audit",
    shape="false-green",
    tier="touch",
    only=AUDITED,
    reddens={
        "AUD-001": {f"{TRAIL}/{MACHINE}": r"events of each of its reads to be 1, found 0"},
        "AUD-003": {f"{TRAIL}/{MACHINE}": r"whose event was never seen to be 0, found \d+"},
        "AUD-004": {f"{TRAIL}/{MACHINE}": r"events of its reads at least 1, found 0"},
    },
    apply=apply,
    took_effect=took_effect,
    undo=undo,
    naive=naive,
)
