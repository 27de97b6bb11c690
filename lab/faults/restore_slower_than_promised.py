"""The environment file promises the whole site back within one second."""

from lab.faults import Fault
from lab.faults import _backup as backup
from lab.faults.objectives_contradict_each_other import PROMISED
from lab.scene import Scene

ALTERED = "\n  recovery_time: 1 s\n"


def environment(text: str) -> str:
    """Promise what no restore can keep."""
    return text.replace(PROMISED, ALTERED)


def took_effect(_: Scene) -> str:
    """The file says so."""
    return "the environment file promises recovery within one second"


FAULT = Fault(
    name="restore-slower-than-promised",
    title="A restore succeeds and is complete, and takes longer than was promised",
    why="The promise is from when the database was small; nobody has restored it since.",
    kind="objectives",
    shape="false-green",
    tier="load",
    only=("OBJ-004",),
    reddens={
        # Sentinel would try a failed failover again after the site should be back.
        "CACHE-003": {"sessions": r"until it tries a failover again .* at most 1, found 35"},
        "OBJ-001": {"lab": r"database recovery time in seconds at most 1, found 60"},
        "OBJ-004": {backup.SUBJECT: r"restore time at most 1, found \d+"},
    },
    took_effect=took_effect,
    environment=environment,
    naive=backup.recent_backup,
)
