"""One of two application machines reads records without leaving an event."""

from lab.faults import Fault
from lab.faults._audit import AUDITED, RECORDS, TRAIL, WRITTEN, edit, is_recorded, put_back, read
from lab.scene import Scene

MACHINE = "app2"


def apply(scene: Scene) -> None:
    """Take the line out."""
    edit(scene, MACHINE, RECORDS, WRITTEN, "pass")


def took_effect(scene: Scene) -> str:
    """A read there leaves nothing."""
    return "" if read(scene, MACHINE)() else f"a read at {MACHINE} leaves no event"


def undo(scene: Scene) -> None:
    """Put it back."""
    put_back(scene, MACHINE, RECORDS)


FAULT = Fault(
    name="reads-not-audited-on-one-machine",
    title="One of two application machines leaves no event of what it reads",
    why="A release half rolled out: every other access of an official is on no record.",
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
    naive=is_recorded,
)
