"""The user default of one Redis has no rights: after a restart what transactions wrote is gone."""

from lab.errors import LabError
from lab.faults import Fault
from lab.faults._cache import MEMBERS, info, node, roles, say
from lab.scene import Scene

DRY = ("ACL", "DRYRUN", "default", "SET", "key", "1")


def apply(scene: Scene) -> None:
    """Take them away, as a careful person would from a user that is off."""
    say(scene, scene["other"], "ACL", "SETUSER", "default", "reset")


def took_effect(scene: Scene) -> str:
    """A dry run says so."""
    said = say(scene, scene["other"], *DRY)
    return f"default may not: {said}" if said != "OK" else ""


def undo(scene: Scene) -> None:
    """Give them back, and leave the user off."""
    say(scene, scene["other"], "ACL", "SETUSER", "default", "reset", "~*", "&*", "+@all")


def persistence(scene: Scene) -> str:
    """The probe of somebody in a hurry: everywhere the file is in use and its last write was ok."""
    for name in MEMBERS:
        keys = ("aof_enabled", "aof_last_write_status", "aof_last_bgrewrite_status")
        seen = [info(scene, name, key) for key in keys]
        if seen != ["1", "ok", "ok"]:
            raise LabError(f"{name}: {seen}")
    return "every Redis has its append-only file in use, last write ok, last rewrite ok"


FAULT = Fault(
    name="transactions-dropped-at-restart",
    title="One replica would read no transaction back from its append-only file",
    why="`user default off` alone does it: INFO is content, and a restart loses every login.",
    kind="cache",
    shape="false-green",
    reddens={"CACHE-007": {node("<other>"): r"reading it back would drop to be .*, found .*SET"}},
    survey=roles,
    apply=apply,
    took_effect=took_effect,
    undo=undo,
    naive=persistence,
)
