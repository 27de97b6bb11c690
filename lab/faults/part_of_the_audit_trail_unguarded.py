"""A part of the audit trail, for the events of a past year, has no triggers."""

from lab.errors import LabError
from lab.faults import Fault
from lab.faults._audit import TABLE, TRAIL, sql
from lab.scene import Scene

PART = f"{TABLE}_2025"
ALWAYS = f"SELECT count(*) FROM pg_trigger WHERE tgrelid = '{TABLE}'::regclass AND tgenabled = 'A'"  # noqa: S608 - our own


def apply(scene: Scene) -> None:
    """Make it as a child of the trail, which inherits columns and no trigger."""
    sql(scene, f"CREATE TABLE {PART} () INHERITS ({TABLE})")
    sql(scene, f"ALTER TABLE {PART} OWNER TO portal_owner")


def took_effect(scene: Scene) -> str:
    """Whoever reads the trail reads the part."""
    query = f"SELECT count(*) FROM pg_inherits WHERE inhparent = '{TABLE}'::regclass"  # noqa: S608 - our own
    return f"{PART} is a part of {TABLE}" if sql(scene, query) == "1" else ""


def undo(scene: Scene) -> None:
    """Drop it: nothing was ever in it."""
    sql(scene, f"DROP TABLE IF EXISTS {PART}")


def naive(scene: Scene) -> str:
    """Both triggers of the trail are there and enabled ALWAYS.

    Raises:
        LabError: they are not.
    """
    if (count := sql(scene, ALWAYS)) != "2":
        raise LabError(f"{count} triggers of {TABLE} are enabled ALWAYS")
    return f"two triggers of {TABLE} are enabled ALWAYS"


FAULT = Fault(
    name="part-of-the-audit-trail-unguarded",
    title="The events of a past year lie in a part of the trail that no trigger guards",
    why="A table for each year, made by a job that copies columns: its owner rewrites the past.",
    kind="audit",
    shape="false-green",
    reddens={
        "AUD-006": {
            TRAIL: r"changes of its part audit\.access_events_2025 that .* to include .*found none"
        },
    },
    apply=apply,
    took_effect=took_effect,
    undo=undo,
    naive=naive,
)
