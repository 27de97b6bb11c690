"""Both edges present their leaf without the intermediates that lead to the root."""

from lab.defects import EDGES, at, every
from lab.errors import LabError
from lab.faults import Fault
from lab.faults._edge import (
    ACME_ROOT,
    BUNDLE,
    holder_first,
    reload,
    restore,
    unanswered,
    users_see,
    verification,
)
from lab.scene import Scene

END = "-----END CERTIFICATE-----"
SUBJECTS = at("portal", (*EDGES, "shared"))
# Verifies the leaf with the intermediates that the issuer has on its own disk.
ON_DISK = (
    "set -e; chain=$(ls /var/lib/lab-certificates/*/live/portal.lab.test/chain.pem); "
    "openssl s_client -connect portal.lab.test:443 -servername portal.lab.test </dev/null "
    '2>/dev/null | openssl x509 | openssl verify -CAfile "$1" -untrusted "$chain"'
)


def apply(scene: Scene) -> None:
    """Cut the bundle off behind its first certificate."""
    for edge in EDGES:
        scene.change(edge, BUNDLE, lambda text: text.partition(END)[0] + END + "\n")
        reload(scene, edge)


def took_effect(scene: Scene) -> str:
    """OpenSSL with the root alone can't build the chain on either edge."""
    said = {edge: verification(scene, edge, "v4") for edge in EDGES}
    if any(one.startswith("0 ") for one in said.values()):
        return ""
    return ", ".join(f"{edge}: {one}" for edge, one in said.items())


def undo(scene: Scene) -> None:
    """Put the whole bundle back."""
    restore(scene, BUNDLE, *EDGES)


def naive(scene: Scene) -> str:
    """The leaf verifies with the chain that lies on the issuer's disk."""
    said = scene.shell("mon1", ON_DISK, ACME_ROOT).strip()
    if not said.endswith("OK"):
        raise LabError(f"openssl verify says {said}")
    return "openssl verify, given the issuer's chain.pem, says OK"


FAULT = Fault(
    name="intermediate-missing",
    title="The edges present the leaf alone, without its intermediates",
    why="cert.pem was installed instead of fullchain.pem; browsers that met the intermediate "
    "elsewhere still get through, everybody else is refused.",
    kind="tls",
    shape="false-green",
    reddens={
        "TLS-001": every(SUBJECTS, r"trust problem to be none, found unable to get local issuer"),
        **unanswered(SUBJECTS),
        **users_see("certificate not trusted"),
    },
    survey=holder_first,
    apply=apply,
    took_effect=took_effect,
    undo=undo,
    naive=naive,
)
