"""A server listens on the restore machine's addresses, on the database's port."""

from lab.faults import Fault
from lab.faults import _backup as backup
from lab.scene import Scene

MACHINE, PORT = "spare", 5432
UNIT = "lab-left-behind"


def apply(scene: Scene) -> None:
    """Start what somebody left behind."""
    words = ("python3", "-m", "http.server", "--bind", "::", str(PORT))
    scene.run(MACHINE, "systemd-run", f"--unit={UNIT}", "--working-directory=/srv", *words)


def took_effect(scene: Scene) -> str:
    """The kernel says that it listens."""
    said = scene.run(MACHINE, "ss", "-Hnlt", f"sport = :{PORT}").strip()
    return f"{MACHINE} listens: {' '.join(said.split())}" if said else ""


def undo(scene: Scene) -> None:
    """Stop it; one that is gone is fine."""
    scene.ask(MACHINE, "systemctl", "stop", UNIT)


FAULT = Fault(
    name="server-on-the-restore-machine",
    title="While a copy is there, the restore machine answers on the database's port",
    why="A restored copy that listens is taken for the database, and written to.",
    kind="backup",
    shape="false-green",
    tier="load",
    only=("BKP-012",),
    reddens={
        "BKP-012": {
            backup.SUBJECT: rf"contacts of the copy to be none, found {MACHINE} listens on .*{PORT}"
        },
        "HOST-003": {MACHINE: rf"undeclared ports to be none, found {PORT}/tcp"},
    },
    apply=apply,
    took_effect=took_effect,
    undo=undo,
    naive=backup.recent_backup,
)
