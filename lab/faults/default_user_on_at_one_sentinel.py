"""One Sentinel lets everybody in: its default user is on and needs no password."""

from lab.errors import LabError
from lab.faults import Fault
from lab.faults._cache import MEMBERS, SENTINEL, node, say
from lab.scene import Scene

AT = "cache3"
ASK = "redis-cli --tls --cacert /etc/redis/tls/ca.pem -h {host} -p {port} PING"


def apply(scene: Scene) -> None:
    """Turn it on, as an old client asked for."""
    words = ("ACL", "SETUSER", "default", "on", "nopass", "+@all", "allchannels")
    say(scene, AT, *words, port=SENTINEL)


def took_effect(scene: Scene) -> str:
    """A stranger gets an answer."""
    said = scene.shell(AT, ASK.format(host=AT, port=SENTINEL)).strip()
    return f"a stranger is answered {said}" if said == "PONG" else ""


def undo(scene: Scene) -> None:
    """Off, and without any right."""
    say(scene, AT, "ACL", "SETUSER", "default", "reset", port=SENTINEL)


def at_every_redis(scene: Scene) -> str:
    """The probe of somebody in a hurry: every Redis refuses who has no login."""
    for name in MEMBERS:
        said = scene.shell("cache1", ASK.format(host=name, port="6379")).strip()
        if not said.startswith("NOAUTH"):
            raise LabError(f"{name} answers {said}")
    return "every Redis answers NOAUTH"


FAULT = Fault(
    name="default-user-on-at-one-sentinel",
    title="One Sentinel takes orders from anybody: its default user is on without a password",
    why="An old client needed it; SENTINEL SET makes any machine the master of the sessions.",
    kind="cache",
    shape="false-green",
    reddens={"CACHE-009": {node(AT): r"answer to a stranger to be NOAUTH, found PONG"}},
    apply=apply,
    took_effect=took_effect,
    undo=undo,
    naive=at_every_redis,
)
