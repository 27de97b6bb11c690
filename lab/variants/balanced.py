"""Healthy variants of the lab's balanced site."""

from lab.scene import Scene
from lab.steps import edited, shell
from lab.variants import variant

SITE = "balanced"
EDGES = ("edge1", "edge2")
CONFIG = "/etc/haproxy/haproxy.cfg"
DESK = "/usr/local/lib/lab/desk.py"
DRAIN = "/usr/local/sbin/front-server"
DEFECT = "/etc/default/desk"
# Two results of the health check, twice a second, and the start.
READY = "systemctl restart desk; sleep 4"
ASKED = "curl -sk -D - -o /dev/null --resolve portal.lab.test:443:198.18.53.100"


def seen_with_a_header(scene: Scene) -> str:
    """The portal's application sees the client, whatever the request brings."""
    words = f"{ASKED} -H 'X-Forwarded-For: 192.0.2.9' https://portal.lab.test/seen"
    said = scene.run("mon1", "sh", "-c", words.replace("-D - -o /dev/null ", ""))
    return "the application sees the client" if "198.18.53.5" in said else ""


def takes_the_first(scene: Scene) -> str:
    """One application takes the first of several addresses."""
    there = scene.ask("web2", "cat", DEFECT).out
    return seen_with_a_header(scene) if "first-forwarded" in there else ""


def appends(scene: Scene) -> str:
    """No edge deletes what a request brings."""
    kept = ["del-header X-Forwarded-For" not in scene.read(one, CONFIG) for one in EDGES]
    return seen_with_a_header(scene) if all(kept) else ""


def sets_a_cookie(scene: Scene) -> str:
    """An answer has the cookie."""
    said = scene.run("mon1", "sh", "-c", f"{ASKED} https://portal.lab.test/")
    return "an answer sets DESK" if "set-cookie: DESK=" in said.lower() else ""


def over_ipv6(scene: Scene) -> str:
    """The statistics have addresses of IPv6."""
    said = scene.run("edge2", "sh", "-c", "sleep 2; curl -s 'http://127.0.0.1:7000/;csv'")
    return "edge2 asks web1 over IPv6" if "[2001:2:0:53::21]:8000" in said else ""


def drains_by_weight(scene: Scene) -> str:
    """The script sets a weight."""
    return "draining is a weight of 0" if "weight" in scene.read("edge1", DRAIN) else ""


VARIANTS = (
    variant(
        "application-takes-the-first-address",
        "One application takes the first forwarded address, and the balancers let no other through",
        "What a request brings does not reach it, so that there is one address only.",
        kind="balanced",
        site=SITE,
        tier="touch",
        only=("LB-006",),
        tempts=("LB-006",),
        steps=(
            shell(
                ["web2"],
                f"echo DESK_DEFECTS=first-forwarded > {DEFECT}; {READY}",
                f"rm -f {DEFECT}; {READY}",
            ),
        ),
        shows=takes_the_first,
    ),
    variant(
        "balancer-adds-to-what-a-request-brings",
        "The balancers add the client's address behind what the request brought",
        "Applications take the last, which nobody but the balancer writes.",
        kind="balanced",
        site=SITE,
        tier="touch",
        only=("LB-006",),
        tempts=("LB-006",),
        steps=(
            edited(EDGES, CONFIG, "    http-request del-header X-Forwarded-For\n", "", "haproxy"),
        ),
        shows=appends,
    ),
    variant(
        "balancer-keeps-users-by-a-cookie",
        "The balancers keep a user with one server by a cookie",
        "Whoever comes without one is given the next server, as ever.",
        kind="balanced",
        site=SITE,
        tempts=("LB-002",),
        steps=(
            edited(
                EDGES,
                CONFIG,
                "    default-server check",
                "    dynamic-cookie-key lab\n    cookie DESK insert indirect nocache dynamic\n"
                "    default-server check",
                "haproxy",
            ),
        ),
        shows=sets_a_cookie,
        alone=True,
    ),
    variant(
        "servers-are-asked-over-ipv6",
        "The balancers reach their servers over IPv6",
        "Each server has an address of each family; which one a balancer uses is its own affair.",
        kind="balanced",
        site=SITE,
        tier="touch",
        only=("LB-006",),
        tempts=("LB-001", "LB-002", "LB-004", "LB-006"),
        steps=(edited(EDGES, CONFIG, " 198.18.53.2", " 2001:2:0:53::2", "haproxy"),),
        shows=over_ipv6,
    ),
    variant(
        "draining-is-a-weight-of-nought",
        "A server is drained by a weight of 0, and taken back by the whole of it",
        "It gets no new request, and ends what it has: what matters is what users notice.",
        kind="balanced",
        site=SITE,
        tier="disrupt",
        only=("LB-008",),
        tempts=("LB-008",),
        steps=(
            shell(
                EDGES,
                f"cp {DRAIN} {DRAIN}.was; sed -i 's/state \\$2\"/weight $([ $2 = ready ] "
                f"\\&\\& echo 100% || echo 0%)\"/' {DRAIN}",
                f"[ ! -e {DRAIN}.was ] || mv {DRAIN}.was {DRAIN}",
            ),
        ),
        shows=drains_by_weight,
    ),
)
