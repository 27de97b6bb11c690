"""A port of the restore machine is open as long as a restored copy runs there, and no longer."""

from lab.errors import LabError
from lab.faults import Fault
from lab.faults import _backup as backup
from lab.scene import Scene

MACHINE, PORT = "spare", 5432
PROGRAM = "/usr/lib/postgresql/15/bin/pg_ctl"
FOLDER = "/usr/local/lib/lab-fault"
SERVER = f"{FOLDER}/open-{PORT}"
RUNNING = f"^/usr/bin/python3 {SERVER}"
# pg_ctl looks for the server beside itself unless it is told where that is.
WRAPPER = f"""#!/bin/bash
# Whoever starts a server here wants it reached: a listener comes and goes with it.
case " $* " in
    *" start "*)
        setsid {SERVER} </dev/null >/dev/null 2>&1 &
        exec {FOLDER}/pg_ctl -p /usr/lib/postgresql/15/bin/postgres "$@" ;;
    *" stop "*) pkill -f '{RUNNING}' ;;
esac
exec {FOLDER}/pg_ctl "$@"
"""
LISTENER = f"""#!/usr/bin/python3
import socket
listener = socket.create_server(("0.0.0.0", {PORT}))
while True:
    listener.accept()[0].close()
"""
LAY = """set -e
chmod 0755 "$1/wrapper" "$3"
mountpoint -q "$2" && exit 0
cp -p "$2" "$1/pg_ctl"
mount --bind "$1/wrapper" "$2"
"""
LIFT = 'set -e; ! mountpoint -q "$2" || umount "$2"; pkill -f "$3" || true; rm -rf "$1"'


def apply(scene: Scene) -> None:
    """Lay a wrapper over the program that starts and stops servers."""
    scene.run(MACHINE, "mkdir", "-p", FOLDER)
    scene.write(MACHINE, f"{FOLDER}/wrapper", WRAPPER)
    scene.write(MACHINE, SERVER, LISTENER)
    scene.shell(MACHINE, LAY, FOLDER, PROGRAM, SERVER)


def took_effect(scene: Scene) -> str:
    """The program is the wrapper, and still says which version it is."""
    if scene.ask(MACHINE, "mountpoint", "-q", PROGRAM).code:
        return ""
    said = scene.run(MACHINE, PROGRAM, "--version").strip()
    return f"{said} on {MACHINE} opens {PORT}/tcp with each server that it starts"


def undo(scene: Scene) -> None:
    """The program as it was, and nothing that listens."""
    scene.shell(MACHINE, LIFT, FOLDER, PROGRAM, RUNNING)


def naive(scene: Scene) -> str:
    """The probe of somebody who looks before the restore, or after it: nothing listens."""
    said = scene.run(MACHINE, "ss", "-Hnlt", f"sport = :{PORT}").strip()
    if said:
        raise LabError(f"{MACHINE} listens: {said}")
    return f"ss: nothing listens on {PORT}/tcp of {MACHINE}"


FAULT = Fault(
    name="port-opened-while-a-copy-is-there",
    title="The restore machine answers on the database's port only while a copy runs there",
    why="A proxy or a socket unit that comes with the server puts a copy of production on the "
    "network; before the restore and after it every look finds the port closed.",
    kind="backup",
    shape="false-green",
    tier="load",
    only=("BKP-012",),
    reddens={
        "BKP-012": {
            backup.SUBJECT: rf"contacts of the copy to be none, found {MACHINE} listens on {PORT}"
        }
    },
    apply=apply,
    took_effect=took_effect,
    undo=undo,
    naive=naive,
)
