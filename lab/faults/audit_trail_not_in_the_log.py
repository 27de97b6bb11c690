"""The audit trail was made unlogged to make it faster."""

from lab.errors import LabError
from lab.faults import Fault
from lab.faults._audit import TABLE, TRAIL, is_recorded, sql
from lab.scene import Scene


def apply(scene: Scene) -> None:
    """Take it out of the log."""
    sql(scene, f"ALTER TABLE {TABLE} SET UNLOGGED")


def took_effect(scene: Scene) -> str:
    """The server's catalogue says so.

    Raises:
        LabError: the trail is gone.
    """
    kind = sql(scene, f"SELECT relpersistence FROM pg_class WHERE oid = '{TABLE}'::regclass")  # noqa: S608 - our own
    if not kind:
        raise LabError(f"{TABLE} is gone")
    return f"{TABLE} is unlogged" if kind == "u" else ""


def undo(scene: Scene) -> None:
    """Back into the log; it is all there on the primary, which did not crash."""
    sql(scene, f"ALTER TABLE {TABLE} SET LOGGED")


FAULT = Fault(
    name="audit-trail-not-in-the-log",
    title="The audit trail is unlogged: no standby has it, and a crash empties it",
    why="Set to make reads of records faster; the next failover removes every event.",
    kind="audit",
    shape="false-green",
    reddens={"AUD-006": {TRAIL: r"the trail to be one of .*table.*, found unlogged table"}},
    apply=apply,
    took_effect=took_effect,
    undo=undo,
    naive=is_recorded,
)
