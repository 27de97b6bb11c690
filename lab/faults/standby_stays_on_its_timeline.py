"""A standby streams, and would not follow the timeline of another primary."""

from lab import cluster
from lab.faults import Fault
from lab.faults._database import all_stream
from lab.scene import Facts, Scene

SETTING = "recovery_target_timeline"
# Patroni writes the setting at each start, strikes it off postgresql.auto.conf, and restarts a
# server that runs with another one: only a Patroni that wants another one leaves it alone.
FIND = "ls /opt/patroni/lib/python3*/site-packages/patroni/postgresql/config.py"
RIGHT, WRONG = f"'{SETTING}': 'latest'", f"'{SETTING}': 'current'"
TIMELINE = "SELECT timeline_id FROM pg_control_checkpoint()"


def survey(scene: Scene) -> Facts:
    """Who has which part, and the file in which Patroni decides."""
    facts = cluster.survey(scene)
    return {**facts, "file": scene.shell(facts["async"], FIND).strip()}


def apply(scene: Scene) -> None:
    """Let the asynchronous standby's Patroni want its own timeline, and start it anew."""
    primary, standby = scene["primary"], scene["async"]
    # Current is the timeline of the last checkpoint: it must be the primary's.
    cluster.sql(scene, primary, "CHECKPOINT")
    scene.wait(
        "the standby has the primary's checkpoint",
        lambda: cluster.behind(scene, primary, standby) == 0,
        30,
    )
    cluster.sql(scene, standby, "CHECKPOINT")
    scene.wait(
        "the standby's checkpoint is of the primary's timeline",
        lambda: cluster.sql(scene, standby, TIMELINE) == cluster.sql(scene, primary, TIMELINE),
        30,
    )
    scene.change(standby, scene["file"], lambda text: text.replace(RIGHT, WRONG))
    restart(scene)


def restart(scene: Scene) -> None:
    """Start Patroni and its server anew, and wait until the standby streams again."""
    scene.service(scene["async"], "restart", "patroni")
    scene.wait("the cluster is whole", lambda: cluster.parts(scene), 2 * cluster.PATRONI_LIMIT)


def took_effect(scene: Scene) -> str:
    """The server says so."""
    seen = cluster.setting(scene, scene["async"], SETTING)
    return f"{scene['async']}: {SETTING} is {seen}" if seen == "current" else ""


def undo(scene: Scene) -> None:
    """Give Patroni its own file again, and start it anew."""
    scene.put_back(scene["async"], scene["file"])
    restart(scene)


FAULT = Fault(
    name="standby-stays-on-its-timeline",
    title="The asynchronous standby runs with recovery_target_timeline = current",
    why="Left from a restore to a point in time, by an automation that does not steer it: the "
    "standby streams until somebody else is the primary, and then never again.",
    kind="database",
    shape="false-green",
    reddens={
        "PG-003": cluster.per_member(
            r"recovery_target_timeline to be latest, found current", "<async>"
        )
    },
    survey=survey,
    apply=apply,
    took_effect=took_effect,
    undo=undo,
    naive=all_stream,
    settle=90,
)
