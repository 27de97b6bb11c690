"""One replica speaks without TLS on the port that is declared for TLS."""

from lab.defects import at, every
from lab.faults import Fault
from lab.faults._cache import CACHE, LIMIT, info, node, roles
from lab.scene import Scene

# Both settings go over one connection: between them nobody else gets in.
CLEAR = "printf 'CONFIG SET tls-port 0\\nCONFIG SET port 6379\\n' | lab-redis 6379"
BACK = """
REDISCLI_AUTH=$(cat /etc/redis-operator.password)
export REDISCLI_AUTH
printf 'CONFIG SET port 0\\nCONFIG SET tls-port 6379\\n' \\
    | redis-cli --no-auth-warning -h localhost -p 6379 --user operator
"""
BARE = "echo PING | timeout 5 redis-cli -h localhost -p 6379 2>&1 || true"
TLS = tuple(f"TLS-{number:03}" for number in range(1, 6))


def apply(scene: Scene) -> None:
    """Exchange the TLS port for a plain one of the same number."""
    scene.shell(scene["replica"], CLEAR)


def took_effect(scene: Scene) -> str:
    """It answers in the clear."""
    said = scene.shell(scene["replica"], BARE).strip()
    return f"PING in the clear is answered {said}" if said.startswith("NOAUTH") else ""


def undo(scene: Scene) -> None:
    """Exchange them again, where it still answers in the clear."""
    if took_effect(scene):
        scene.shell(scene["replica"], BACK)
    up = "up"
    link = lambda: info(scene, scene["replica"], "master_link_status") == up  # noqa: E731
    scene.wait("it answers over TLS", link, LIMIT)


BLIND = r"sessions/<replica> .*TLS: WRONG_VERSION_NUMBER"

FAULT = Fault(
    name="redis-in-the-clear-on-one-node",
    title="One replica of the cache serves without TLS on the port declared for TLS",
    why="Turned off for an old client; passwords and sessions cross the network in the clear.",
    kind="cache",
    reddens={
        "CACHE-010": {node("<replica>"): r"answer in the clear to be none, found -NOAUTH"},
        **{
            check: every(
                at("redis", ["<replica>"]), r"an answer at its address to be yes, found no"
            )
            for check in TLS
        },
    },
    blinds={
        "CACHE-001": {CACHE: BLIND},
        "CACHE-002": {CACHE: BLIND},
        **{f"CACHE-{number:03}": {node("<replica>"): BLIND} for number in (4, 5, 6, 7, 8, 9)},
    },
    survey=roles,
    apply=apply,
    took_effect=took_effect,
    undo=undo,
)
