"""A program's user was made on two of three Redis servers."""

import hashlib
import secrets

from lab.faults import Fault
from lab.faults._cache import answers, node, roles, say
from lab.scene import Scene

USER = "reports"


def users(scene: Scene, member: str) -> list[str]:
    """The users of one Redis."""
    return say(scene, member, "ACL", "USERS").split()


def apply(scene: Scene) -> None:
    """Make it where it is needed today, and at one replica; nobody has its password."""
    word = hashlib.sha256(secrets.token_bytes()).hexdigest()
    for member in (scene["master"], scene["replica"]):
        say(scene, member, "ACL", "SETUSER", USER, "on", f"#{word}", "~session:*", "+get")


def took_effect(scene: Scene) -> str:
    """Master and one replica have it."""
    has = [one for one in ("master", "replica", "other") if USER in users(scene, scene[one])]
    return f"{USER} is at the master and at one replica" if has == ["master", "replica"] else ""


def undo(scene: Scene) -> None:
    """Remove it; one that is gone is fine."""
    for member in (scene["master"], scene["replica"]):
        say(scene, member, "ACL", "DELUSER", USER)


FAULT = Fault(
    name="user-missing-on-one-replica",
    title="One replica lacks a user that the master has",
    why="It was away when the user was made; after a failover to it that program is locked out.",
    kind="cache",
    shape="false-green",
    reddens={
        "CACHE-005": {node("<other>"): rf"its users to be .*, {USER}, .*, found (?!.*{USER})"}
    },
    survey=roles,
    apply=apply,
    took_effect=took_effect,
    undo=undo,
    naive=answers,
)
