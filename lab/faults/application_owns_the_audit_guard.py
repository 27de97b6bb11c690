"""The function behind the triggers of the audit trail belongs to the application's role."""

from lab.errors import LabError
from lab.faults import Fault
from lab.faults._audit import TABLE, TRAIL, sql
from lab.scene import Scene

OWNER = "SELECT proowner::regrole FROM pg_proc WHERE oid = 'audit.refuse()'::regprocedure"
RIGHTS = f"SELECT has_table_privilege('portal', '{TABLE}', 'UPDATE, DELETE, TRUNCATE, TRIGGER')"


def apply(scene: Scene) -> None:
    """Give it away."""
    sql(scene, "ALTER FUNCTION audit.refuse() OWNER TO portal")


def took_effect(scene: Scene) -> str:
    """The server's catalogue says so."""
    owner = sql(scene, OWNER)
    return f"audit.refuse() belongs to {owner}" if owner == "portal" else ""


def undo(scene: Scene) -> None:
    """Give it back."""
    sql(scene, "ALTER FUNCTION audit.refuse() OWNER TO portal_owner")


def naive(scene: Scene) -> str:
    """The application has no right on the table that could change an event.

    Raises:
        LabError: it has.
    """
    if sql(scene, RIGHTS) != "f":
        raise LabError(f"portal may change {TABLE}")
    return f"portal has no right to change {TABLE}"


FAULT = Fault(
    name="application-owns-the-audit-guard",
    title="The application owns the function that refuses changes of audit events",
    why="A migration ran as the application: whoever breaks into it empties the guard unseen.",
    kind="audit",
    shape="false-green",
    reddens={
        "AUD-006": {TRAIL: r"owner of it, its schema or a guard to be among .*, found portal, "},
    },
    apply=apply,
    took_effect=took_effect,
    undo=undo,
    naive=naive,
)
