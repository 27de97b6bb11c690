"""The function behind the triggers of the audit trail lets everything pass."""

from lab.errors import LabError
from lab.faults import Fault
from lab.faults._audit import AUDITED, TRAIL, sql
from lab.scene import Scene

FUNCTION = "CREATE OR REPLACE FUNCTION audit.refuse() RETURNS trigger LANGUAGE plpgsql"
PASSES = "BEGIN RETURN NULL; END"
REFUSES = """
BEGIN
    RAISE EXCEPTION '% of audit events is refused', TG_OP USING ERRCODE = 'insufficient_privilege';
END
"""
BODY = "SELECT prosrc FROM pg_proc WHERE oid = 'audit.refuse()'::regprocedure"
TRIGGERS = (
    "SELECT count(*) FROM pg_trigger WHERE tgrelid = 'audit.access_events'::regclass"
    " AND tgenabled = 'A'"
)


def apply(scene: Scene) -> None:
    """Empty it."""
    sql(scene, f"{FUNCTION} SET search_path = '' AS $${PASSES}$$")


def took_effect(scene: Scene) -> str:
    """The server has it like this."""
    return "the triggers' function returns at once" if sql(scene, BODY) == PASSES else ""


def undo(scene: Scene) -> None:
    """Let it refuse again."""
    sql(scene, f"{FUNCTION} SET search_path = '' AS $${REFUSES}$$")


def naive(scene: Scene) -> str:
    """Both triggers are there and enabled ALWAYS."""
    if (count := sql(scene, TRIGGERS)) != "2":
        raise LabError(f"{count} triggers are enabled ALWAYS")
    return "two triggers are enabled ALWAYS"


FAULT = Fault(
    name="audit-guard-does-nothing",
    title="The triggers of the audit trail are enabled, and their function refuses nothing",
    why="Emptied for a repair of the data and forgotten: the owner can rewrite the trail.",
    kind="audit",
    shape="false-green",
    tier="touch",
    only=AUDITED,
    reddens={
        "AUD-005": {TRAIL: r"UPDATE by portal_owner to be refused, found accepted"},
        "AUD-006": {TRAIL: r"trigger refuse_change to be always, found always, and its function"},
    },
    apply=apply,
    took_effect=took_effect,
    undo=undo,
    naive=naive,
)
