"""One application machine gives every access the same purpose."""

from lab.faults import Fault
from lab.faults._audit import AUDIT, AUDITED, TRAIL, edit, is_recorded, put_back, read
from lab.scene import Scene

MACHINE = "app1"
PURPOSE = 'PURPOSES.get(self.actor.role, "none-on-file")'


def apply(scene: Scene) -> None:
    """Name one for all roles."""
    edit(scene, MACHINE, AUDIT, PURPOSE, '"other"')


def took_effect(scene: Scene) -> str:
    """An advisor's read there is for another purpose."""
    purposes = {one["purpose"] for one in read(scene, MACHINE)()}
    return f"purposes at {MACHINE}: {purposes}" if purposes == {"other"} else ""


def undo(scene: Scene) -> None:
    """Put it back."""
    put_back(scene, MACHINE, AUDIT)


def naive(scene: Scene) -> str:
    """A read there leaves an event, and its purpose is not empty: the table sees to that."""
    return is_recorded(scene, MACHINE)


FAULT = Fault(
    name="audit-purpose-lost-on-one-machine",
    title="One of two application machines records the same purpose for every access",
    why="A default that was meant for migration: why somebody read a record can't be said.",
    kind="audit",
    shape="false-green",
    tier="touch",
    only=AUDITED,
    reddens={
        "AUD-001": {f"{TRAIL}/{MACHINE}": r"events of its reads to be none, found purpose"},
        "AUD-002": {f"{TRAIL}/{MACHINE}": r"events of its refusals to be none, found purpose"},
    },
    apply=apply,
    took_effect=took_effect,
    undo=undo,
    naive=naive,
)
