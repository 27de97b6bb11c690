"""The timer of the backups was stopped for a move of the repository and never started again."""

from lab.faults import Fault
from lab.faults import _backup as backup
from lab.scene import Scene

TIMER = "pgbackrest-full.timer"


def apply(scene: Scene) -> None:
    """Stop it."""
    scene.service(backup.MACHINE, "stop", TIMER)


def took_effect(scene: Scene) -> str:
    """It is inactive."""
    state = scene.ask(backup.MACHINE, "systemctl", "is-active", TIMER).out.strip()
    return f"{TIMER} is {state}" if state == "inactive" else ""


def undo(scene: Scene) -> None:
    """Start it."""
    scene.service(backup.MACHINE, "start", TIMER)


FAULT = Fault(
    name="backup-timer-stopped",
    title="The newest backup is fresh and will be the last: its timer is stopped",
    why="Nothing fails, so nobody hears of it until the age limit has passed, or never.",
    kind="backup",
    shape="false-green",
    reddens={"BKP-002": {backup.SUBJECT: rf"{TIMER} active to be active, found inactive"}},
    apply=apply,
    took_effect=took_effect,
    undo=undo,
    naive=backup.recent_backup,
)
