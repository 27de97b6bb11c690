"""A view made by hand on the live database stands on a column of the newest revision."""

from lab.faults import Fault
from lab.faults import _migrations as migrations
from lab.scene import Scene

VIEW = "report_of_spring"


def apply(scene: Scene) -> None:
    """Make the view."""
    migrations.live(scene, f"CREATE VIEW {VIEW} AS SELECT subject FROM courses")  # noqa: S608


def took_effect(scene: Scene) -> str:
    """The live database has it."""
    found = migrations.live(scene, f"SELECT to_regclass('{VIEW}') IS NOT NULL")
    return f"there is a view {VIEW}" if found == "t" else ""


def undo(scene: Scene) -> None:
    """Drop it; twice does no harm."""
    migrations.live(scene, f"DROP VIEW IF EXISTS {VIEW}")


FAULT = Fault(
    name="down-stopped-by-a-view",
    title="The release can't be taken back: something made by hand depends on it",
    why="Migrations that were tried on an empty database have never met what people made by hand.",
    kind="migrations",
    shape="false-green",
    tier="load",
    only=migrations.CHECKS,
    reddens={
        "MIG-001": {
            migrations.SUBJECT: r"migrations that failed to be none, "
            r"found .*down ended with 1 \(.*DependentObjectsStillExist"
        },
        "MIG-002": {migrations.SUBJECT: r"compared after each direction to be yes, found no"},
    },
    apply=apply,
    took_effect=took_effect,
    undo=undo,
    naive=migrations.chain_is_whole,
)
