"""One app machine's pooler goes straight to the server that leads today."""

from lab import cluster
from lab.faults import Fault
from lab.faults._database import writable_through_the_pooler
from lab.faults._drill import one_trial
from lab.inventory import machine
from lab.scene import Scene

NODE = "app1"
CONFIG = "/etc/pgbouncer/pgbouncer.ini"
THROUGH_HAPROXY = "host=127.0.0.1 port=5000"


def apply(scene: Scene) -> None:
    """Point the pooler at the present primary's address."""
    straight = f"host={machine(scene['primary']).v4} port=5432"
    scene.change(NODE, CONFIG, lambda text: text.replace(THROUGH_HAPROXY, straight))
    scene.service(NODE, "restart", "pgbouncer")


def took_effect(scene: Scene) -> str:
    """It has connections to that server and none to the local HAProxy."""
    if THROUGH_HAPROXY in scene.read(NODE, CONFIG):
        return ""
    writable_through_the_pooler(scene)
    return f"pgbouncer on {NODE} leads straight to {scene['primary']}"


def undo(scene: Scene) -> None:
    """Lead through HAProxy again."""
    scene.put_back(NODE, CONFIG)
    scene.service(NODE, "restart", "pgbouncer")


FAULT = Fault(
    name="pooler-pinned-to-the-primary",
    title="One pooler is pinned to the server that leads today",
    why="It works until the first failover; then half of the portal writes nothing any more.",
    kind="failover",
    shape="false-green",
    tier="disrupt",
    only=("PG-020",),
    reddens={"PG-020": {cluster.CLUSTER: r"outage of pooled.* at most 60"}},
    survey=cluster.survey,
    apply=apply,
    took_effect=took_effect,
    undo=undo,
    environment=one_trial,
    naive=writable_through_the_pooler,
)
