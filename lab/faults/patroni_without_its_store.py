"""One standby's Patroni reaches no member of its consensus store; everything else reaches both."""

from lab import cluster
from lab.errors import LabError
from lab.faults import Fault
from lab.inventory import machine
from lab.scene import Scene

TABLE = "lab_fault_store"
LOST = 25  # seconds: longer than the ttl
RULES = """table inet {table}
delete table inet {table}
table inet {table} {{
  chain output {{
    type filter hook output priority -200; policy accept;
    ip daddr {{ {members} }} tcp dport 2379 drop
  }}
}}
"""


def arrange(scene: Scene) -> None:
    """The members that are asked before it still answer."""
    if cluster.survey(scene)["async"] == cluster.MEMBERS[0]:
        cluster.make_primary(scene, cluster.MEMBERS[0])


def apply(scene: Scene) -> None:
    """Drop what its Patroni asks of any etcd, its own machine's too."""
    members = ", ".join(str(machine(one).v4) for one in cluster.MEMBERS)
    rules = RULES.format(table=TABLE, members=members)
    scene.run(scene["async"], "nft", "-f", "-", stdin=rules)


def took_effect(scene: Scene) -> str:
    """Its Patroni has not seen the store for longer than the ttl, and says so at once."""
    said = cluster.status(scene, scene["async"])
    now = int(scene.run(scene["async"], "date", "+%s"))
    silent = now - int(said.get("dcs_last_seen", now))
    if not said.get("cluster_unlocked") or silent < LOST:
        return ""
    return f"Patroni on {scene['async']} knows of no leader, and saw its store {silent} s ago"


def undo(scene: Scene) -> None:
    """Drop the rules, on whichever member."""
    for name in cluster.MEMBERS:
        scene.shell(name, 'nft delete table inet "$1" 2>/dev/null || true', TABLE)


def naive(scene: Scene) -> str:
    """Its service is active, it says that it runs, and the server streams."""
    name = scene["async"]
    scene.run(name, "systemctl", "is-active", "patroni")
    state = cluster.status(scene, name)["state"]
    streams = cluster.streaming(scene, scene["primary"]).get(name)
    if (state, streams) not in {("running", "streaming"), ("streaming", "streaming")}:
        raise LabError(f"{name}: {state}, {streams}")
    return f"patroni on {name} is active and {state}, and its server streams"


FAULT = Fault(
    name="patroni-without-its-store",
    title="One standby's Patroni has lost its consensus store, and answers as if nothing were",
    why="A rule, or a certificate of its own that ran out: it streams, and nobody promotes it.",
    kind="database",
    shape="false-green",
    reddens={
        "PG-008": cluster.per_member(r"leader lock to be held, found free", "<async>"),
        "PG-011": {cluster.CLUSTER: r"members that its automation lists to be"},
    },
    blinds={
        "OBJ-002": {cluster.CLUSTER: r"it has lost its consensus store"},
        "PG-001": {cluster.CLUSTER: r"it has lost its consensus store"},
        "PG-005": cluster.per_member(r"it has lost its consensus store", *cluster.MEMBERS),
        "PG-006": {cluster.CLUSTER: r"it has lost its consensus store"},
        "PG-027": cluster.per_member(r"found nothing|lists no members", *cluster.MEMBERS),
    },
    arrange=arrange,
    survey=cluster.survey,
    apply=apply,
    took_effect=took_effect,
    undo=undo,
    naive=naive,
    settle=120,
)
