"""Clients that name nobody get an old certificate from the edge that is not used today."""

from datetime import timedelta

from lab.defects import Wanted, at, every, issue, strange_authority
from lab.faults import Fault
from lab.faults._edge import (
    BUNDLE,
    CONFIG,
    OTHER,
    holder_first,
    install,
    reload,
    restore,
    served_well,
    wrong_for,
)
from lab.scene import Scene

FORMER = "/etc/haproxy/certs/former.pem"
NAME = "www-old.lab.test"
LIFE = timedelta(days=3)
SUBJECTS = at("portal", [OTHER])


def edit(text: str) -> str:
    """Load it first on both binds: what comes first is presented where no name is asked."""
    return text.replace(f"crt {BUNDLE}", f"crt {FORMER} crt {BUNDLE}")


def apply(scene: Scene) -> None:
    """Install it beside the right one, which is still chosen by its names."""
    authority = strange_authority("The University's Old Root")
    pair = issue(authority, Wanted(NAME, (NAME,), life=LIFE))
    bundle = pair.key + pair.certificate + authority.certificate
    install(scene, OTHER, FORMER, bundle.decode())
    scene.change(OTHER, CONFIG, edit)
    reload(scene, OTHER)


def took_effect(scene: Scene) -> str:
    """OpenSSL that sends no name gets a chain that the declared root does not end."""
    return wrong_for(scene, OTHER, "-noservername")


def undo(scene: Scene) -> None:
    """Present the right one only, and remove the other."""
    restore(scene, CONFIG, OTHER)
    scene.run(OTHER, "rm", "-f", FORMER)


def naive(scene: Scene) -> str:
    """Who names the portal is served well by this very edge."""
    return served_well(scene, OTHER)


FAULT = Fault(
    name="certificate-wrong-without-sni-on-one-edge",
    title="One of two edges presents its former certificate to clients that send no SNI",
    why="It was left first in the configuration; every browser names the portal, the old library "
    "of a partner and a health probe by address do not.",
    kind="tls",
    shape="false-green",
    reddens={
        "TLS-001": every(
            SUBJECTS,
            r"trust problem \(asked for no name\) to be none, found self-signed certificate",
        ),
        "TLS-002": every(
            SUBJECTS,
            r"names it is not issued for \(asked for no name\) to be none, found portal\.lab\.test",
        ),
        "TLS-003": every(
            SUBJECTS, r"the chain \(asked for no name\) expires at least .*, found [23]\b"
        ),
    },
    survey=holder_first,
    apply=apply,
    took_effect=took_effect,
    undo=undo,
    naive=naive,
)
