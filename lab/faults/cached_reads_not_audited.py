"""One application machine keeps what it read and audits only what it did not have."""

from lab.errors import LabError
from lab.faults import Fault
from lab.faults._audit import AUDITED, RECORDS, TRAIL, WRITTEN, edit, put_back, read
from lab.scene import Scene

MACHINE = "app1"
# In the service's own /tmp, which all of its processes share and which ends with it.
ONCE = f"""import pathlib
        kept = pathlib.Path(f"/tmp/kept-{{student}}")
        if not kept.exists():
            {WRITTEN}
        kept.touch()"""
# Read by nobody yet.
OTHERS = (101, 102, 103)


def apply(scene: Scene) -> None:
    """Remember which records were read."""
    edit(scene, MACHINE, RECORDS, WRITTEN, ONCE)


def took_effect(scene: Scene) -> str:
    """A student read again and again leaves no event any more."""
    return "" if read(scene, MACHINE)() else f"a second read at {MACHINE} leaves no event"


def undo(scene: Scene) -> None:
    """Put it back."""
    put_back(scene, MACHINE, RECORDS)


def naive(scene: Scene) -> str:
    """Each of some students read there leaves an event."""
    for student in OTHERS:
        if len(read(scene, MACHINE, student=student)()) != 1:
            raise LabError(f"student {student} leaves no event")
    return f"{len(OTHERS)} students read at {MACHINE} leave an event each"


FAULT = Fault(
    name="cached-reads-not-audited",
    title="One of two application machines leaves no event of a record that it has read before",
    why="A cache in front of what audits: the second look at a record is on no record.",
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
