"""A table was made unlogged to load it faster, and stayed so."""

from lab import cluster
from lab.faults import Fault
from lab.faults import _backup as backup
from lab.scene import Scene

TABLE = "account_transactions"
DATABASE = "paws360"


def apply(scene: Scene) -> None:
    """Take a table out of the log, and back it up as it is."""
    cluster.sql(scene, scene["primary"], f"ALTER TABLE {TABLE} SET UNLOGGED", database=DATABASE)
    backup.full_backup(scene)


def took_effect(scene: Scene) -> str:
    """The catalogue says so."""
    query = f"SELECT relpersistence FROM pg_class WHERE relname = '{TABLE}'"  # noqa: S608 - our own constant
    kind = cluster.sql(scene, cluster.leads(scene), query, database=DATABASE)
    return f"{TABLE} is unlogged" if kind == "u" else ""


def undo(scene: Scene) -> None:
    """Back into the log; it is all there on the primary, which did not crash."""
    primary = cluster.leads(scene)
    cluster.sql(scene, primary, f"ALTER TABLE {TABLE} SET LOGGED", database=DATABASE)
    backup.full_backup(scene)


FAULT = Fault(
    name="table-not-in-the-log",
    title="One table is unlogged: a restored copy starts, and the table is empty",
    why="Unlogged tables are in no backup and no WAL; everything about the backup is green.",
    kind="backup",
    shape="false-green",
    tier="load",
    only=("BKP-010",),
    reddens={
        "BKP-010": {
            backup.SUBJECT: r"tables that differ to be none, "
            r".*account_transactions \(0 of \d+ rows\)"
        }
    },
    survey=cluster.survey,
    apply=apply,
    took_effect=took_effect,
    undo=undo,
    naive=backup.recent_backup,
)
