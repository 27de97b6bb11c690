"""One Redis accepts a suite that its Mozilla profile does not allow."""

from lab.defects import at, every
from lab.faults import Fault, _cache
from lab.scene import Scene

LISTENER = "redis"
RIGHT = "ECDHE+AESGCM:ECDHE+CHACHA20"
# CBC with SHA-1, which still has forward secrecy: nobody but a scanner minds.
WEAK = "ECDHE-ECDSA-AES256-SHA"
KEY = "tls-ciphers"
ASK = """openssl s_client -connect "$1:6379" -CAfile /etc/lab-certificates/lab-ca.pem $2 \\
    </dev/null 2>/dev/null | sed -n 's/^New, TLSv[0-9.]*, Cipher is //p'"""


def spoken(scene: Scene, name: str, *option: str) -> str:
    """The suite that a client gets at a node."""
    return scene.looking().shell("mon1", ASK, name, *(option or ("",))).strip()


def apply(scene: Scene) -> None:
    """Have it accept that suite, too, from now on."""
    _cache.say(scene, scene["other"], "CONFIG", "SET", KEY, f"{RIGHT}:{WEAK}")


def took_effect(scene: Scene) -> str:
    """A client that offers nothing else gets it."""
    said = spoken(scene, scene["other"], f"-tls1_2 -cipher {WEAK}")
    return f"{scene['other']}:6379 speaks {said}" if said == WEAK else ""


def undo(scene: Scene) -> None:
    """Take it back."""
    _cache.say(scene, scene["other"], "CONFIG", "SET", KEY, RIGHT)


def naive(scene: Scene) -> str:
    """A client of today agrees on a strong suite with that very node."""
    return f"{scene['other']}:6379 speaks {spoken(scene, scene['other'])} with a client of today"


FAULT = Fault(
    name="weak-suite-on-one-node",
    title="One Redis accepts a CBC suite with SHA-1",
    why="Allowed for an old client and never taken back; no client of today notices.",
    kind="tls",
    shape="false-green",
    reddens={
        "TLS-007": every(
            at(LISTENER, ["<other>"]),
            r"suites that Mozilla's intermediate profile [\d.]+ does not allow to be none, "
            r"found TLS_ECDHE_ECDSA_WITH_AES_256_CBC_SHA\b",
        )
    },
    only=("TLS-007",),
    survey=_cache.roles,
    apply=apply,
    took_effect=took_effect,
    undo=undo,
    naive=naive,
)
