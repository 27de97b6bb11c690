"""The application's role was given UPDATE and DELETE on the audit trail."""

from lab.errors import LabError
from lab.faults import Fault
from lab.faults._audit import TABLE, TRAIL, sql
from lab.scene import Scene


def apply(scene: Scene) -> None:
    """Grant what a purge job asked for."""
    sql(scene, f"GRANT UPDATE, DELETE ON {TABLE} TO portal")


def took_effect(scene: Scene) -> str:
    """The server says so."""
    said = sql(scene, f"SELECT has_table_privilege('portal', '{TABLE}', 'DELETE')")
    return f"portal has that right on {TABLE}" if said == "t" else ""


def undo(scene: Scene) -> None:
    """Take it back."""
    sql(scene, f"REVOKE UPDATE, DELETE ON {TABLE} FROM portal")


def naive(scene: Scene) -> str:
    """Deleting is refused: by the trigger, for as long as it is there."""
    try:
        sql(scene, f"SET ROLE portal; DELETE FROM {TABLE}")  # noqa: S608 - refused
    except LabError as error:
        if "refused" not in str(error):
            raise
        return "a DELETE as portal is refused"
    raise LabError("a DELETE as portal was accepted")


FAULT = Fault(
    name="application-may-delete-audit-events",
    title="The application's role may update and delete audit events, and only triggers refuse",
    why="Granted for a purge job: one disabled trigger later the trail can be rewritten.",
    kind="audit",
    shape="false-green",
    reddens={
        "AUD-006": {TRAIL: r"rights of portal to be among INSERT, SELECT, found DELETE, .*UPDATE"},
    },
    apply=apply,
    took_effect=took_effect,
    undo=undo,
    naive=naive,
)
