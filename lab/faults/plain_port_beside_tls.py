"""One replica listens without TLS too, on a port of its own."""

from lab.errors import LabError
from lab.faults import Fault
from lab.faults._cache import MEMBERS, node, roles, say
from lab.scene import Scene

PORT = "6380"
BARE = "echo PING | timeout 3 redis-cli -h localhost -p {port} 2>&1 || true"


def apply(scene: Scene) -> None:
    """Open it beside the TLS port."""
    say(scene, scene["replica"], "CONFIG", "SET", "port", PORT)


def took_effect(scene: Scene) -> str:
    """It answers in the clear."""
    said = scene.shell(scene["replica"], BARE.format(port=PORT)).strip()
    return f"PING in the clear is answered {said}" if said.startswith("NOAUTH") else ""


def undo(scene: Scene) -> None:
    """Close it."""
    say(scene, scene["replica"], "CONFIG", "SET", "port", "0")


def known_port(scene: Scene) -> str:
    """The probe of somebody in a hurry: the known port of every Redis answers nothing plain."""
    for name in MEMBERS:
        said = scene.shell(name, BARE.format(port="6379")).strip()
        if "NOAUTH" in said or "PONG" in said:
            raise LabError(f"{name} answers {said}")
    return "no Redis answers in the clear on 6379"


FAULT = Fault(
    name="plain-port-beside-tls",
    title="One replica of the cache listens without TLS beside its TLS port",
    why="Opened for an old client; its password and every session cross the network in the clear.",
    kind="cache",
    shape="false-green",
    reddens={
        "CACHE-010": {node("<replica>"): rf"expected port to be 6379, found {PORT}"},
        "HOST-003": {"<replica>": rf"found .*{PORT}/tcp"},
    },
    survey=roles,
    apply=apply,
    took_effect=took_effect,
    undo=undo,
    naive=known_port,
)
