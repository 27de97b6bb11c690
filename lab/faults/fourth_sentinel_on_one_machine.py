"""A second Sentinel runs on cache1: four voters on three machines, two of them gone with one."""

from lab.faults import Fault
from lab.faults._cache import CACHE, MEMBERS, SENTINEL, forget_strangers, quorum, say, watched
from lab.scene import Scene

AT, PORT = "cache1", "26380"
UNIT = "second-sentinel"
FOLDER = "/var/lib/redis/second"
# Its own folder and id, a port of its own, and no memory of the other Sentinels.
START = f"""
set -e
install -d -o redis -g redis {FOLDER}
sed -e 's/^tls-port .*/tls-port {PORT}/' -e 's/announce-port .*/announce-port {PORT}/' \\
    -e '/^sentinel myid/d' -e '/known-sentinel/d' /etc/redis/sentinel.conf >{FOLDER}/sentinel.conf
chown redis: {FOLDER}/sentinel.conf
chmod 600 {FOLDER}/sentinel.conf
systemd-run --quiet --unit={UNIT} --uid=redis --gid=redis redis-sentinel {FOLDER}/sentinel.conf
"""


def apply(scene: Scene) -> None:
    """Start it; it makes itself known to the others over the master."""
    scene.shell(AT, START)


def took_effect(scene: Scene) -> str:
    """Every other Sentinel counts three others, and can't reach the new one."""
    known = {watched(scene, one, "num-other-sentinels") for one in MEMBERS[1:]}
    lines = say(scene, MEMBERS[1], "SENTINEL", "SENTINELS", CACHE, port=SENTINEL)
    return "each other Sentinel knows three others" if known == {"3"} and PORT in lines else ""


def undo(scene: Scene) -> None:
    """Stop it, and have each Sentinel forget it, one after the other."""
    scene.ask(AT, "systemctl", "stop", f"{UNIT}.service")
    scene.ask(AT, "systemctl", "reset-failed", f"{UNIT}.service")
    scene.run(AT, "rm", "-rf", FOLDER)
    forget_strangers(scene)


FAULT = Fault(
    name="fourth-sentinel-on-one-machine",
    title="One machine runs two Sentinels: four voters, and with that machine half of them go",
    why="A container beside the service; three of four must agree, and only two are left then.",
    kind="cache",
    shape="false-green",
    reddens={
        "CACHE-003": {CACHE: r"other Sentinels to be .*, found .*:26380"},
        "HOST-003": {AT: r"found .*26380/tcp"},
    },
    apply=apply,
    took_effect=took_effect,
    undo=undo,
    naive=quorum,
)
