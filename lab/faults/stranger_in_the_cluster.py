"""A member that nobody declared is registered with the automation."""

import json

from lab import cluster
from lab.faults import Fault
from lab.faults._database import all_stream
from lab.inventory import DATA
from lab.scene import Scene

STRANGER = "db9"
KEY = f"/service/{cluster.SCOPE}/members/{STRANGER}"
ADDRESS = str(DATA.host4(99))


def apply(scene: Scene) -> None:
    """Register it, with tags that keep Patroni from making a slot for it."""
    value = json.dumps(
        {
            "conn_url": f"postgres://{ADDRESS}:5432/postgres",
            "api_url": f"https://{ADDRESS}:8008/patroni",
            "state": "running",
            "role": "replica",
            "version": "4.1.0",
            "xlog_location": 0,
            "timeline": 1,
            "tags": {"nofailover": True, "nosync": True, "nostream": True},
        }
    )
    scene.run(scene["primary"], "lab-etcdctl", "put", KEY, stdin=value)


def took_effect(scene: Scene) -> str:
    """Every member lists it."""
    views = [cluster.view(scene, name)["members"] for name in cluster.MEMBERS]
    seen = all(any(one["name"] == STRANGER for one in members) for members in views)
    return f"every Patroni lists {STRANGER}" if seen else ""


def undo(scene: Scene) -> None:
    """Strike it off."""
    scene.run(cluster.MEMBERS[0], "lab-etcdctl", "del", KEY)


FAULT = Fault(
    name="stranger-in-the-cluster",
    title="A member that nobody declared is registered with Patroni",
    why="A rebuilt or forgotten machine counts as redundancy, or receives what it must not.",
    kind="database",
    reddens={
        "PG-011": {
            cluster.CLUSTER: r"automation lists to be db1, db2, db3, found db1, db2, db3, db9"
        }
    },
    survey=cluster.survey,
    apply=apply,
    took_effect=took_effect,
    undo=undo,
    naive=all_stream,
)
