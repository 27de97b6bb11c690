"""All members run Debian's Patroni 3.0.2 instead of the pinned 4.1."""

from lab import cluster
from lab.faults import Fault
from lab.faults import _backup as backup
from lab.faults._database import all_stream
from lab.faults._drill import one_trial
from lab.scene import Scene

FOLDER = "/etc/systemd/system/patroni.service.d"
DROP_IN = """[Service]
ExecStart=
ExecStart=/usr/bin/patroni /etc/patroni/config.yml
"""
OLD = "3.0.2"


def versions(scene: Scene) -> dict[str, str]:
    """Member -> the version that its Patroni says it is."""
    return {name: cluster.status(scene, name)["patroni"]["version"] for name in cluster.MEMBERS}


def swap(scene: Scene, script: str) -> None:
    """Exchange the program under a running PostgreSQL, as an upgrade does: paused."""
    cluster.set_dynamic(scene, {"pause": True})
    try:
        scene.wait(
            "everybody is paused",
            lambda: len(cluster.paused(scene)) == len(cluster.MEMBERS),
            cluster.PATRONI_LIMIT,
        )
        for name in cluster.MEMBERS:
            scene.shell(name, script, FOLDER)
            scene.run(name, "systemctl", "daemon-reload")
            scene.service(name, "restart", "patroni")
        scene.wait("every Patroni answers", lambda: versions(scene), cluster.PATRONI_LIMIT)
    finally:
        cluster.set_dynamic(scene, {"pause": None})
    scene.wait("nobody is paused", lambda: not cluster.paused(scene), cluster.PATRONI_LIMIT)


def apply(scene: Scene) -> None:
    """Start Debian's program on every member."""
    for name in cluster.MEMBERS:
        scene.run(name, "mkdir", "-p", FOLDER)
        scene.write(name, f"{FOLDER}/fault.conf", DROP_IN)
    swap(scene, "true")
    # 3.0.2 takes over who is synchronous and does not tell the server: let it choose anew.
    cluster.set_dynamic(scene, {"synchronous_mode": False})
    scene.wait("nobody is synchronous", lambda: not chosen(scene), cluster.PATRONI_LIMIT)
    cluster.set_dynamic(scene, {"synchronous_mode": True})


def chosen(scene: Scene) -> bool:
    """Whether Patroni calls a standby synchronous."""
    return any(one["role"] == "sync_standby" for one in cluster.view(scene)["members"])


def took_effect(scene: Scene) -> str:
    """Every member says so, both standbys stream, and the server waits for one of them."""
    found = versions(scene)
    if set(found.values()) != {OLD}:
        return ""
    query = "SELECT count(*), count(*) FILTER (WHERE sync_state = 'sync') FROM pg_stat_replication"
    whole = cluster.sql(scene, cluster.leads(scene), query) == f"{len(cluster.MEMBERS) - 1}|1"
    return f"Patroni is {OLD} on {', '.join(found)}" if whole and chosen(scene) else ""


def undo(scene: Scene) -> None:
    """Start the pinned program again, and rebuild whoever was left behind."""
    swap(scene, 'rm -rf "$1"')
    leader = str(scene.wait("somebody leads", lambda: cluster.leads(scene), cluster.PATRONI_LIMIT))
    for name in cluster.MEMBERS:
        if name != leader:
            cluster.rebuild_unless_streaming(scene, name)
    # What the member that was left behind had not archived yet is gone.
    backup.full_backup(scene)


FAULT = Fault(
    name="debian-patroni",
    title="The members run Debian's Patroni 3.0.2",
    why="Installed from the distribution; it loses acknowledged writes when the primary is cut "
    "off and comes back.",
    kind="failover",
    shape="false-green",
    tier="disrupt",
    only=("PG-021",),
    reddens={"PG-021": {cluster.CLUSTER: r"acknowledged writes lost in trial \d.* at most 0"}},
    survey=cluster.survey,
    apply=apply,
    took_effect=took_effect,
    undo=undo,
    environment=one_trial,
    naive=all_stream,
    settle=90,
)
