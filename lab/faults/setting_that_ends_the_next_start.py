"""A standby is to load a library at its next start that is not there."""

from lab import cluster
from lab.faults import Fault
from lab.faults._database import patroni_lists_all
from lab.scene import Scene

SETTING = "shared_preload_libraries"
MISSING = "pg_not_installed"
# Whether its file says otherwise than what runs; `pending_restart` stays when that is taken back.
WAITS = f"SELECT count(*) FROM pg_file_settings WHERE name = '{SETTING}' AND error IS NOT NULL"  # noqa: S608 - a constant


def apply(scene: Scene) -> None:
    """Set it, as a reload takes without a word."""
    cluster.alter_system(scene, scene["sync"], SETTING, MISSING)


def took_effect(scene: Scene) -> str:
    """The server has read it, and goes on without."""
    if cluster.sql(scene, scene["sync"], WAITS) != "1":
        return ""
    return f"{scene['sync']}: {SETTING} waits for a restart"


def undo(scene: Scene) -> None:
    """Take it back."""
    cluster.alter_system(scene, scene["sync"], SETTING, None)


FAULT = Fault(
    name="setting-that-ends-the-next-start",
    title="The synchronous standby is to load a library at its next start that is not there",
    why="Set before the package was installed, and taken by a reload without a word: the member "
    "streams for months and never comes back from its next restart.",
    kind="database",
    shape="false-green",
    reddens={
        "PG-025": cluster.per_member(
            rf"settings that wait for a restart to be none, found {SETTING}", "<sync>"
        )
    },
    survey=cluster.survey,
    apply=apply,
    took_effect=took_effect,
    undo=undo,
    naive=patroni_lists_all,
)
