"""A standby receives everything and replays nothing: a report holds a lock that replay needs."""

from lab import cluster
from lab.faults import Fault
from lab.faults._database import all_stream
from lab.scene import Scene

SETTING = "max_standby_streaming_delay"
TABLE = "lab_fault_report"
UNIT = "lab-fault-report"
REPORT = ("BEGIN", f"TABLE {TABLE}", "SELECT pg_sleep(86400)")
HELD = "SELECT count(*) FROM pg_locks WHERE relation = 'lab_fault_report'::regclass"
END = (
    "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE query = 'SELECT pg_sleep(86400)'"
)
WAITING = """SELECT count(*) FROM pg_stat_activity
WHERE backend_type = 'startup' AND wait_event_type = 'Lock'"""


def apply(scene: Scene) -> None:
    """Let reports on the asynchronous standby delay replay without end, and start one."""
    standby, primary = scene["async"], scene["primary"]
    cluster.alter_system(scene, standby, SETTING, "-1")
    cluster.sql(scene, primary, f"CREATE TABLE IF NOT EXISTS {TABLE} (number int)")
    scene.wait(
        "the table is there", lambda: cluster.sql(scene, standby, f"TABLE {TABLE}") == "", 30
    )
    words = [word for statement in REPORT for word in ("-c", statement)]
    start = ("systemd-run", "--quiet", "--collect", f"--unit={UNIT}", "--uid=postgres")
    scene.run(standby, *start, "psql", "-XAtq", *words)
    scene.wait("the report reads", lambda: cluster.sql(scene, standby, HELD) != "0", 30)
    cluster.sql(scene, primary, f"ALTER TABLE {TABLE} ADD COLUMN more int")


def took_effect(scene: Scene) -> str:
    """The standby's replay waits for a lock and is behind."""
    if cluster.sql(scene, scene["async"], WAITING) != "1":
        return ""
    lag = cluster.behind(scene, scene["primary"], scene["async"])
    return f"{scene['async']}: replay waits for a lock, {lag} bytes behind" if lag > 0 else ""


def undo(scene: Scene) -> None:
    """End the report, limit the delay again, drop the table."""
    standby = scene["async"]
    scene.shell(standby, 'systemctl stop "$1" 2>/dev/null || true', UNIT)
    # The server would sleep on without its client.
    cluster.sql(scene, standby, END)
    cluster.alter_system(scene, standby, SETTING, None)
    first = str(scene.wait("somebody leads", lambda: cluster.leads(scene), cluster.PATRONI_LIMIT))
    cluster.sql(scene, first, f"DROP TABLE IF EXISTS {TABLE}")


FAULT = Fault(
    name="standby-never-replays",
    title="A standby streams and never replays",
    why="A forgotten report holds a lock, and max_standby_streaming_delay = -1 lets it wait for "
    "ever; the standby serves old data and takes over late.",
    kind="database",
    shape="false-green",
    reddens={
        "PG-003": cluster.per_member(r"expected reached .*found no", "<async>"),
        "PG-007": cluster.per_member(cluster.BEHIND, "<async>"),
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
