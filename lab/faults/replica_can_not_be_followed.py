"""The user of replication has no right to follow one replica, should that become the master."""

from lab.errors import LabError
from lab.faults import Fault
from lab.faults._cache import info, node, roles, say
from lab.scene import Scene

USER = "replication"
DRY = ("ACL", "DRYRUN", USER, "PSYNC", "?", "-1")


def apply(scene: Scene) -> None:
    """Take it away, in the running server: a replica is asked by nobody for it."""
    say(scene, scene["other"], "ACL", "SETUSER", USER, "-psync")


def took_effect(scene: Scene) -> str:
    """A dry run says so."""
    said = say(scene, scene["other"], *DRY)
    return f"{USER} may not: {said}" if said != "OK" else ""


def undo(scene: Scene) -> None:
    """Give it back; twice does no harm."""
    say(scene, scene["other"], "ACL", "SETUSER", USER, "+psync")


def links(scene: Scene) -> str:
    """The probe of somebody in a hurry: the link of every replica is up.

    Raises:
        LabError: one is not.
    """
    for name in ("replica", "other"):
        status = info(scene, scene[name], "master_link_status")
        if status != "up":
            raise LabError(f"the link of {scene[name]} is {status}")
    return "the links of both replicas are up"


FAULT = Fault(
    name="replica-can-not-be-followed",
    title="One replica would refuse every other Redis, once it is the master",
    why="Its list of users is an older one; alone, it would then refuse every write too.",
    kind="cache",
    shape="false-green",
    reddens={
        "CACHE-005": {
            node("<other>"): r"words of a replica that it refuses to be none, found PSYNC"
        }
    },
    survey=roles,
    apply=apply,
    took_effect=took_effect,
    undo=undo,
    naive=links,
)
