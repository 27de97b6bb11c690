"""On the machine for restores, pgBackRest leaves the target out and replays everything."""

from lab.faults import Fault
from lab.faults import _backup as backup
from lab.scene import Scene

MACHINE = "spare"
PROGRAM = "/usr/bin/pgbackrest"
FOLDER = "/usr/local/lib/lab-fault"
WRAPPER = f"""#!/bin/bash
# Restores everything there is.
words=()
for word; do
    case $word in --type=* | --target*) ;; *) words+=("$word") ;; esac
done
exec {FOLDER}/pgbackrest "${{words[@]}}"
"""
LAY = """set -e
chmod 0755 "$1/wrapper"
mountpoint -q "$2" && exit 0
cp -p "$2" "$1/pgbackrest"
mount --bind "$1/wrapper" "$2"
"""
LIFT = 'set -e; ! mountpoint -q "$2" || umount "$2"; rm -rf "$1"'


def apply(scene: Scene) -> None:
    """Lay a wrapper over the program."""
    scene.run(MACHINE, "mkdir", "-p", FOLDER)
    scene.write(MACHINE, f"{FOLDER}/wrapper", WRAPPER)
    scene.shell(MACHINE, LAY, FOLDER, PROGRAM)


def took_effect(scene: Scene) -> str:
    """The program is the wrapper, and still says which version it is."""
    if scene.ask(MACHINE, "mountpoint", "-q", PROGRAM).code:
        return ""
    said = scene.run(MACHINE, PROGRAM, "version").strip()
    return f"{said} on {MACHINE} restores without a target"


def undo(scene: Scene) -> None:
    """The program as it was."""
    scene.shell(MACHINE, LIFT, FOLDER, PROGRAM)


FAULT = Fault(
    name="restores-go-to-the-end",
    title="A restore to a point in time succeeds and goes beyond it",
    why="A wrapper that was written for disaster drills knows one kind of restore; on the day "
    "somebody drops a table, the drop is restored with the rest.",
    kind="backup",
    shape="false-green",
    tier="load",
    only=("BKP-010", "BKP-011", "BKP-012"),
    reddens={
        "BKP-010": {
            backup.SUBJECT: r"tables that differ to be none, found \S+ledger \(2 of 1 rows\)"
        },
        "BKP-011": {"paws360-db": r"of the two rows, those that the copy at \S+ holds to be"},
    },
    apply=apply,
    took_effect=took_effect,
    undo=undo,
    naive=backup.recent_backup,
)
