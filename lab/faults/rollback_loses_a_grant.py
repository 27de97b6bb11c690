"""A right was granted by hand on the live database, and no migration knows it."""

from lab.faults import Fault
from lab.faults import _migrations as migrations
from lab.scene import Scene

ROLE = "readiness_audit"


def apply(scene: Scene) -> None:
    """Grant it."""
    migrations.live(scene, f"GRANT SELECT ON course_sizes TO {ROLE}")


def took_effect(scene: Scene) -> str:
    """The live database says so."""
    asked = f"SELECT has_table_privilege('{ROLE}', 'course_sizes', 'SELECT')"
    return f"{ROLE} may read course_sizes" if migrations.live(scene, asked) == "t" else ""


def undo(scene: Scene) -> None:
    """Take it back; twice does no harm."""
    migrations.live(scene, f"REVOKE SELECT ON course_sizes FROM {ROLE}")  # noqa: S608 - our own constant


FAULT = Fault(
    name="rollback-loses-a-grant",
    title="A right that was granted by hand is gone after the release went down and up",
    why="A report ran since spring with a right that nobody wrote down; then there was a rollback.",
    kind="migrations",
    shape="false-green",
    tier="load",
    only=migrations.CHECKS,
    reddens={"MIG-002": {migrations.SUBJECT: rf"{migrations.AGAIN}.*grants: public\.course_sizes"}},
    apply=apply,
    took_effect=took_effect,
    undo=undo,
    naive=migrations.chain_is_whole,
)
