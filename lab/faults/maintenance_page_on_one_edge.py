"""The edge that nobody is sent to today answers every page with the word that it is back soon."""

from lab.defects import address, at, every
from lab.errors import LabError
from lab.faults import Fault
from lab.faults._edge import CONFIG, OTHER, holder_first, page, reload, restore
from lab.scene import Scene

SUBJECTS = at("portal", [OTHER])
BACKEND = "    default_backend app\n"
# Sent by the edge itself, so the header that the frontend adds to answers goes with it.
PAGE = """    http-request return status 503 content-type text/html string "Back soon." \
hdr Strict-Transport-Security "max-age=63072000; includeSubDomains"
"""
OF_EDGE = ("--resolve", f"portal.lab.test:443:{address(OTHER, 'v4')}")
WRONG = r"what is wrong with the page /\S* to be none, found HTTP 503"


def head(scene: Scene) -> str:
    """Status and headers of the catalogue as edge2 answers it."""
    return page(scene, "https://portal.lab.test/courses", *OF_EDGE)


def apply(scene: Scene) -> None:
    """Turn the maintenance page on at edge2."""
    scene.change(OTHER, CONFIG, lambda text: text.replace(BACKEND, PAGE + BACKEND))
    reload(scene, OTHER)


def took_effect(scene: Scene) -> str:
    """The catalogue is 503 there."""
    said = head(scene).splitlines()[0].strip()
    return f"{OTHER} answers /courses with {said}" if " 503" in said else ""


def undo(scene: Scene) -> None:
    """Turn it off."""
    restore(scene, CONFIG, OTHER)


def naive(scene: Scene) -> str:
    """The chain is trusted, browsers are told to stay on HTTPS, and plain HTTP is redirected."""
    plain = page(scene, f"http://{address(OTHER, 'v4')}/courses", "-H", "Host: portal.lab.test")
    if "strict-transport-security" not in head(scene).lower() or " 301" not in plain:
        raise LabError(f"{OTHER}: {head(scene)} {plain}")
    return f"{OTHER} has a trusted chain, HSTS and the redirect"


FAULT = Fault(
    name="maintenance-page-on-one-edge",
    title="One of two edges answers every page with 503, over a trusted chain, with HSTS",
    why="Turned on for an upgrade and forgotten: all that is said about TLS stays true, and users "
    "of that edge get nothing.",
    kind="web",
    shape="false-green",
    reddens={
        **dict.fromkeys(("WEB-001", "WEB-002", "WEB-003"), every(SUBJECTS, WRONG)),
        "WEB-004": every(SUBJECTS, r"for browsers \(agreed on h2\) to be none, found HTTP 503"),
        "LB-002": {
            f"portal/{one}": rf"answers of {one} at least 1, found 0" for one in ("app1", "app2")
        },
    },
    survey=holder_first,
    apply=apply,
    took_effect=took_effect,
    undo=undo,
    naive=naive,
)
