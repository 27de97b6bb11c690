"""The edge that nobody is sent to today no longer sends Strict-Transport-Security."""

from lab.defects import address, at, every
from lab.errors import LabError
from lab.faults import Fault
from lab.faults._edge import CONFIG, OTHER, URL, holder_first, page, reload, restore
from lab.scene import Scene

HEADER = "strict-transport-security"
SUBJECTS = at("portal", [OTHER])


def edit(text: str) -> str:
    """Leave out the line that sets the header."""
    return "".join(line for line in text.splitlines(True) if HEADER not in line.lower())


def apply(scene: Scene) -> None:
    """Change edge2's portal frontend."""
    scene.change(OTHER, CONFIG, edit)
    reload(scene, OTHER)


def took_effect(scene: Scene) -> str:
    """What edge2 answers has no such header."""
    head = page(scene, URL, "--resolve", f"portal.lab.test:443:{address(OTHER, 'v4')}")
    return "" if HEADER in head.lower() else f"{OTHER} answers without {HEADER}"


def undo(scene: Scene) -> None:
    """Send the header again."""
    restore(scene, CONFIG, OTHER)


def naive(scene: Scene) -> str:
    """The portal's name sends the header."""
    if HEADER not in page(scene, URL).lower():
        raise LabError(f"{URL} answers without {HEADER}")
    return f"{URL} sends {HEADER}"


FAULT = Fault(
    name="hsts-gone-on-one-edge",
    title="One of two edges sends no Strict-Transport-Security header",
    why="The two edges' configurations drifted apart; only the one behind the name is looked at.",
    kind="web",
    reddens={"WEB-002": every(SUBJECTS, r"wrong with the policy of / to be none, found no header")},
    survey=holder_first,
    apply=apply,
    took_effect=took_effect,
    undo=undo,
    naive=naive,
)
