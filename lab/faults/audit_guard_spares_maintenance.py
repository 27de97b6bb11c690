"""The function behind the triggers of the audit trail lets pass who sets a word of its own."""

from lab.errors import LabError
from lab.faults import Fault
from lab.faults._audit import TABLE, TRAIL, read, sql
from lab.faults.audit_guard_does_nothing import BODY, FUNCTION, REFUSES
from lab.scene import Scene

WORD = "portal.maintenance"
SPARES = f"""
BEGIN
    IF current_setting('{WORD}', true) = 'on' THEN
        RETURN NULL;
    END IF;
    RAISE EXCEPTION '% of audit events is refused', TG_OP USING ERRCODE = 'insufficient_privilege';
END
"""


def apply(scene: Scene) -> None:
    """Give it a condition that any session can meet."""
    sql(scene, f"{FUNCTION} SET search_path = '' AS $${SPARES}$$")


def took_effect(scene: Scene) -> str:
    """The server has it like this."""
    said = sql(scene, BODY)
    return f"the triggers' function returns where {WORD} is on" if WORD in said else ""


def undo(scene: Scene) -> None:
    """Let it refuse whoever asks again."""
    sql(scene, f"{FUNCTION} SET search_path = '' AS $${REFUSES}$$")


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
    name="audit-guard-spares-maintenance",
    title="The function that refuses changes of audit events spares sessions that say maintenance",
    why="Made for one repair and left: whoever knows the word rewrites the trail, and every test "
    "of it is refused.",
    kind="audit",
    shape="false-green",
    reddens={
        "AUD-006": {TRAIL: r"trigger refuse_change to be always, found always, and its function"}
    },
    apply=apply,
    took_effect=took_effect,
    undo=undo,
    naive=naive,
)
