"""One Sentinel has a second name for the master, with a quorum of its own."""

from lab.faults import Fault
from lab.faults._cache import CACHE, LIMIT, REDIS, SENTINEL, quorum, roles, say, watched
from lab.inventory import machine
from lab.scene import Scene

AT, NAME = "cache3", "mymaster"
LOGIN = "redis/sentinel.password"


def named(scene: Scene) -> bool:
    """Whether this Sentinel has the name."""
    return NAME in say(scene, AT, "SENTINEL", "MASTERS", port=SENTINEL).splitlines()


def apply(scene: Scene) -> None:
    """Have it watch the same master under that name, with the login that the right name has."""
    address = str(machine(scene["master"]).v4)
    say(scene, AT, "SENTINEL", "MONITOR", NAME, address, REDIS, "1", port=SENTINEL)
    # On standard input: a password is no argument.
    word = (scene.site.home.secrets / LOGIN).read_text().strip()
    login = f"SENTINEL SET {NAME} auth-user sentinel auth-pass {word}\n"
    scene.run(AT, "lab-redis", SENTINEL, stdin=login)
    both = lambda: watched(scene, AT, "num-slaves", NAME) == "2"  # noqa: E731
    scene.wait("it sees both replicas under that name", both, LIMIT)


def took_effect(scene: Scene) -> str:
    """It would fail over alone: nobody else knows the name, and nobody else need agree."""
    if not named(scene):
        return ""
    said = say(scene, AT, "SENTINEL", "CKQUORUM", NAME, port=SENTINEL)
    well = watched(scene, AT, "flags", NAME) == "master"
    return f"{NAME}: {said}" if well and said.startswith("OK 1 usable") else ""


def undo(scene: Scene) -> None:
    """Have it forget that name; one that is gone is fine."""
    if named(scene):
        say(scene, AT, "SENTINEL", "REMOVE", NAME, port=SENTINEL)


FAULT = Fault(
    name="second-name-for-the-master",
    title="One Sentinel knows the master by a second name, and would fail it over all alone",
    why="Left over from the first try with the name of the example; nobody else knows it.",
    kind="cache",
    shape="false-green",
    reddens={
        "CACHE-003": {
            CACHE: rf"sentinel/{AT}: expected names for this cache to be {CACHE}, "
            rf"found {NAME}, {CACHE}"
        }
    },
    survey=roles,
    apply=apply,
    took_effect=took_effect,
    undo=undo,
    naive=quorum,
)
