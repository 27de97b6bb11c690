"""A member was replaced, and the repository does not know its certificate."""

from lab import cluster
from lab.faults import Fault
from lab.faults import _backup as backup
from lab.scene import Scene


def apply(scene: Scene) -> None:
    """Take its line out of what the repository's server permits."""
    line = f"tls-server-auth={scene['async']}.lab.test=paws360\n"
    scene.change(backup.MACHINE, backup.CONFIG, lambda text: text.replace(line, ""))
    scene.service(backup.MACHINE, "restart", "pgbackrest")


def took_effect(scene: Scene) -> str:
    """It is refused."""
    words = ("runuser", "-u", "postgres", "--", "pgbackrest", "--stanza=paws360", "info")
    said = scene.ask(scene["async"], *words).out
    return f"{scene['async']} is refused" if "status: ok" not in said else ""


def undo(scene: Scene) -> None:
    """Permit it again."""
    scene.put_back(backup.MACHINE, backup.CONFIG)
    scene.service(backup.MACHINE, "restart", "pgbackrest")


FAULT = Fault(
    name="standby-refused-by-the-repository",
    title="The repository refuses one standby's certificate; all settings are equal",
    why="The settings are those of everybody; whether they lead anywhere only asking shows.",
    kind="backup",
    shape="false-green",
    reddens={"BKP-007": {backup.SUBJECT: r"<async>: expected status of the repository to be 0"}},
    survey=cluster.survey,
    apply=apply,
    took_effect=took_effect,
    undo=undo,
    naive=backup.archiver_is_content,
)
