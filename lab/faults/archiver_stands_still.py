"""The primary's archiver is stopped by a signal: it never fails again, and archives nothing."""

from lab import cluster
from lab.errors import LabError
from lab.faults import Fault
from lab.faults import _backup as backup
from lab.scene import Scene

DECLARED, ALTERED = "\n    wal_age: 60 s\n", "\n    wal_age: 5 s\n"
WAITING = (
    "SELECT count(*) FROM pg_ls_archive_statusdir() "
    "WHERE name LIKE '%.ready' AND modification < now() - interval '6 s'"
)
ARCHIVER = "^postgres: .*archiver"


def apply(scene: Scene) -> None:
    """Stop it, as a hang of its command does, and complete a segment."""
    scene.run(scene["primary"], "pkill", "-STOP", "-f", ARCHIVER)
    cluster.sql(scene, scene["primary"], backup.SWITCH)


def took_effect(scene: Scene) -> str:
    """A segment has waited for longer than the environment file allows."""
    waiting = cluster.sql(scene, scene["primary"], WAITING)
    return "" if waiting == "0" else f"{scene['primary']} has {waiting} segments that wait"


def undo(scene: Scene) -> None:
    """Let it go on; what waited is archived."""
    # Where there is no archiver, nothing is to be let go on.
    scene.ask(scene["primary"], "pkill", "-CONT", "-f", ARCHIVER)


def environment(text: str) -> str:
    """Declare that nothing may wait for as long as it does here."""
    return text.replace(DECLARED, ALTERED)


def naive(scene: Scene) -> str:
    """The probe that most monitoring has, and the newest backup."""
    if scene.ask(scene["primary"], "systemctl", "is-active", "--quiet", "patroni").code:
        raise LabError("patroni is not active")
    return f"{backup.archiver_is_content(scene)}; {backup.recent_backup(scene)}"


FAULT = Fault(
    name="archiver-stands-still",
    title="The archiver of the primary is stopped and has no failure to tell of",
    why="A command that hangs on a dead mount never returns: the count of failures stays, and "
    "every change since then lies on one machine.",
    kind="backup",
    shape="false-green",
    reddens={
        "BKP-005": {
            backup.SUBJECT: r"seconds that complete WAL waits on <primary> \(\d+ segments\) at "
            r"most 5, found \d"
        },
        "HOST-001": {"<primary>": r"stopped processes of patroni to be 0, found 1"},
    },
    survey=backup.survey,
    apply=apply,
    took_effect=took_effect,
    undo=undo,
    environment=environment,
    naive=naive,
)
