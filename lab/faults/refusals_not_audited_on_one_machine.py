"""One of two application machines refuses and leaves no event of it."""

from lab.faults import Fault
from lab.faults._audit import AUDITED, RECORDS, TRAIL, edit, is_recorded, put_back, read
from lab.scene import Scene

MACHINE = "app1"
WRITTEN = 'audit.record(connection, access, "denied", [student])'


def apply(scene: Scene) -> None:
    """Take the line out."""
    edit(scene, MACHINE, RECORDS, WRITTEN, "pass")


def took_effect(scene: Scene) -> str:
    """A stranger's attempt there leaves nothing."""
    found = read(scene, MACHINE, "canary-classmate")()
    return "" if found else f"a refusal at {MACHINE} leaves no event"


def undo(scene: Scene) -> None:
    """Put it back."""
    put_back(scene, MACHINE, RECORDS)


FAULT = Fault(
    name="refusals-not-audited-on-one-machine",
    title="One of two application machines leaves no event of what it refuses",
    why="Written where records are read only: who tries one student after the other is unseen.",
    kind="audit",
    shape="false-green",
    tier="touch",
    only=AUDITED,
    reddens={
        "AUD-002": {f"{TRAIL}/{MACHINE}": r"events of each of its refusals to be 1, found 0"},
        "AUD-003": {f"{TRAIL}/{MACHINE}": r"whose event was never seen to be 0, found \d+"},
    },
    apply=apply,
    took_effect=took_effect,
    undo=undo,
    naive=is_recorded,
)
