"""One Sentinel tells its clients that a replica is the master."""

from lab.errors import LabError
from lab.faults import Fault
from lab.faults._cache import CACHE, LIMIT, REDIS, SENTINEL, roles, say, watched
from lab.inventory import machine
from lab.scene import Scene

CONFIG = "/etc/redis/sentinel.conf"


def apply(scene: Scene) -> None:
    """Point the Sentinel beside the master to a replica, as a copied file would."""
    at, there = scene["master"], machine(scene["master"]).v4
    scene.service(at, "stop", "redis-sentinel")
    wrong = f"sentinel monitor {CACHE} {machine(scene['replica']).v4} {REDIS}"
    scene.change(
        at, CONFIG, lambda text: text.replace(f"sentinel monitor {CACHE} {there} {REDIS}", wrong)
    )
    scene.service(at, "start", "redis-sentinel")


def told(scene: Scene, at: str) -> str:
    """The address that this Sentinel gives to clients."""
    words = ("SENTINEL", "GET-MASTER-ADDR-BY-NAME", CACHE)
    return say(scene, at, *words, port=SENTINEL).partition("\n")[0]


def took_effect(scene: Scene) -> str:
    """It gives clients the replica's address, and wonders why that one is no master."""
    said = told(scene, scene["master"])
    there = said == str(machine(scene["replica"]).v4)
    doubts = "s_down" in watched(scene, scene["master"], "flags")
    return f"clients are told {said}" if there and doubts else ""


def undo(scene: Scene) -> None:
    """Give it its file back."""
    scene.service(scene["master"], "stop", "redis-sentinel")
    scene.put_back(scene["master"], CONFIG)
    scene.service(scene["master"], "start", "redis-sentinel")

    def well() -> bool:
        keys = ("flags", "num-slaves", "num-other-sentinels")
        return [watched(scene, scene["master"], key) for key in keys] == ["master", "2", "2"]

    scene.wait("it watches the master with two replicas", well, LIMIT)


def at_another(scene: Scene) -> str:
    """The probe of somebody in a hurry: one Sentinel, asked for the master, tells the right one."""
    said = told(scene, scene["replica"])
    if said != str(machine(scene["master"]).v4):
        raise LabError(f"clients are told {said}")
    return f"a Sentinel tells the right master, {scene['master']}"


FAULT = Fault(
    name="sentinel-watches-another-master",
    title="One of three Sentinels sends clients to a replica",
    why="A configuration copied from another time; a third of the logins fails, at random.",
    kind="cache",
    shape="false-green",
    reddens={
        "CACHE-002": {CACHE: r"master that it tells clients to be <master>, found <replica>"},
        "CACHE-003": {
            CACHE: r"sentinel/<master>: expected state of the master to be master, found .*s_down"
        },
    },
    survey=roles,
    apply=apply,
    took_effect=took_effect,
    undo=undo,
    naive=at_another,
)
