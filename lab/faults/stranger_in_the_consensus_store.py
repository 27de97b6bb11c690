"""A member that nobody declared has been added to etcd as a learner."""

from lab import cluster
from lab.faults import Fault
from lab.faults.weak_key_on_one_node import healthy
from lab.inventory import DATA
from lab.scene import Scene

PEER = f"https://{DATA.host4(99)}:2380"


def strangers(scene: Scene) -> list[str]:
    """The ids (hexadecimal) of members at that address."""
    listed = scene.json(cluster.MEMBERS[0], "lab-etcdctl", "member", "list", "-w", "json")
    return [f"{one['ID']:x}" for one in listed["members"] if PEER in one["peerURLs"]]


def apply(scene: Scene) -> None:
    """Add it; a learner has no vote, so the quorum stays what it was."""
    words = ("member", "add", "db9", "--learner", f"--peer-urls={PEER}")
    scene.run(cluster.MEMBERS[0], "lab-etcdctl", *words)


def took_effect(scene: Scene) -> str:
    """The store lists it."""
    found = strangers(scene)
    return f"etcd lists the learner {found[0]} at {PEER}" if found else ""


def undo(scene: Scene) -> None:
    """Remove it."""
    for identity in strangers(scene):
        scene.run(cluster.MEMBERS[0], "lab-etcdctl", "member", "remove", identity)


FAULT = Fault(
    name="stranger-in-the-consensus-store",
    title="A member that nobody declared is in etcd as a learner",
    why="Half of a migration; whoever owns that address receives every key of the cluster.",
    kind="database",
    reddens={
        "PG-011": {
            cluster.CLUSTER: r"consensus store lists to be db1, db2, db3, found .*db1, db2, db3"
        }
    },
    apply=apply,
    took_effect=took_effect,
    undo=undo,
    naive=healthy,
    survey=cluster.survey,
)
