"""What the ways to be synchronous in name only share: commits that wait for nobody."""

from lab import cluster
from lab.scene import Scene

LOCAL = "local"


def leader(scene: Scene) -> str:
    """Who leads now: an undo may come after a failover."""
    return str(scene.wait("somebody leads", lambda: cluster.leads(scene), cluster.PATRONI_LIMIT))
