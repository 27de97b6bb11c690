"""The replicas know another password of the portal's user than the master."""

import secrets

from lab.errors import LabError
from lab.faults import Fault
from lab.faults._cache import MEMBERS, PORTAL, let_in, node, roles, say
from lab.scene import Scene


def apply(scene: Scene) -> None:
    """Give the replicas a password that nobody has."""
    for one in ("replica", "other"):
        say(scene, scene[one], "ACL", "SETUSER", PORTAL, "resetpass", f">{secrets.token_hex(16)}")


def took_effect(scene: Scene) -> str:
    """The master lets the portal in, the replicas don't."""
    in_force = [one for one in MEMBERS if let_in(scene, one)] == [scene["master"]]
    return f"only {scene['master']} lets the portal in" if in_force else ""


def undo(scene: Scene) -> None:
    """Take the users from the file again."""
    for one in ("replica", "other"):
        say(scene, scene[one], "ACL", "LOAD")


def naive(scene: Scene) -> str:
    """Users log in at the portal, whose sessions lie at the master."""
    if not let_in(scene, scene["master"]):
        raise LabError("the portal is not let in by the master")
    return "the portal is let in by the master, as everybody sees"


FAULT = Fault(
    name="program-locked-out-by-every-replica",
    title="The replicas know another password of the portal's user than the master",
    why="It was changed at the master: users are not replicated. All is green until a failover, "
    "after which nobody can log in.",
    kind="cache",
    shape="false-green",
    reddens={
        "CACHE-011": {
            node(one): r"answer to the login of portal to be OK, found WRONGPASS"
            for one in ("<replica>", "<other>")
        }
    },
    survey=roles,
    apply=apply,
    took_effect=took_effect,
    undo=undo,
    naive=naive,
)
