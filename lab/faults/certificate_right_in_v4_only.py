"""Over IPv6 the edges present a valid certificate of another name; IPv4 is right."""

from lab.defects import EDGES, at, every
from lab.faults import Fault
from lab.faults._edge import (
    BIND6,
    BUNDLE,
    CONFIG,
    forget_order,
    holder_first,
    install,
    ordered,
    portal_answers,
    reload,
    restore,
    unanswered,
    users_see,
    verification,
)
from lab.scene import Scene

OTHER_NAME = "edge1.lab.test"
OTHER_BUNDLE = "/etc/haproxy/certs/other.pem"
SUBJECTS = at("portal", (*EDGES, "shared"), ["v6"])


def apply(scene: Scene) -> None:
    """Have a certificate for one other name issued and bind it to IPv6 on both edges."""
    bundle = ordered(scene, OTHER_NAME)
    other = BIND6.replace(BUNDLE, OTHER_BUNDLE)
    for edge in EDGES:
        install(scene, edge, OTHER_BUNDLE, bundle)
        scene.change(edge, CONFIG, lambda text: text.replace(BIND6, other))
        reload(scene, edge)


def took_effect(scene: Scene) -> str:
    """Over IPv6 the name does not match, over IPv4 everything does."""
    six = {edge: verification(scene, edge, "v6") for edge in EDGES}
    four = {edge: verification(scene, edge, "v4") for edge in EDGES}
    right = all(one.startswith("0 ") for one in four.values())
    wrong = all("hostname mismatch" in one.lower() for one in six.values())
    return f"v6 gives {six}, v4 gives {four}" if right and wrong else ""


def undo(scene: Scene) -> None:
    """Bind the right certificate again and drop the other one."""
    restore(scene, CONFIG, *EDGES)
    for edge in EDGES:
        scene.run(edge, "rm", "-f", OTHER_BUNDLE)
    forget_order(scene)


def naive(scene: Scene) -> str:
    """The portal answers over trusted HTTPS, by IPv4 as everybody at work does."""
    return portal_answers(scene, "-4")


FAULT = Fault(
    name="certificate-right-in-v4-only",
    title="Over IPv6 both edges present a certificate of another name",
    why="The second bind line was forgotten; phones on IPv6-only networks see a warning.",
    kind="tls",
    shape="false-green",
    reddens={
        "TLS-002": every(
            SUBJECTS, r"names it is not issued for to be none, found portal\.lab\.test"
        ),
        **unanswered(SUBJECTS),
        **users_see("certificate not trusted"),
    },
    survey=holder_first,
    apply=apply,
    took_effect=took_effect,
    undo=undo,
    naive=naive,
)
