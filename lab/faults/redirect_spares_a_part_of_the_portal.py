"""The edge that nobody is sent to today serves a part of the portal over plain HTTP."""

import re

from lab.defects import address, at, every
from lab.errors import LabError
from lab.faults import Fault
from lab.faults._edge import CONFIG, OTHER, holder_first, page, reload, restore
from lab.scene import Scene

REDIRECT = "    http-request redirect scheme https code 301 unless challenge\n"
SPARED = """    acl spared path_beg /api/
    http-request redirect scheme https code 301 unless challenge or spared
    use_backend app if spared
"""
PATH = "/api/course-search/search?q=math"
SUBJECTS = at("portal", [OTHER])


def edit(text: str) -> str:
    """Serve what begins with /api/ as it comes."""
    return text.replace(REDIRECT, SPARED)


def first_line(scene: Scene, path: str) -> str:
    """How edge2 begins its answer to plain HTTP."""
    head = page(scene, f"http://{address(OTHER, 'v4')}{path}", "-H", "Host: portal.lab.test")
    return head.splitlines()[0].strip()


def apply(scene: Scene) -> None:
    """Change edge2's plain frontend."""
    scene.change(OTHER, CONFIG, edit)
    reload(scene, OTHER)


def took_effect(scene: Scene) -> str:
    """The search is answered over plain HTTP."""
    said = first_line(scene, PATH)
    return f"{OTHER} answers {PATH} over plain HTTP with {said}" if " 200" in said else ""


def undo(scene: Scene) -> None:
    """Redirect everything again."""
    restore(scene, CONFIG, OTHER)


def naive(scene: Scene) -> str:
    """Each edge redirects its front page."""
    said = first_line(scene, "/")
    if not re.match(r"HTTP/\S+ 301", said):
        raise LabError(f"{OTHER} answers / with {said}")
    return f"{OTHER} answers / with 301"


FAULT = Fault(
    name="redirect-spares-a-part-of-the-portal",
    title="One of two edges serves /api/ over plain HTTP and redirects everything else",
    why="Excepted for a client that could not do HTTPS, years ago; answers and tokens travel in "
    "the clear.",
    kind="web",
    shape="false-green",
    reddens={
        "WEB-001": every(
            SUBJECTS, r"redirect of /api/course-search/.* to be none, found answered 200 instead"
        )
    },
    survey=holder_first,
    apply=apply,
    took_effect=took_effect,
    undo=undo,
    naive=naive,
)
