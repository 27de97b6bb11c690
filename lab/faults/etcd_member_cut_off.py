"""One etcd member runs and answers, and reaches none of its peers."""

import json

from lab import cluster
from lab.errors import LabError
from lab.faults import Fault
from lab.inventory import machine
from lab.scene import Scene

TABLE = "lab_fault_etcd"
# Peers only: whoever looks from another zone still finds the port open.
RULES = """table inet {table}
delete table inet {table}
table inet {table} {{
  chain input {{
    type filter hook input priority -200; policy accept;
    ip saddr {{ {peers} }} tcp dport 2380 drop
    ip saddr {{ {peers} }} tcp sport 2380 drop
  }}
}}
"""


def apply(scene: Scene) -> None:
    """Drop what its peers send, on the member's own machine."""
    name = scene["async"]
    peers = ", ".join(str(machine(other).v4) for other in cluster.MEMBERS if other != name)
    scene.run(name, "nft", "-f", "-", stdin=RULES.format(table=TABLE, peers=peers))


def took_effect(scene: Scene) -> str:
    """The member knows no leader; the other two do."""
    leaders = {name: leader(scene, name) for name in cluster.MEMBERS}
    alone = [name for name, one in leaders.items() if not one]
    return f"etcd on {scene['async']} knows no leader" if alone == [scene["async"]] else ""


def leader(scene: Scene, name: str) -> int:
    """The id of the leader that a member knows; 0 for none."""
    done = scene.ask(name, "lab-etcdctl", "endpoint", "status", "-w", "json")
    if not done.out.strip():
        raise LabError(f"etcd on {name}: {done.err.strip()[-200:]}")
    return int(json.loads(done.out)[0]["Status"].get("leader", 0))


def undo(scene: Scene) -> None:
    """Drop the rules, on whichever member."""
    for name in cluster.MEMBERS:
        scene.shell(name, 'nft delete table inet "$1" 2>/dev/null || true', TABLE)


def naive(scene: Scene) -> str:
    """The service is active on every member, and its port is open."""
    for name in cluster.MEMBERS:
        scene.run(name, "systemctl", "is-active", "etcd")
        scene.run("mon1", "timeout", "2", "bash", "-c", f"</dev/tcp/{name}/2379")
    return "etcd is active on every member, port 2379 is open"


FAULT = Fault(
    name="etcd-member-cut-off",
    title="One etcd member runs, listens and reaches none of its peers",
    why="A rule between two racks; a quorum is left, and with the next member nothing is.",
    kind="database",
    reddens={"PG-009": {cluster.CLUSTER: r"healthy members of 3.* at least 3, found 2"}},
    # What a member without a leader lists as members and alarms can't be asked.
    blinds={"PG-011": {cluster.CLUSTER: r"<async> .*no answer to /v3/"}},
    survey=cluster.survey,
    apply=apply,
    took_effect=took_effect,
    undo=undo,
    naive=naive,
)
