"""What the faults of the edge share: who holds the virtual address, certificates, HAProxy."""

import re

from lab.defects import address
from lab.errors import LabError
from lab.inventory import VIP4
from lab.scene import Facts, Scene

BUNDLE = "/etc/haproxy/certs/portal.pem"
CONFIG = "/etc/haproxy/haproxy.cfg"
ACME_ROOT = "/var/lib/lab-certificates/acme-root.pem"
HOLDER, OTHER = "edge1", "edge2"
HOLDER_LIMIT = 30.0
URL = "https://portal.lab.test/health/ready"


def holder_first(scene: Scene) -> Facts:
    """Wait until edge1 holds the virtual addresses, so that edge2 is the one nobody looks at."""

    def holds() -> bool:
        return str(VIP4) in scene.run(HOLDER, "ip", "-brief", "address")

    scene.wait(f"{HOLDER} holds {VIP4}", holds, HOLDER_LIMIT)
    return {}


def reload(scene: Scene, *edges: str) -> None:
    """Have HAProxy take its files anew."""
    for edge in edges:
        scene.service(edge, "reload-or-restart", "haproxy")


def restore(scene: Scene, path: str, *edges: str) -> None:
    """Put a file back on these edges and have HAProxy take it."""
    for edge in edges:
        scene.put_back(edge, path)
        reload(scene, edge)


def verification(scene: Scene, node: str, family: str) -> str:
    """What OpenSSL says about the chain that this address presents, to a client with the root."""
    script = (
        'openssl s_client -connect "$1" -servername portal.lab.test -CAfile "$2" '
        "-verify_hostname portal.lab.test </dev/null 2>/dev/null | grep -m1 'Verify return code'"
    )
    said = scene.shell("mon1", script, f"{address(node, family)}:443", ACME_ROOT)
    return said.strip().partition(": ")[2]


def page(scene: Scene, url: str, *options: str) -> str:
    """Status and headers of a page as somebody at mon1 gets them, with the ACME root only."""
    words = ("curl", "-s", "--max-time", "5", "--cacert", ACME_ROOT, "-D", "-", "-o", "/dev/null")
    done = scene.ask("mon1", *words, *options, url)
    if done.code:
        raise LabError(f"{url}: curl ended with {done.code}")
    return done.out


def portal_answers(scene: Scene, *options: str) -> str:
    """The probe of somebody in a hurry: the portal's name answers 200 over trusted HTTPS."""
    head = page(scene, URL, *options)
    if not re.match(r"HTTP/\S+ 200", head):
        raise LabError(f"{URL} answers {head.splitlines()[:1]}")
    return f"{URL} answers 200 over a trusted chain"
