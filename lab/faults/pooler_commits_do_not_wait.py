"""The pooler on one app machine gives every session synchronous_commit = off."""

from lab import cluster
from lab.errors import LabError
from lab.faults import Fault
from lab.scene import Scene

NODE = "app2"
CONFIG = "/etc/pgbouncer/pgbouncer.ini"
RIGHT = "paws360 = host=127.0.0.1 port=5000 dbname=paws360\n"
WRONG = RIGHT.replace("\n", " connect_query='SET synchronous_commit TO off'\n")

# The file was written before the unit's process was started.
YOUNGER = (
    'main=$(systemctl show --property=MainPID --value pgbouncer) && [ "/proc/$main" -nt "$1" ]'
)


def apply(scene: Scene) -> None:
    """Change the pooler's configuration, and let it give up the sessions that it has."""
    scene.change(NODE, CONFIG, lambda text: text.replace(RIGHT, WRONG))
    scene.service(NODE, "restart", "pgbouncer")


def took_effect(scene: Scene) -> str:
    """The pooler began when the file said so."""
    if WRONG not in scene.read(NODE, CONFIG):
        return ""
    scene.shell(NODE, YOUNGER, CONFIG)
    return f"pgbouncer on {NODE} gives every session synchronous_commit = off"


def undo(scene: Scene) -> None:
    """As it was."""
    scene.put_back(NODE, CONFIG)
    scene.service(NODE, "restart", "pgbouncer")


def naive(scene: Scene) -> str:
    """Ask the primary, and its catalogue of settings that roles and databases have of their own."""
    first = cluster.leads(scene)
    value = cluster.setting(scene, str(first), "synchronous_commit")
    own = cluster.sql(
        scene,
        str(first),
        "SELECT count(*) FROM pg_db_role_setting WHERE setconfig::text LIKE '%synchronous_commit%'",
    )
    if value != "on" or own != "0":
        raise LabError(f"{first}: synchronous_commit is {value}, {own} have one of their own")
    return f"{first}: synchronous_commit is {value}, nobody has one of their own"


FAULT = Fault(
    name="pooler-commits-do-not-wait",
    title="One pooler gives every session synchronous_commit = off",
    why="Set for a bulk import on that machine and left: what its clients commit is nowhere but "
    "in the primary's memory, whatever the members are set to.",
    kind="database",
    shape="false-green",
    tier="touch",
    only=("PG-014",),
    reddens={
        "PG-014": {cluster.CLUSTER: rf"synchronous_commit through {NODE} to be on, found off"}
    },
    apply=apply,
    took_effect=took_effect,
    undo=undo,
    naive=naive,
)
