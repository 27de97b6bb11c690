"""One Sentinel knows another password of the portal's user than the others."""

import secrets

from lab.faults import Fault
from lab.faults._cache import CACHE, PORTAL, SENTINEL, let_in, password, quorum, say
from lab.scene import Scene

AT = "cache2"


def apply(scene: Scene) -> None:
    """Give it a password that nobody has."""
    word = secrets.token_hex(16)
    say(scene, AT, "ACL", "SETUSER", PORTAL, "resetpass", f">{word}", port=SENTINEL)


def took_effect(scene: Scene) -> str:
    """It doesn't let the portal in."""
    return "" if let_in(scene, AT, SENTINEL) else f"the Sentinel on {AT} turns the portal away"


def undo(scene: Scene) -> None:
    """Give the portal's own password back."""
    words = ("resetpass", f">{password(scene)}")
    say(scene, AT, "ACL", "SETUSER", PORTAL, *words, port=SENTINEL)


FAULT = Fault(
    name="program-locked-out-by-one-sentinel",
    title="One of three Sentinels knows another password of the portal's user",
    why="It was changed at two of three; a portal that asks this one first, or finds the others "
    "gone, does not find the master.",
    kind="cache",
    shape="false-green",
    reddens={
        "CACHE-012": {CACHE: rf"{CACHE}/sentinel/{AT} .*login of portal to be OK, found WRONG"}
    },
    apply=apply,
    took_effect=took_effect,
    undo=undo,
    naive=quorum,
)
