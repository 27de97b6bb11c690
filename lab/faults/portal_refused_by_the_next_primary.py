"""The synchronous standby's access rules refuse the portal's login."""

from lab import cluster
from lab.faults import Fault
from lab.faults._database import patroni_lists_all
from lab.faults._drill import one_trial
from lab.scene import Scene

LIST = "  pg_hba:\n"
FIRST = f"{LIST}    - host paws360 portal all reject\n"
LOADED = "SELECT count(*) FROM pg_hba_file_rules WHERE auth_method = 'reject'"


def apply(scene: Scene) -> None:
    """Put the line first in its own access rules."""
    scene.change(scene["sync"], cluster.CONFIG, lambda text: text.replace(LIST, FIRST))
    scene.service(scene["sync"], "reload", "patroni")


def took_effect(scene: Scene) -> str:
    """The server has loaded it."""
    loaded = cluster.sql(scene, scene["sync"], LOADED) == "1"
    return f"{scene['sync']} refuses the login portal" if loaded else ""


def undo(scene: Scene) -> None:
    """Take the line away."""
    cluster.restore_config(scene, scene["sync"])


FAULT = Fault(
    name="portal-refused-by-the-next-primary",
    title="The synchronous standby's access rules refuse the portal's login",
    why="The rules are each member's own and one was written by hand; the failover succeeds in "
    "twenty seconds, and the portal is down until somebody reads a log.",
    kind="failover",
    shape="false-green",
    tier="disrupt",
    only=("PG-024",),
    reddens={
        "PG-024": {
            cluster.CLUSTER: r"wrong with the page of app\d at \S+ under <sync> in trial 1 to be "
            r"none, found \S"
        }
    },
    survey=cluster.survey,
    apply=apply,
    took_effect=took_effect,
    undo=undo,
    environment=one_trial,
    naive=patroni_lists_all,
)
