"""One edge turns users away who come in numbers, over IPv6 at its own address only."""

from lab.defects import address
from lab.errors import LabError
from lab.faults import Fault
from lab.faults._edge import ACME_ROOT, CONFIG, OTHER, URL, holder_first, page, reload, restore
from lab.faults._load import CHECKS, TEST
from lab.inventory import machine
from lab.scene import Scene

PLACE = str(machine(OTHER).v6)
HEADER = "x-ratelimit-limit"
# A look at everything asks there some 30 times; the declared load 25 / 6 times a second.
MOST = 60
RULES = f"""frontend portal
    stick-table type ipv6 size 1k expire 1m store http_req_rate(30s)
    http-request track-sc0 src,ipmask(32,64) if {{ dst {PLACE} }}
    http-request deny deny_status 429 if {{ dst {PLACE} }} {{ sc_http_req_rate(0) gt {MOST} }}
    http-response set-header {HEADER} {MOST} if {{ dst {PLACE} }}
"""
VISITS = 3 * MOST
ASK = ("curl", "-s", "--max-time", "5", "--cacert", ACME_ROOT, "-o", "/dev/null")


def apply(scene: Scene) -> None:
    """Count visitors there by their network, of which a campus has one."""
    scene.change(OTHER, CONFIG, lambda text: text.replace("frontend portal\n", RULES))
    reload(scene, OTHER)


def took_effect(scene: Scene) -> str:
    """An answer there names the limit; one request does not meet it."""
    head = page(scene, URL, "--resolve", f"portal.lab.test:443:{address(OTHER, 'v6')}")
    return f"{PLACE} announces {HEADER}: {MOST}" if HEADER in head.lower() else ""


def undo(scene: Scene) -> None:
    """Count nobody."""
    restore(scene, CONFIG, OTHER)


def naive(scene: Scene) -> str:
    """The virtual address stands any number of visits, and a visit to each edge is answered."""
    visits = (*ASK, "-w", "%{http_code}\\n", f"{URL}?visit=[1-{VISITS}]")
    single = (*ASK, "-w", "%{http_code}\\n", "--resolve")
    said = scene.run("mon1", *visits, limit=60.0).split()
    for family in ("v4", "v6"):
        said += scene.run(
            "mon1", *single, f"portal.lab.test:443:{address(OTHER, family)}", URL
        ).split()
    if set(said) != {"200"}:
        raise LabError(f"{URL} answers {sorted(set(said))}")
    return f"{VISITS} visits to {URL}, and one by each family to {OTHER}, answer 200"


FAULT = Fault(
    name="rate-limit-over-ipv6-on-one-edge",
    title="One of two edges turns users away over IPv6 once they are many",
    why="A limit against scrapers counts by network: by IPv4 nobody meets it, over IPv6 a whole "
    "campus is one visitor, on the day when that edge serves.",
    kind="load",
    shape="false-green",
    reddens={
        "LOAD-003": {TEST: rf"failed \(the first: HTTP 429\), all at {PLACE} at most 1, found"}
    },
    survey=holder_first,
    apply=apply,
    took_effect=took_effect,
    undo=undo,
    naive=naive,
    tier="load",
    only=CHECKS,
)
