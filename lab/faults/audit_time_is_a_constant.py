"""Every event bears the time at which somebody set the column's default."""

from lab.errors import LabError
from lab.faults import Fault
from lab.faults._audit import AUDITED, TABLE, both, read, sql
from lab.scene import Scene

COLUMN = "occurred_at"


def apply(scene: Scene) -> None:
    """`'now'` in a default is worked out once, when it is set."""
    sql(scene, f"ALTER TABLE {TABLE} ALTER {COLUMN} SET DEFAULT timestamptz 'now'")


def took_effect(scene: Scene) -> str:
    """Two reads one after the other have the same time."""
    times = [one[COLUMN] for _ in range(2) for one in read(scene, "app1")()]
    return f"two reads at {times[0]}" if len(times) > len(set(times)) else ""


def undo(scene: Scene) -> None:
    """The clock's time again."""
    sql(scene, f"ALTER TABLE {TABLE} ALTER {COLUMN} SET DEFAULT clock_timestamp()")


def naive(scene: Scene) -> str:
    """The newest event is of today."""
    query = f"SELECT max({COLUMN}) > now() - interval '1 day' FROM {TABLE}"  # noqa: S608 - our own
    if sql(scene, query) != "t":
        raise LabError("no event of today")
    return "the newest event is of today"


FAULT = Fault(
    name="audit-time-is-a-constant",
    title="Every audit event bears one and the same time",
    why="A default written with 'now' in quotes: when a record was read can't be said.",
    kind="audit",
    shape="false-green",
    tier="touch",
    only=AUDITED,
    reddens={
        **both("AUD-001", r"events of its reads to be none, found time"),
        **both("AUD-002", r"events of its refusals to be none, found time"),
    },
    apply=apply,
    took_effect=took_effect,
    undo=undo,
    naive=naive,
)
