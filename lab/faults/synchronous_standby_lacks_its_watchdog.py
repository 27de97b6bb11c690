"""The synchronous standby may only be promoted with a watchdog, and has none."""

from lab import cluster
from lab.faults import Fault
from lab.faults._database import patroni_lists_all
from lab.scene import Scene

OFF, REQUIRED = 'mode: "off"', "mode: required"


def apply(scene: Scene) -> None:
    """Require the watchdog on the synchronous standby."""
    scene.change(scene["sync"], cluster.CONFIG, lambda text: text.replace(OFF, REQUIRED))
    scene.service(scene["sync"], "reload", "patroni")


def took_effect(scene: Scene) -> str:
    """Its Patroni says that the watchdog failed."""
    failed = cluster.status(scene, scene["sync"]).get("watchdog_failed")
    return f"{scene['sync']}: watchdog_failed" if failed else ""


def undo(scene: Scene) -> None:
    """Require none again."""
    cluster.restore_config(scene, scene["sync"])


FAULT = Fault(
    name="synchronous-standby-lacks-its-watchdog",
    title="The synchronous standby requires a watchdog device that is not there",
    why="The kernel module is not loaded on one host; Patroni refuses to promote it, and says so "
    "in one field that nobody reads.",
    kind="database",
    reddens={
        "PG-005": cluster.per_member(r"required watchdog that does not work.* found yes", "<sync>"),
        "PG-006": {cluster.CLUSTER: r"promotable .*<sync>: .*watchdog.* found 0"},
    },
    shape="false-green",
    survey=cluster.survey,
    apply=apply,
    took_effect=took_effect,
    undo=undo,
    naive=patroni_lists_all,
)
