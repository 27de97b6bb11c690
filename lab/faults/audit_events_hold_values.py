"""One application machine records what fields hold, besides their names."""

from lab.faults import Fault
from lab.faults._audit import AUDITED, RECORDS, TRAIL, WRITTEN, edit, is_recorded, put_back, read
from lab.scene import Scene

MACHINE = "app2"
VALUES = WRITTEN.replace("sorted(found or ())", 'sorted(f"{k}={v}" for k, v in found.items())')


def apply(scene: Scene) -> None:
    """Write both."""
    edit(scene, MACHINE, RECORDS, WRITTEN, VALUES)


def took_effect(scene: Scene) -> str:
    """The event of a read there holds more than names."""
    fields = [field for one in read(scene, MACHINE)() for field in one["fields"]]
    return f"events at {MACHINE} hold values" if any("=" in one for one in fields) else ""


def undo(scene: Scene) -> None:
    """Put it back."""
    put_back(scene, MACHINE, RECORDS)


def naive(scene: Scene) -> str:
    """A read there leaves an event."""
    return is_recorded(scene, MACHINE)


FAULT = Fault(
    name="audit-events-hold-values",
    title="One of two application machines writes the values of a record into its audit events",
    why="Helpful while debugging: the trail becomes an education record of its own.",
    kind="audit",
    shape="false-green",
    tier="touch",
    only=AUDITED,
    reddens={"AUD-004": {f"{TRAIL}/{MACHINE}": r"value stands in an event to be none, found \w+"}},
    apply=apply,
    took_effect=took_effect,
    undo=undo,
    naive=naive,
)
