"""Over IPv6 one edge accepts a suite without forward secrecy; over IPv4 it does not."""

from lab.defects import PORTAL, address, at, every
from lab.faults import Fault
from lab.faults._edge import (
    ACME_ROOT,
    BIND6,
    CONFIG,
    OTHER,
    forget_order,
    holder_first,
    install,
    ordered,
    reload,
    restore,
    served_well,
)
from lab.scene import Scene

RSA_BUNDLE = "/etc/haproxy/certs/rsa.pem"
# The client encrypts the session's key for the certificate's: who gets that reads it all.
SUITE = "AES128-GCM-SHA256"
ASK = """openssl s_client -connect "$1" -servername portal.lab.test -CAfile "$2" -tls1_2 \\
    -cipher "$3" </dev/null 2>/dev/null | sed -n 's/^New, TLSv[0-9.]*, Cipher is //p'"""


def apply(scene: Scene) -> None:
    """Have an RSA certificate issued as well, and allow the suite where IPv6 is bound."""
    install(scene, OTHER, RSA_BUNDLE, ordered(scene, PORTAL, "rsa"))
    both = f"{BIND6} crt {RSA_BUNDLE} ciphers ECDHE+AESGCM:ECDHE+CHACHA20:{SUITE}"
    scene.change(OTHER, CONFIG, lambda text: text.replace(BIND6, both))
    reload(scene, OTHER)


def spoken(scene: Scene, family: str) -> str:
    """The suite that a client gets who offers nothing else; `(NONE)` where it gets none."""
    place = f"{address(OTHER, family)}:443"
    return scene.looking().shell("mon1", ASK, place, ACME_ROOT, SUITE).strip()


def took_effect(scene: Scene) -> str:
    """A client that offers only that suite is served over IPv6, and is not over IPv4."""
    said = {family: spoken(scene, family) for family in ("v4", "v6")}
    right = said["v6"] == SUITE and said["v4"] != SUITE
    return f"{OTHER}:443 speaks {said['v6']} over IPv6 only" if right else ""


def undo(scene: Scene) -> None:
    """Take suite and certificate back."""
    restore(scene, CONFIG, OTHER)
    scene.run(OTHER, "rm", "-f", RSA_BUNDLE)
    forget_order(scene)


def naive(scene: Scene) -> str:
    """A client of today is served well by this very edge, over IPv6 too."""
    return served_well(scene, OTHER, "v6")


FAULT = Fault(
    name="no-forward-secrecy-over-ipv6-on-one-edge",
    title="Over IPv6 one of two edges accepts a suite without forward secrecy",
    why="The line that binds IPv6 was copied from the old server; who records and later gets the "
    "key reads everything.",
    kind="tls",
    shape="false-green",
    reddens={
        "TLS-007": every(
            at("portal", [OTHER], ["v6"]),
            r"suites without forward secrecy that Mozilla's intermediate profile [\d.]+ does not "
            r"allow to be none, found TLS_RSA_WITH_AES_128_GCM_SHA256\b",
        )
    },
    only=("TLS-007",),
    survey=holder_first,
    apply=apply,
    took_effect=took_effect,
    undo=undo,
    naive=naive,
)
