"""The edge that nobody is sent to today does not serve at all."""

from lab.defects import at, every
from lab.faults import Fault
from lab.faults._edge import OTHER, SERVERS, holder_first, portal_answers, unanswered, users_see
from lab.scene import Scene

SUBJECTS = at("portal", [OTHER])
TLS = ("TLS-001", "TLS-002", "TLS-003", "TLS-004", "TLS-005")


def apply(scene: Scene) -> None:
    """Stop HAProxy on edge2."""
    scene.service(OTHER, "stop", "haproxy")


def took_effect(scene: Scene) -> str:
    """The unit is not active."""
    state = scene.ask(OTHER, "systemctl", "is-active", "haproxy").out.strip()
    return "" if state == "active" else f"haproxy on {OTHER} is {state}"


def undo(scene: Scene) -> None:
    """Start it again."""
    scene.service(OTHER, "start", "haproxy")


FAULT = Fault(
    name="haproxy-stopped-on-one-edge",
    title="The standby edge serves nothing; the virtual address answers all the same",
    why="It did not come back after an upgrade; redundancy is gone and no visitor notices.",
    kind="hosts",
    reddens={
        "HOST-001": {OTHER: r"state of haproxy to be active, found inactive"},
        "HOST-003": {OTHER: r"declared ports where nothing listens to be none, found 443/tcp"},
        # Nobody could take the address over: what decides about it fails there.
        "LB-005": {
            "lab": rf"portal/{OTHER}: .* not in force to be none, found haproxy_alive fails"
        },
        **users_see("connection refused"),
        **dict.fromkeys(TLS, every(SUBJECTS, r"an answer at its address to be yes, found no")),
        **unanswered(SUBJECTS),
        "TLS-006": every(SUBJECTS, r"none, found connection refused at http://portal\.lab\.test/"),
        "WEB-001": every(SUBJECTS, r"an answer on the plain port to be yes, found no"),
    },
    blinds={
        "LB-001": dict.fromkeys(SERVERS, rf"{OTHER} .*refused"),
        "LB-004": {"lab": rf"{OTHER} .*refused"},
    },
    survey=holder_first,
    apply=apply,
    took_effect=took_effect,
    undo=undo,
    naive=portal_answers,
)
