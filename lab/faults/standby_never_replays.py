"""A standby receives everything and replays nothing."""

from lab import cluster
from lab.faults import Fault
from lab.faults._database import all_stream
from lab.scene import Scene


def apply(scene: Scene) -> None:
    """Pause replay on the asynchronous standby, then commit something."""
    cluster.sql(scene, scene["async"], "SELECT pg_wal_replay_pause()")
    scene.wait("replay is paused", lambda: paused(scene), 30)
    cluster.sql(scene, scene["primary"], cluster.WRITE)


def paused(scene: Scene) -> bool:
    """Whether replay has come to its halt."""
    query = "SELECT pg_get_wal_replay_pause_state()"
    return cluster.sql(scene, scene["async"], query) == "paused"


def took_effect(scene: Scene) -> str:
    """Replay is paused and stays behind."""
    if not paused(scene):
        return ""
    lag = cluster.behind(scene, scene["primary"], scene["async"])
    return f"{scene['async']}: replay is paused, {lag} bytes behind" if lag > 0 else ""


def undo(scene: Scene) -> None:
    """Resume, wherever replay is paused."""
    query = "SELECT CASE WHEN pg_is_in_recovery() THEN pg_wal_replay_resume() END"
    cluster.sql(scene, scene["async"], query)


FAULT = Fault(
    name="standby-never-replays",
    title="A standby streams and never replays",
    why="Paused for a long report and forgotten; it serves old data and takes over late.",
    kind="database",
    shape="false-green",
    reddens={
        "PG-003": cluster.per_member(r"replay to be not paused, found paused", "<async>"),
        "PG-007": cluster.per_member(r"expected reached .*found no", "<async>"),
        "PG-013": {cluster.CLUSTER: r"row on <async> in time to be yes, found no"},
    },
    tier="touch",
    only=("PG-013",),
    survey=cluster.survey,
    apply=apply,
    took_effect=took_effect,
    undo=undo,
    naive=all_stream,
)
