"""Behind Patroni's back a standby was promoted: two servers accept writes."""

from lab import cluster
from lab.errors import LabError
from lab.faults import Fault
from lab.faults import _backup as backup
from lab.faults._database import writable_through_the_pooler
from lab.scene import Scene

# Members are asked in this order: with the true primary first the outcome is always the same.
FIRST = cluster.MEMBERS[0]
MEMBERS = ("<primary>", "<sync>", "<async>")
BOTH = ("<primary>", "<async>")
UNDECIDED = r"2 members accept writes, expected one"
WRITERS = {backup.SUBJECT: r"members that write to be 1, found 2"}


def two(member: str) -> str:
    """The reason of a member that claims to be the one primary."""
    return rf"primaries to be {member}, found (db\d, db\d)"


def arrange(scene: Scene) -> None:
    """Let the first member lead."""
    cluster.make_primary(scene, FIRST)


def apply(scene: Scene) -> None:
    """Pause Patroni, as somebody who knows what they do, and promote."""
    cluster.set_dynamic(scene, {"pause": True})
    scene.wait(
        "everybody is paused",
        lambda: len(cluster.paused(scene)) == len(cluster.MEMBERS),
        cluster.PATRONI_LIMIT,
    )
    cluster.sql(scene, scene["async"], "SELECT pg_promote(true, 30)")


def took_effect(scene: Scene) -> str:
    """Two servers are out of recovery."""
    query = "SELECT pg_is_in_recovery()"
    out = [name for name in cluster.MEMBERS if cluster.sql(scene, name, query) == "f"]
    return f"out of recovery: {', '.join(out)}" if len(out) > 1 else ""


def undo(scene: Scene) -> None:
    """Resume: Patroni demotes whoever has no right to lead; its history is thrown away."""
    cluster.set_dynamic(scene, {"pause": None})
    scene.wait("nobody is paused", lambda: not cluster.paused(scene), cluster.PATRONI_LIMIT)
    scene.wait("one primary is left", lambda: not took_effect(scene), cluster.PATRONI_LIMIT)
    cluster.rebuild_unless_streaming(scene, scene["async"])


def naive(scene: Scene) -> str:
    """Patroni names one leader, and the pooler leads to a server that accepts writes."""
    leaders = [one for one in cluster.view(scene)["members"] if one["role"] == "leader"]
    if len(leaders) != 1:
        raise LabError(f"Patroni names {len(leaders)} leaders")
    return f"Patroni names one leader, {writable_through_the_pooler(scene)}"


FAULT = Fault(
    name="standby-promoted-by-hand",
    title="A standby was promoted behind Patroni's back: two primaries",
    why="Done in a hurry while the automation was paused; two histories exist since.",
    kind="database",
    reddens={
        **dict.fromkeys(("BKP-001", "BKP-005", "BKP-006", "BKP-007"), WRITERS),
        "PG-001": {cluster.CLUSTER: r"primaries to be 1, found 2"},
        "PG-002": cluster.per_member(two, *BOTH),
        "PG-003": cluster.per_member(two, *BOTH),
        "PG-004": {cluster.CLUSTER: r"<async>: expected synchronous standbys at least 1, found 0"},
        "PG-006": {cluster.CLUSTER: r"the automation is paused.* at least 1, found 0"},
        "PG-007": cluster.per_member(two, *BOTH),
        "PG-008": cluster.per_member(r"automation to be active, found paused", *MEMBERS),
        "PG-012": cluster.per_member(two, *BOTH),
    },
    blinds={
        "PG-003": cluster.per_member(UNDECIDED, "<sync>"),
        "PG-007": cluster.per_member(UNDECIDED, "<sync>"),
    },
    arrange=arrange,
    survey=cluster.survey,
    apply=apply,
    took_effect=took_effect,
    undo=undo,
    naive=naive,
)
