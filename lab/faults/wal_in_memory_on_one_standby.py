"""A standby writes its WAL into memory."""

from contextlib import suppress

from lab import cluster
from lab.errors import LabError
from lab.faults import Fault
from lab.faults._backup import COPY, INTO_MEMORY
from lab.faults._database import all_stream
from lab.scene import Scene

FOLDER = "/var/lib/postgresql/15/main/pg_wal"
# What is in memory is newer than what it hides; what is hidden alone does no harm.
OUT_OF_MEMORY = f"""set -e
rm -rf {COPY}
mountpoint -q "$1" || exit 0
cp -a "$1" {COPY}
umount "$1"
cp -a {COPY}/. "$1"/ && rm -rf {COPY}
"""


def moved(scene: Scene, script: str) -> None:
    """Run a script over the folder while nothing writes there."""
    name = scene["async"]
    scene.service(name, "stop", "patroni")
    scene.run(name, "sh", "-c", script, "fault", FOLDER, limit=120.0)
    scene.service(name, "start", "patroni")


def whole(scene: Scene) -> None:
    """Wait until the cluster is."""
    scene.wait("the cluster is whole", lambda: cluster.parts(scene), cluster.PATRONI_LIMIT)


def apply(scene: Scene) -> None:
    """Lay a file system in memory over the folder, with what the folder holds."""
    moved(scene, INTO_MEMORY)
    whole(scene)


def took_effect(scene: Scene) -> str:
    """The kernel says so."""
    words = ("stat", "--file-system", "--format=%T", FOLDER)
    kind = scene.run(scene["async"], *words).strip()
    return f"{FOLDER} on {scene['async']} is a {kind}" if kind == "tmpfs" else ""


def undo(scene: Scene) -> None:
    """Put what is in memory onto the disk; a standby that misses something is copied anew."""
    moved(scene, OUT_OF_MEMORY)
    with suppress(LabError):
        whole(scene)
    cluster.rebuild_unless_streaming(scene, scene["async"])


FAULT = Fault(
    name="wal-in-memory-on-one-standby",
    title="The asynchronous standby's WAL lies in memory",
    why="Its disk was slow; fsync is on and keeps nothing: after the next start the standby is to "
    "be copied anew, and as a synchronous one it would have lost what it acknowledged.",
    kind="database",
    shape="false-green",
    reddens={
        "PG-010": cluster.per_member(
            rf"file system at {FOLDER} to be none of .*, found tmpfs", "<async>"
        )
    },
    survey=cluster.survey,
    apply=apply,
    took_effect=took_effect,
    undo=undo,
    naive=all_stream,
    settle=90,
)
