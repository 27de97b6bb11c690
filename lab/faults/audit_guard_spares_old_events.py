"""The trigger that refuses changes of audit events lets the old ones through."""

from lab.errors import LabError
from lab.faults import Fault
from lab.faults._audit import TABLE, TRAIL, read, sql
from lab.scene import Scene

TRIGGER = "refuse_change"
MADE = f"""
BEGIN;
DROP TRIGGER IF EXISTS {TRIGGER} ON {TABLE};
CREATE TRIGGER {TRIGGER} BEFORE UPDATE OR DELETE ON {TABLE}
    {{each}} EXECUTE FUNCTION audit.refuse();
ALTER TABLE {TABLE} ENABLE ALWAYS TRIGGER {TRIGGER};
COMMIT
"""
YOUNG = "FOR EACH ROW WHEN (old.occurred_at > now() - interval '30 days')"
CONDITION = f"SELECT tgenabled, tgqual IS NULL FROM pg_trigger WHERE tgname = '{TRIGGER}'"  # noqa: S608 - our own


def apply(scene: Scene) -> None:
    """Make it anew with a condition, as a purge asked for."""
    sql(scene, MADE.format(each=YOUNG))


def took_effect(scene: Scene) -> str:
    """The server's catalogue says so."""
    said = sql(scene, CONDITION)
    return f"{TRIGGER} fires always, with a condition" if said == "A|f" else ""


def undo(scene: Scene) -> None:
    """Make it anew as the migration does; twice does no harm."""
    sql(scene, MADE.format(each="FOR EACH STATEMENT"))


def naive(scene: Scene) -> str:
    """A fresh event can't be removed by the table's owner.

    Raises:
        LabError: it can.
    """
    (event,) = read(scene, "app1")()
    remove = f"DELETE FROM {TABLE} WHERE event_id = '{event['event_id']}'"  # noqa: S608 - refused
    try:
        sql(scene, f"BEGIN; SET ROLE portal_owner; {remove}; ROLLBACK")
    except LabError as error:
        if "refused" not in str(error):
            raise
        return "removing a fresh event as portal_owner is refused"
    raise LabError("a fresh event can be removed")


FAULT = Fault(
    name="audit-guard-spares-old-events",
    title="The trigger that refuses changes of audit events has a condition: old ones can go",
    why="Made for a yearly purge: what is tried on a fresh event is refused, last year's is not.",
    kind="audit",
    shape="false-green",
    reddens={
        "AUD-006": {
            TRAIL: r"triggers come before to include DELETE, TRUNCATE, UPDATE, found TRUNC"
        },
    },
    apply=apply,
    took_effect=took_effect,
    undo=undo,
    naive=naive,
)
