"""The edge that nobody is sent to today redirects everything to HTTPS, ACME challenges too."""

from lab.defects import address, at, every
from lab.errors import LabError
from lab.faults import Fault
from lab.faults._edge import CONFIG, OTHER, holder_first, page, portal_answers, reload, restore
from lab.scene import Scene

SUBJECTS = at("portal", [OTHER])
SPARED = "scheme https code 301 unless challenge"
CANARY = "/.well-known/acme-challenge/readiness-canary"


def first_line(scene: Scene, edge: str) -> str:
    """How an edge answers the canary over plain HTTP."""
    url = f"http://{address(edge, 'v4')}{CANARY}"
    return page(scene, url, "-H", "Host: portal.lab.test").splitlines()[0].strip()


def apply(scene: Scene) -> None:
    """Redirect challenges as everything else."""
    scene.change(
        OTHER, CONFIG, lambda text: text.replace(SPARED, SPARED.removesuffix(" unless challenge"))
    )
    reload(scene, OTHER)


def took_effect(scene: Scene) -> str:
    """The canary is redirected there."""
    said = first_line(scene, OTHER)
    return f"{OTHER} answers the canary with {said}" if " 301" in said else ""


def undo(scene: Scene) -> None:
    """Spare them again."""
    restore(scene, CONFIG, OTHER)


def naive(scene: Scene) -> str:
    """The certificate is valid, and at the virtual address the canary is answered."""
    if " 200" not in (said := first_line(scene, "shared")):
        raise LabError(f"the virtual address answers the canary with {said}")
    return f"{portal_answers(scene)}, and the canary is answered with 200"


FAULT = Fault(
    name="redirect-swallows-challenges-on-one-edge",
    title="One of two edges redirects ACME challenges to HTTPS, where nobody answers them",
    why="Somebody tidied up the redirect: certificates are valid today, and the renewal fails "
    "weeks later, or on the day after the addresses have moved.",
    kind="web",
    shape="false-green",
    reddens={
        "TLS-006": every(
            SUBJECTS,
            r"what an authority would say against portal\.lab\.test to be none, "
            r"found HTTP 404 at https://portal\.lab\.test/\.well-known/acme-challenge/",
        )
    },
    survey=holder_first,
    apply=apply,
    took_effect=took_effect,
    undo=undo,
    naive=naive,
)
