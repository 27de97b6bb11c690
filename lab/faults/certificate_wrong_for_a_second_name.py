"""One edge presents a certificate of its own making where its own name is asked for."""

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
from lab.inventory import machine
from lab.scene import Scene

NAME = machine(OTHER).fqdn
OWN = "/etc/haproxy/certs/own.pem"
LIST = "/etc/haproxy/certs/by-name.txt"
# What comes first is also presented to whoever asks for none of them.
BY_NAME = f"{BUNDLE} portal.lab.test\n{OWN} {NAME}\n"
SUBJECTS = at("portal", [OTHER])
DECLARED = "    names: [portal.lab.test]\n"


def environment(text: str) -> str:
    """Declare the second name, which the right certificate of both edges is issued for."""
    return text.replace(DECLARED, f"    names: [portal.lab.test, {NAME}]\n")


def apply(scene: Scene) -> None:
    """Choose by name on both binds; the certificate knows the machine's short name only."""
    authority = strange_authority(f"{OTHER} itself")
    pair = issue(authority, Wanted(OTHER, (OTHER,)))
    bundle = pair.key + pair.certificate + authority.certificate
    install(scene, OTHER, OWN, bundle.decode())
    scene.write(OTHER, LIST, BY_NAME)
    scene.change(OTHER, CONFIG, lambda text: text.replace(f"crt {BUNDLE}", f"crt-list {LIST}"))
    reload(scene, OTHER)


def took_effect(scene: Scene) -> str:
    """OpenSSL that asks for the second name gets a chain that the declared root does not end."""
    return wrong_for(scene, OTHER, "-servername", NAME)


def undo(scene: Scene) -> None:
    """Present the right one for every name again, and remove the other."""
    restore(scene, CONFIG, OTHER)
    scene.run(OTHER, "rm", "-f", OWN, LIST)


def naive(scene: Scene) -> str:
    """Who asks for the first name is served well by this very edge."""
    return served_well(scene, OTHER)


FAULT = Fault(
    name="certificate-wrong-for-a-second-name",
    title="One of two edges presents a certificate of its own making for its second name",
    why="The entry for that name is older than the certificate that carries both, and renewal "
    "never reached it; whoever uses it has learnt to click the warning away.",
    kind="tls",
    shape="false-green",
    reddens={
        "TLS-001": every(
            SUBJECTS,
            rf"trust problem \(asked for {NAME}\) to be none, found self-signed certificate",
        ),
        "TLS-002": every(
            SUBJECTS,
            rf"names it is not issued for \(asked for {NAME}\) to be none, found {NAME}",
        ),
    },
    survey=holder_first,
    apply=apply,
    took_effect=took_effect,
    undo=undo,
    naive=naive,
    environment=environment,
)
