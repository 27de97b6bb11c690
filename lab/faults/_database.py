"""Probes of somebody in a hurry that several faults of the database share."""

from lab import cluster
from lab.errors import LabError
from lab.scene import Scene

STANDBYS = len(cluster.MEMBERS) - 1


def all_stream(scene: Scene) -> str:
    """The primary lists as many streaming standbys as there should be."""
    found = cluster.streaming(scene, scene["primary"])
    count = sum(state == "streaming" for state in found.values())
    if count < STANDBYS:
        raise LabError(f"pg_stat_replication: {found}")
    return f"pg_stat_replication on {scene['primary']}: {count} standbys stream"


def one_is_synchronous(scene: Scene) -> str:
    """The primary lists a synchronous standby."""
    query = "SELECT count(*) FROM pg_stat_replication WHERE sync_state = 'sync'"
    if cluster.sql(scene, scene["primary"], query) == "0":
        raise LabError("pg_stat_replication: no synchronous standby")
    return f"pg_stat_replication on {scene['primary']}: sync_state is sync"


def patroni_lists_all(scene: Scene) -> str:
    """``patronictl list`` shows a leader, a synchronous standby and a replica that run."""
    found = cluster.parts(scene)
    return ", ".join(f"{found[part]} is {part}" for part in ("primary", "sync", "async"))


def writable_through_the_pooler(scene: Scene) -> str:
    """Through app1's pooler a session reaches a server that is not in recovery."""
    password = (scene.site.home.secrets / "pg/touch.password").read_text().strip()
    script = (
        "IFS= read -r PGPASSWORD; export PGPASSWORD; exec psql -XAtq -h 127.0.0.1 -p 6432 "
        "-U readiness_touch -d paws360 -c 'SELECT pg_is_in_recovery()'"
    )
    said = scene.run("app1", "sh", "-c", script, stdin=password + "\n").strip()
    if said != "f":
        raise LabError(f"the pooler on app1 leads to a server with pg_is_in_recovery() = {said}")
    return "the pooler on app1 leads to a server that accepts writes"
