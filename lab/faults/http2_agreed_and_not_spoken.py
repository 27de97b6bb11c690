"""The edge that nobody is sent to today agrees on HTTP/2 with browsers, and speaks HTTP/1.1."""

from lab.defects import address, at, every
from lab.errors import LabError
from lab.faults import Fault
from lab.faults._edge import ACME_ROOT, CONFIG, OTHER, holder_first, page, reload, restore
from lab.scene import Scene

SUBJECTS = at("portal", [OTHER])
OFFER = "alpn h2,http/1.1"
URL = "https://portal.lab.test/courses"
OF_EDGE = ("--resolve", f"portal.lab.test:443:{address(OTHER, 'v4')}")
AGREED = r"""
openssl s_client -connect "$1" -servername portal.lab.test -alpn h2,http/1.1 </dev/null \
    2>/dev/null | grep -m1 '^ALPN protocol'
"""


def apply(scene: Scene) -> None:
    """Bind the edge's TLS ports to HTTP/1 and go on offering HTTP/2."""
    scene.change(OTHER, CONFIG, lambda text: text.replace(OFFER, f"{OFFER} proto h1"))
    reload(scene, OTHER)


def took_effect(scene: Scene) -> str:
    """A client that offers HTTP/2 is told yes, and gets no page."""
    said = scene.ask("mon1", "sh", "-c", AGREED, "ask", f"{address(OTHER, 'v4')}:443").out.strip()
    words = ("curl", "-sS", "--http2", "--max-time", "5", "--cacert", ACME_ROOT, "-o", "/dev/null")
    done = scene.ask("mon1", *words, *OF_EDGE, URL)
    if not said.endswith("h2") or not done.code:
        return ""
    return f"{OTHER} says {said}, and curl ends with {done.code}"


def undo(scene: Scene) -> None:
    """Speak what is agreed on."""
    restore(scene, CONFIG, OTHER)


def naive(scene: Scene) -> str:
    """A client that offers nothing, as most scripts are, gets the page."""
    head = page(scene, URL, "--http1.1", "--no-alpn", *OF_EDGE)
    if " 200" not in head.splitlines()[0]:
        raise LabError(f"{OTHER}: {head}")
    return f"{OTHER} answers /courses with 200 over HTTP/1.1"


FAULT = Fault(
    name="http2-agreed-and-not-spoken",
    title="One of two edges agrees on HTTP/2 with browsers and answers them in HTTP/1.1",
    why="A bind line was pinned to HTTP/1 and its offer forgotten, as happens with a proxy put in "
    "front: browsers get an error, scripts and health checks get the page.",
    kind="web",
    shape="false-green",
    reddens={
        "WEB-004": every(
            SUBJECTS,
            r"the page /courses for browsers \(agreed on h2\) to be none, "
            r"found the server agreed on HTTP/2 and answered in HTTP/1",
        )
    },
    survey=holder_first,
    apply=apply,
    took_effect=took_effect,
    undo=undo,
    naive=naive,
)
