"""What the faults of the edge share: who holds the virtual address, certificates, HAProxy."""

import csv
import io
import re
from collections.abc import Iterable

from lab.defects import EDGES, FAMILIES, PORTAL, address, every
from lab.errors import LabError
from lab.inventory import VIP4
from lab.scene import Facts, Scene

BUNDLE = "/etc/haproxy/certs/portal.pem"
CONFIG = "/etc/haproxy/haproxy.cfg"
ACME_ROOT = "/var/lib/lab-certificates/acme-root.pem"
HOLDER, OTHER = "edge1", "edge2"
HOLDER_LIMIT = 30.0
SERVERS = ("portal/app1", "portal/app2")
URL = f"https://{PORTAL}/health/ready"
# The line of both edges that binds HTTPS over IPv6.
BIND6 = f"bind [::]:443 v6only ssl crt {BUNDLE}"
# What mon1 ordered of the authority that the portal's own certificate is from; $1 is where, $2 the
# kind of key, $3 the name.
ORDERED = "/var/lib/lab-faults-acme"
ORDER = (
    'export REQUESTS_CA_BUNDLE=/etc/lab-certificates/lab-ca.pem; rm -rf "$1"; '
    'exec certbot certonly --quiet --non-interactive --agree-tos --key-type "$2" '
    "--register-unsafely-without-email --webroot --webroot-path /var/lib/acme-challenges "
    "--server https://mon1.lab.test:14000/dir "
    '--config-dir "$1" --work-dir "$1/work" --logs-dir "$1/log" --cert-name other --domains "$3"'
)
# $1 is where, $2 the root that is trusted, and what follows is s_client's.
VERIFY = """
place=$1 root=$2; shift 2
openssl s_client -connect "$place" -CAfile "$root" "$@" </dev/null 2>/dev/null |
    grep -m1 'Verify return code'
"""


def holder_first(scene: Scene) -> Facts:
    """Wait until edge1 holds the virtual addresses, so that edge2 is the one nobody looks at."""

    def holds() -> bool:
        return str(VIP4) in scene.looking().run(HOLDER, "ip", "-brief", "address")

    scene.wait(f"{HOLDER} holds {VIP4}", holds, HOLDER_LIMIT)
    return {}


def users_see(pattern: str) -> dict[str, dict[str, str]]:
    """What a defect of an edge means for its users, whichever machine would have answered."""
    wrong = rf"portal/\w+/v[46]: .*what is wrong with a request to be none, found {pattern}"
    return {"LB-002": dict.fromkeys(SERVERS, wrong)}


def unanswered(subjects: Iterable[str]) -> dict[str, dict[str, str]]:
    """What it means for every claim about its pages that a listener gives nobody an answer."""
    found = list(subjects)
    said = every(found, r"an answer at its address to be yes, found no")
    wrong = r"/courses for browsers .* to be none, found (certificate not|connection refused)"
    return dict.fromkeys(("WEB-001", "WEB-002", "WEB-003"), said) | {"WEB-004": every(found, wrong)}


def states(scene: Scene, edge: str) -> dict[str, str]:
    """The portal's servers as an edge's HAProxy sees them, by name."""
    text = scene.looking().run("mon1", "curl", "-sf", "--max-time", "5", f"http://{edge}:7000/;csv")
    rows = csv.DictReader(io.StringIO(text.removeprefix("# ")))
    return {row["svname"]: row["status"] for row in rows if row["pxname"] == "app"}


def is_out(scene: Scene, server: str) -> bool:
    """Whether both edges have taken it out."""
    return all(states(scene, edge)[server] == "DOWN" for edge in EDGES)


def reload(scene: Scene, *edges: str) -> None:
    """Have HAProxy take its files anew."""
    for edge in edges:
        scene.service(edge, "reload-or-restart", "haproxy")


def ordered(scene: Scene, name: str, kind: str = "ecdsa") -> str:
    """Key and chain of one more certificate for this name, until `forget_order`."""
    scene.run("mon1", "sh", "-c", ORDER, "order", ORDERED, kind, name, limit=60.0)
    live = f"{ORDERED}/live/other"
    return scene.run("mon1", "cat", f"{live}/privkey.pem", f"{live}/fullchain.pem")


def forget_order(scene: Scene) -> None:
    """Remove what was ordered."""
    scene.run("mon1", "rm", "-rf", ORDERED)


def install(scene: Scene, edge: str, path: str, bundle: str) -> None:
    """Give an edge a file with a key in it, which nobody else may read."""
    scene.run(edge, "install", "-m", "0600", "/dev/null", path)
    scene.write(edge, path, bundle)


def restore(scene: Scene, path: str, *edges: str) -> None:
    """Put a file back on these edges and have HAProxy take it."""
    for edge in edges:
        scene.put_back(edge, path)
        reload(scene, edge)


def verification(scene: Scene, node: str, family: str) -> str:
    """What OpenSSL says about the chain that this address presents, to a client with the root."""
    host = "portal.lab.test"
    words = (f"{address(node, family)}:443", ACME_ROOT, "-servername", host)
    return verdict(scene.shell("mon1", VERIFY, *words, "-verify_hostname", host))


def verdict_for(scene: Scene, edge: str, family: str, *name: str) -> str:
    """What OpenSSL says of the chain that clients get who ask like that; empty without one."""
    words = (f"{address(edge, family)}:443", ACME_ROOT, *name)
    return verdict(scene.ask("mon1", "sh", "-c", VERIFY, "ask", *words).out)


def verdict(said: str) -> str:
    """The code and the words of OpenSSL's line about a chain."""
    return said.strip().partition(": ")[2]


def wrong_for(scene: Scene, edge: str, *name: str) -> str:
    """That this edge presents to them what the root does not end, in both families; or nothing."""
    said = {family: verdict_for(scene, edge, family, *name) for family in FAMILIES}
    if any(not one or one.startswith("0 ") for one in said.values()):
        return ""
    return f"{edge} presents to {' '.join(name)}: {said}"


def page(scene: Scene, url: str, *options: str) -> str:
    """Status and headers of a page as somebody at mon1 gets them, with the ACME root only."""
    words = ("curl", "-s", "--max-time", "5", "--cacert", ACME_ROOT, "-D", "-", "-o", "/dev/null")
    done = scene.looking().ask("mon1", *words, *options, url)
    if done.code:
        raise LabError(f"{url}: curl ended with {done.code}")
    return done.out


def portal_answers(scene: Scene, *options: str) -> str:
    """The probe of somebody in a hurry: the portal's name answers 200 over trusted HTTPS."""
    head = page(scene, URL, *options)
    if not re.match(r"HTTP/\S+ 200", head):
        raise LabError(f"{URL} answers {head.splitlines()[:1]}")
    return f"{URL} answers 200 over a trusted chain"


def served_well(scene: Scene, edge: str, family: str = "v4") -> str:
    """The same probe of this very edge."""
    return portal_answers(scene, "--resolve", f"{PORTAL}:443:{address(edge, family)}")
