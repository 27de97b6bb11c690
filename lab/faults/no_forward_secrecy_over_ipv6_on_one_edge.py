"""Over IPv6 one edge accepts a suite without forward secrecy; over IPv4 it does not."""

from lab.defects import address, at, every
from lab.faults import Fault
from lab.faults._edge import (
    ACME_ROOT,
    CONFIG,
    OTHER,
    holder_first,
    portal_answers,
    reload,
    restore,
)
from lab.faults.certificate_right_in_v4_only import BIND, FOLDER, ORDER
from lab.scene import Scene

NAME = "portal.lab.test"
RSA_BUNDLE = "/etc/haproxy/certs/rsa.pem"
# The client encrypts the session's key for the certificate's: who gets that reads it all.
SUITE = "AES128-GCM-SHA256"
ASK = """openssl s_client -connect "$1" -servername portal.lab.test -CAfile "$2" -tls1_2 \\
    -cipher "$3" </dev/null 2>/dev/null | sed -n 's/^New, TLSv[0-9.]*, Cipher is //p'"""


def apply(scene: Scene) -> None:
    """Have an RSA certificate issued as well, and allow the suite where IPv6 is bound."""
    order = ORDER.replace("--key-type ecdsa", "--key-type rsa")
    scene.run("mon1", "sh", "-c", order, "order", FOLDER, NAME, limit=60.0)
    live = f"{FOLDER}/live/other"
    bundle = scene.run("mon1", "cat", f"{live}/privkey.pem", f"{live}/fullchain.pem")
    scene.run(OTHER, "install", "-m", "0600", "/dev/null", RSA_BUNDLE)
    scene.write(OTHER, RSA_BUNDLE, bundle)
    both = f"{BIND} crt {RSA_BUNDLE} ciphers ECDHE+AESGCM:ECDHE+CHACHA20:{SUITE}"
    scene.change(OTHER, CONFIG, lambda text: text.replace(BIND, both))
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
    scene.run("mon1", "rm", "-rf", FOLDER)


def naive(scene: Scene) -> str:
    """A client of today is served well by this very edge, over IPv6 too."""
    return portal_answers(scene, "--resolve", f"{NAME}:443:{address(OTHER, 'v6')}")


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
