"""The trigger that refuses changes of events fires in replication's sessions only."""

from lab.faults import Fault
from lab.faults._audit import AUDITED, TABLE, TRAIL, sql
from lab.scene import Scene

TRIGGER = "refuse_change"


def apply(scene: Scene) -> None:
    """Enable it for the wrong sessions."""
    sql(scene, f"ALTER TABLE {TABLE} ENABLE REPLICA TRIGGER {TRIGGER}")


def took_effect(scene: Scene) -> str:
    """The server's catalogue says so."""
    state = sql(scene, f"SELECT tgenabled FROM pg_trigger WHERE tgname = '{TRIGGER}'")  # noqa: S608 - our own
    return f"{TRIGGER} has state {state}" if state == "R" else ""


def undo(scene: Scene) -> None:
    """Enable it always again."""
    sql(scene, f"ALTER TABLE {TABLE} ENABLE ALWAYS TRIGGER {TRIGGER}")


def naive(scene: Scene) -> str:
    """The trigger is there and not disabled."""
    query = f"SELECT count(*) FROM pg_trigger WHERE tgname = '{TRIGGER}' AND tgenabled <> 'D'"  # noqa: S608 - our own
    return f"{sql(scene, query)} trigger {TRIGGER} that is not disabled"


FAULT = Fault(
    name="audit-guard-for-replicas-only",
    title="The trigger that refuses changes of audit events fires for replication only",
    why="A migration tool enabled it again, and not as it was: the owner can rewrite the trail.",
    kind="audit",
    shape="false-green",
    tier="touch",
    only=AUDITED,
    reddens={
        "AUD-005": {TRAIL: r"UPDATE by portal_owner to be refused, found accepted"},
        "AUD-006": {TRAIL: rf"trigger {TRIGGER} to be always, found replica only"},
    },
    apply=apply,
    took_effect=took_effect,
    undo=undo,
    naive=naive,
)
