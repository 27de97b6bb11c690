"""The standbys would refuse today's primary as a standby of theirs."""

from lab import cluster
from lab.faults import Fault
from lab.faults._database import patroni_lists_all
from lab.faults._drill import one_trial
from lab.inventory import machine
from lab.scene import Scene

LIST = "  pg_hba:\n"
STANDBYS = ("sync", "async")
RULES = "/var/lib/postgresql/15/main/pg_hba.conf"


def rule(scene: Scene) -> str:
    """The line that refuses today's primary."""
    return f"host replication replicator {machine(scene['primary']).v4}/32 reject"


def apply(scene: Scene) -> None:
    """Put the line first in both standbys' own access rules."""
    first = f"{LIST}    - {rule(scene)}\n"
    for part in STANDBYS:
        scene.change(scene[part], cluster.CONFIG, lambda text: text.replace(LIST, first))
        scene.service(scene[part], "reload", "patroni")


def took_effect(scene: Scene) -> str:
    """Both servers have loaded it."""
    query = "SELECT count(*) FROM pg_hba_file_rules WHERE auth_method = 'reject'"
    loaded = [scene[part] for part in STANDBYS if cluster.sql(scene, scene[part], query) == "1"]
    return f"{rule(scene)}: on {', '.join(loaded)}" if len(loaded) == len(STANDBYS) else ""


def undo(scene: Scene) -> None:
    """Take the line away; the old primary then comes back by itself or is rebuilt."""
    cluster.restore_config(scene, *(scene[part] for part in STANDBYS))
    first = str(scene.wait("somebody leads", lambda: cluster.leads(scene), cluster.PATRONI_LIMIT))
    for name in cluster.MEMBERS:
        if name != first:
            cluster.rebuild_unless_streaming(scene, name)


FAULT = Fault(
    name="old-primary-can-not-rejoin",
    title="The standbys' access rules refuse today's primary as a standby",
    why="The first member was set up by hand and never entered in the others' rules; the first "
    "failover works and leaves the site without redundancy.",
    kind="failover",
    tier="disrupt",
    only=("PG-023",),
    reddens={
        "PG-023": {cluster.CLUSTER: r"old primary back in trial 1 .*found no"},
        # What the drill finds out after a cut shows before it, too.
        "PG-027": cluster.per_member(r"to be let in, found .* rejects replication", "<primary>"),
    },
    survey=cluster.survey,
    apply=apply,
    took_effect=took_effect,
    undo=undo,
    environment=one_trial,
    naive=patroni_lists_all,
)
