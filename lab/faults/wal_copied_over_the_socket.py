"""Somebody on the primary itself copies everything that is written, over the local socket."""

from lab import cluster
from lab.faults import Fault
from lab.faults._database import all_stream
from lab.scene import Scene

UNIT = "lab-wal-copy"
FOLDER = "/var/tmp/lab-wal-copy"  # noqa: S108 - inside a machine of the lab
COPY = (
    "/usr/lib/postgresql/15/bin/pg_receivewal", "--no-loop", "--host=/run/postgresql",
    "--username=postgres", f"--directory={FOLDER}",
)  # fmt: skip
OVER_THE_SOCKET = """SELECT application_name || ' ' || state FROM pg_stat_replication
WHERE client_addr IS NULL AND state = 'streaming'"""


def apply(scene: Scene) -> None:
    """Start PostgreSQL's own receiver beside the server."""
    primary = scene["primary"]
    owned = ("--owner=postgres", "--group=postgres", "--mode=0700")
    scene.run(primary, "install", "--directory", *owned, FOLDER)
    start = ("systemd-run", "--quiet", "--collect", f"--unit={UNIT}", "--uid=postgres")
    scene.run(primary, *start, *COPY)


def took_effect(scene: Scene) -> str:
    """The primary streams to a client without an address."""
    said = cluster.sql(scene, scene["primary"], OVER_THE_SOCKET)
    return f"{scene['primary']} over its socket: {said}" if said else ""


def undo(scene: Scene) -> None:
    """Stop it, and remove the copy."""
    scene.shell(scene["primary"], 'systemctl stop "$1" 2>/dev/null || true', f"{UNIT}.service")
    scene.run(scene["primary"], "rm", "-rf", FOLDER)


FAULT = Fault(
    name="wal-copied-over-the-socket",
    title="On the primary's own machine somebody receives everything that is written",
    why="The receiver of a migration was left running: every change of a student's record goes "
    "into a folder that no backup, no retention and no audit knows.",
    kind="database",
    shape="false-green",
    reddens={
        "PG-011": {
            cluster.CLUSTER: r"undeclared replication clients to be none, found pg_receivewal at "
            r"its own socket"
        }
    },
    survey=cluster.survey,
    apply=apply,
    took_effect=took_effect,
    undo=undo,
    naive=all_stream,
)
