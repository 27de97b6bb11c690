"""The edge that nobody is sent to today has a part of the portal served by a forgotten machine."""

from lab.faults import Fault
from lab.faults._edge import CONFIG, OTHER, holder_first, portal_answers, reload, restore
from lab.inventory import APP
from lab.scene import Scene

STRAY = f"{APP.host4(99)}:9000"
RULE = "    use_backend transcripts if { path_beg /transcripts }\n"
BACKEND = f"\nbackend transcripts\n    server old {STRAY}\n"
PORTALS = "    default_backend app\n"


def edit(text: str) -> str:
    """Send one part of the pages there."""
    return text.replace(PORTALS, RULE + PORTALS) + BACKEND


def apply(scene: Scene) -> None:
    """Change edge2's portal frontend."""
    scene.change(OTHER, CONFIG, edit)
    reload(scene, OTHER)


def took_effect(scene: Scene) -> str:
    """Edge2 lists the server."""
    words = ("curl", "-sf", "--max-time", "5", f"http://{OTHER}:7000/;csv")
    listed = "transcripts,old," in scene.run("mon1", *words)
    return f"{OTHER} lists transcripts/old at {STRAY}" if listed else ""


def undo(scene: Scene) -> None:
    """Have the portal serve everything again."""
    restore(scene, CONFIG, OTHER)


FAULT = Fault(
    name="stray-backend-on-one-edge",
    title="One of two edges sends a part of the portal to a machine that nobody declared",
    why="A rule of a migration stayed on one edge: what lies behind it is an old release that "
    "nobody patches, and every page that is looked at is right.",
    kind="balancer",
    shape="false-green",
    reddens={
        "LB-004": {
            "lab": rf"portal/{OTHER}: .*nobody declared to be none, found transcripts/"
            rf"{STRAY.replace('.', '[.]')}"
        }
    },
    survey=holder_first,
    apply=apply,
    took_effect=took_effect,
    undo=undo,
    naive=portal_answers,
)
