"""The environment file allows a backup no older than a few seconds."""

from lab.faults import Fault
from lab.faults import _backup as backup
from lab.scene import Scene

DECLARED = "every: 1 d\n    # The nightly backup may be late by two hours.\n    age: 26 h"
ALTERED = "every: 1 s\n    age: 1 s"


def environment(text: str) -> str:
    """Declare what no nightly backup can keep."""
    return text.replace(DECLARED, ALTERED)


def took_effect(_: Scene) -> str:
    """The file says so."""
    return "the environment file allows a backup no older than a second"


FAULT = Fault(
    name="backup-older-than-declared",
    title="The newest full backup is older than is declared",
    why="Backups are taken, whole and on time, and the promise was for twice as many.",
    kind="backup",
    shape="false-green",
    reddens={
        "BKP-001": {backup.SUBJECT: r"seconds since the end of \S+F at most 1, found \d+"},
        "BKP-002": {backup.SUBJECT: r"seconds until it is due at most 1, found \d+"},
    },
    took_effect=took_effect,
    environment=environment,
    naive=backup.recent_backup,
)
