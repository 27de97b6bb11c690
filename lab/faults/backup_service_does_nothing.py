"""The service of the backups ends well and takes none."""

import time

from lab.faults import Fault
from lab.faults import _backup as backup
from lab.scene import Scene

TIMER = "pgbackrest-full.timer"
# Gone with the next start, should all else fail.
UNITS = "/run/systemd/system"
SERVICE_PART = f"{UNITS}/pgbackrest-full.service.d/fault.conf"
TIMER_PART = f"{UNITS}/{TIMER}.d/fault.conf"
NOTHING = "[Service]\nExecStart=\nExecStart=/bin/true\n"
AT_ONCE = "[Timer]\nOnActiveSec=1s\nAccuracySec=100ms\n"
# As long as two clocks are given, and room: a backup that is younger might be the timer's own.
OLD = 75


def elapsed(scene: Scene) -> float:
    """When the timer last elapsed, in epoch seconds; 0 where it has not."""
    listed = scene.json(backup.MACHINE, "systemctl", "list-timers", "--all", "--output=json", TIMER)
    return float(listed[0]["last"] or 0) / 1e6 if listed else 0.0


def missed(scene: Scene) -> float:
    """How long the newest backup had been started when the timer last elapsed."""
    return elapsed(scene) - float(backup.newest(scene)["timestamp"]["start"])


def apply(scene: Scene) -> None:
    """Have the service do nothing, and the timer elapse once."""
    old = lambda: time.time() - backup.newest(scene)["timestamp"]["start"] > OLD  # noqa: E731
    scene.wait("the newest backup is older than clocks may differ", old, OLD + backup.LIMIT)
    for path, text in ((SERVICE_PART, NOTHING), (TIMER_PART, AT_ONCE)):
        scene.shell(backup.MACHINE, 'mkdir -p "${1%/*}"', path)
        scene.write(backup.MACHINE, path, text)
    scene.run(backup.MACHINE, "systemctl", "daemon-reload")
    scene.service(backup.MACHINE, "restart", TIMER)


def took_effect(scene: Scene) -> str:
    """The timer elapsed and no backup began."""
    late = missed(scene)
    return f"{TIMER} elapsed {late:.0f} s after the newest backup began" if late > OLD else ""


def undo(scene: Scene) -> None:
    """Give timer and service their own files, and take the backup that is missing."""
    parts = (SERVICE_PART, TIMER_PART)
    scene.shell(backup.MACHINE, 'rm -rf "${1%/*}" "${2%/*}"', *parts)
    scene.run(backup.MACHINE, "systemctl", "daemon-reload")
    scene.service(backup.MACHINE, "restart", TIMER)
    if missed(scene) > 0:
        backup.full_backup(scene)


FAULT = Fault(
    name="backup-service-does-nothing",
    title="The timer elapses and its service ends well, without a backup",
    why="A drop-in from a maintenance: success every night, until the last backup is too old.",
    kind="backup",
    shape="false-green",
    reddens={
        "BKP-002": {backup.SUBJECT: rf"full backup to the last {TIMER} at most 60, found \d+"}
    },
    apply=apply,
    took_effect=took_effect,
    undo=undo,
    naive=backup.recent_backup,
)
