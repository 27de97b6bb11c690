"""Strict-Transport-Security comes with the front page only, on the edge that nobody is sent to."""

from lab.defects import address, at, every
from lab.errors import LabError
from lab.faults import Fault
from lab.faults._edge import CONFIG, OTHER, holder_first, page, reload, restore
from lab.scene import Scene

HEADER = "strict-transport-security"
SUBJECTS = at("portal", [OTHER])
NOTE = "    http-request set-var(txn.page) path\n"
FRONT = " if { var(txn.page) -m str / }\n"
OF_EDGE = ("--resolve", f"portal.lab.test:443:{address(OTHER, 'v4')}")


def edit(text: str) -> str:
    """Set the header for one page."""
    return "".join(
        NOTE + line.rstrip("\n") + FRONT if HEADER in line.lower() else line
        for line in text.splitlines(True)
    )


def sent(scene: Scene, path: str) -> bool:
    """Whether edge2 sends it with that page."""
    return HEADER in page(scene, f"https://portal.lab.test{path}", *OF_EDGE).lower()


def apply(scene: Scene) -> None:
    """Change edge2's portal frontend."""
    scene.change(OTHER, CONFIG, edit)
    reload(scene, OTHER)


def took_effect(scene: Scene) -> str:
    """The front page has the header, the catalogue has not."""
    only = sent(scene, "/") and not sent(scene, "/courses")
    return f"{OTHER} sends {HEADER} with / and not with /courses" if only else ""


def undo(scene: Scene) -> None:
    """Send the header with everything again."""
    restore(scene, CONFIG, OTHER)


def naive(scene: Scene) -> str:
    """Each edge sends the header with its front page."""
    if not sent(scene, "/"):
        raise LabError(f"{OTHER} answers / without {HEADER}")
    return f"{OTHER} sends {HEADER} with its front page"


FAULT = Fault(
    name="hsts-on-the-front-page-only",
    title="One of two edges sends Strict-Transport-Security with its front page only",
    why="A section with headers of its own inherits none (nginx); who comes by a bookmark is never "
    "told to stay on HTTPS.",
    kind="web",
    shape="false-green",
    reddens={
        "WEB-002": every(SUBJECTS, r"policy of /courses to be none, found no header"),
    },
    survey=holder_first,
    apply=apply,
    took_effect=took_effect,
    undo=undo,
    naive=naive,
)
