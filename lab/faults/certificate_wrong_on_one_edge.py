"""The edge that nobody is sent to today presents a certificate of an undeclared authority."""

from lab.defects import Wanted, at, every, issue, portal_names, strange_authority
from lab.faults import Fault
from lab.faults._edge import (
    BUNDLE,
    OTHER,
    holder_first,
    portal_answers,
    reload,
    restore,
    unanswered,
    users_see,
    verification,
)
from lab.scene import Scene

SUBJECTS = at("portal", [OTHER])


def apply(scene: Scene) -> None:
    """Install a certificate for the right names, signed by somebody else."""
    authority = strange_authority()
    names = portal_names()
    pair = issue(authority, Wanted(names[0], names))
    bundle = (pair.key + pair.certificate + authority.certificate).decode()
    scene.change(OTHER, BUNDLE, lambda _: bundle)
    reload(scene, OTHER)


def took_effect(scene: Scene) -> str:
    """OpenSSL with the declared root refuses what edge2 presents."""
    said = verification(scene, OTHER, "v4")
    return "" if said.startswith("0 ") else f"{OTHER} presents a chain that gives: {said}"


def undo(scene: Scene) -> None:
    """Put the issued certificate back."""
    restore(scene, BUNDLE, OTHER)


FAULT = Fault(
    name="certificate-wrong-on-one-edge",
    title="One of two edges presents a certificate of an undeclared authority",
    why="Renewal reached one node only; the other serves what was there before, until failover.",
    kind="tls",
    shape="false-green",
    reddens={
        "TLS-001": every(SUBJECTS, r"trust problem to be none, found self-signed certificate"),
        **unanswered(SUBJECTS),
        **users_see("certificate not trusted"),
    },
    survey=holder_first,
    apply=apply,
    took_effect=took_effect,
    undo=undo,
    naive=portal_answers,
)
