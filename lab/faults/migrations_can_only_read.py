"""The role that migrates the database begins every session read-only."""

from lab import cluster
from lab.faults import Fault
from lab.faults._database import writable_through_the_pooler
from lab.faults._synchronous import leader
from lab.scene import Scene

ROLE = "portal_migrate"
SETTING = "default_transaction_read_only"
GIVEN = (
    "SELECT rolname FROM pg_db_role_setting JOIN pg_roles r ON r.oid = setrole "
    "WHERE rolname = 'portal_migrate' AND 'default_transaction_read_only=on' = ANY(setconfig)"
)


def apply(scene: Scene) -> None:
    """Give the role the setting."""
    cluster.sql(scene, leader(scene), f"ALTER ROLE {ROLE} SET {SETTING} = on")


def took_effect(scene: Scene) -> str:
    """The catalogue shows it."""
    found = cluster.sql(scene, leader(scene), GIVEN)
    return f"{found} has {SETTING} = on" if found else ""


def undo(scene: Scene) -> None:
    """Take it back."""
    cluster.sql(scene, leader(scene), f"ALTER ROLE {ROLE} RESET {SETTING}")


FAULT = Fault(
    name="migrations-can-only-read",
    title="The role that migrates the database has default_transaction_read_only = on",
    why="Given to it in a freeze and forgotten; the portal works, and the next release does not.",
    kind="database",
    shape="false-green",
    reddens={
        "PG-001": {
            cluster.CLUSTER: r"sessions that can only read to be none, "
            rf"found role {ROLE} in database all"
        }
    },
    survey=cluster.survey,
    apply=apply,
    took_effect=took_effect,
    undo=undo,
    naive=writable_through_the_pooler,
)
