"""One etcd member was added again as a learner, and nobody promoted it."""

import json
from typing import Any

from lab import cluster
from lab.errors import LabError
from lab.faults import Fault
from lab.faults.weak_key_on_one_node import healthy
from lab.inventory import machine
from lab.scene import Scene

CONFIG = "/etc/default/etcd"
FOLDER = "/var/lib/etcd/default"
LIMIT = 60.0


def ask(scene: Scene, *words: str) -> str:
    """What etcdctl says on a member that keeps its vote."""
    other = next(name for name in cluster.MEMBERS if name != scene["async"])
    return scene.run(other, "lab-etcdctl", *words)


def peer(scene: Scene) -> str:
    """Where the member's peers reach it."""
    return f"https://{machine(scene['async']).v4}:2380"


def listed(scene: Scene) -> list[dict[str, Any]]:
    """The member as the others list it; nothing while it is out."""
    members = json.loads(ask(scene, "member", "list", "-w", "json"))["members"]
    return [one for one in members if peer(scene) in one["peerURLs"]]


def votes(scene: Scene) -> bool:
    """Whether it is a member with a vote."""
    return any(not one.get("isLearner") for one in listed(scene))


def is_out(scene: Scene) -> bool:
    """Take it out of the store, unless it is; etcd refuses while it finds the others unwell."""
    for one in listed(scene):
        ask(scene, "member", "remove", f"{one['ID']:x}")
    return not listed(scene)


def is_added(scene: Scene) -> bool:
    """Add it as a learner, unless it is there."""
    if not listed(scene):
        ask(scene, "member", "add", scene["async"], "--learner", f"--peer-urls={peer(scene)}")
    return bool(listed(scene))


def is_promoted(scene: Scene) -> bool:
    """Give it its vote, unless it has one; etcd refuses while it is behind."""
    if not votes(scene):
        ask(scene, "member", "promote", f"{listed(scene)[0]['ID']:x}")
    return votes(scene)


def apply(scene: Scene) -> None:
    """Take the member out, empty it, and add it as a learner."""
    name = scene["async"]
    scene.service(name, "stop", "etcd")
    scene.wait("the member is out", lambda: is_out(scene), LIMIT)
    scene.run(name, "rm", "-rf", FOLDER)
    scene.change(name, CONFIG, lambda text: text.replace("STATE=new", "STATE=existing"))
    scene.wait("the member is a learner", lambda: is_added(scene), LIMIT)
    scene.service(name, "start", "etcd")


def took_effect(scene: Scene) -> str:
    """The others list it as a learner that has started."""
    found = [one for one in listed(scene) if one.get("isLearner") and one.get("name")]
    return f"etcd lists {found[0]['name']} as a learner" if found else ""


def undo(scene: Scene) -> None:
    """Promote it; where it did not get that far, begin again."""
    if not votes(scene) and not took_effect(scene):
        scene.put_back(scene["async"], CONFIG)
        apply(scene)
    scene.service(scene["async"], "start", "etcd")
    scene.wait("the member is promoted", lambda: is_promoted(scene), LIMIT)
    scene.put_back(scene["async"], CONFIG)
    scene.wait("all members are healthy", lambda: healthy(scene), LIMIT)


def naive(scene: Scene) -> str:
    """The service is active on every member, and etcd says that all of them have started."""
    for name in cluster.MEMBERS:
        scene.run(name, "systemctl", "is-active", "etcd")
    said = ask(scene, "member", "list")
    if said.count(", started, ") != len(cluster.MEMBERS):
        raise LabError(f"etcdctl member list: {said}")
    return "etcd is active on every member; etcdctl member list: three are started"


FAULT = Fault(
    name="etcd-member-never-promoted",
    title="One of three etcd members is a learner",
    why="Replaced after its disk was lost, added as a learner as the manual says, and never "
    "promoted: two votes are left, and with the next member nothing is.",
    kind="database",
    shape="false-green",
    reddens={
        "PG-009": {
            cluster.CLUSTER: r"members that vote to include db1, db2, db3, found (?!.*<async>)"
        }
    },
    # Etcd refuses to list its members and alarms where it is a learner.
    blinds={"PG-011": {cluster.CLUSTER: r"<async> .*/v3/cluster/member/list answered HTTP 503"}},
    survey=cluster.survey,
    apply=apply,
    took_effect=took_effect,
    undo=undo,
    naive=naive,
    settle=90,
)
