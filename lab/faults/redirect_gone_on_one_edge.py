"""The edge that nobody is sent to today serves the portal over plain HTTP."""

import re

from lab.defects import address, at, every
from lab.errors import LabError
from lab.faults import Fault
from lab.faults._edge import CONFIG, OTHER, holder_first, page, reload, restore
from lab.scene import Scene

REDIRECT = "    http-request redirect scheme https code 301 unless challenge\n"
SUBJECTS = at("portal", [OTHER])


def edit(text: str) -> str:
    """Leave out the redirect and send everything but challenges to the portal."""
    plain, frontend, rest = text.partition("frontend portal")
    plain = plain.replace(REDIRECT, "    use_backend acme if challenge\n")
    return plain.replace("default_backend acme", "default_backend app") + frontend + rest


def apply(scene: Scene) -> None:
    """Change edge2's plain frontend."""
    scene.change(OTHER, CONFIG, edit)
    reload(scene, OTHER)


def took_effect(scene: Scene) -> str:
    """Plain HTTP at edge2 is answered by the portal itself."""
    head = page(scene, f"http://{address(OTHER, 'v4')}/", "-H", "Host: portal.lab.test")
    first = head.splitlines()[0].strip()
    return "" if re.match(r"HTTP/\S+ 30", first) else f"{OTHER} answers plain HTTP with {first}"


def undo(scene: Scene) -> None:
    """Redirect again."""
    restore(scene, CONFIG, OTHER)


def naive(scene: Scene) -> str:
    """The portal's name redirects."""
    head = page(scene, "http://portal.lab.test/")
    if not re.match(r"HTTP/\S+ 301", head):
        raise LabError(f"http://portal.lab.test/ answers {head.splitlines()[:1]}")
    return "http://portal.lab.test/ answers 301"


FAULT = Fault(
    name="redirect-gone-on-one-edge",
    title="One of two edges serves the portal over plain HTTP instead of redirecting",
    why="A hand-made change for debugging stayed on the standby; after a failover passwords "
    "travel in the clear.",
    kind="web",
    shape="false-green",
    reddens={"WEB-001": every(SUBJECTS, r"redirect of / to be none, found answered \d+ instead")},
    survey=holder_first,
    apply=apply,
    took_effect=took_effect,
    undo=undo,
    naive=naive,
)
