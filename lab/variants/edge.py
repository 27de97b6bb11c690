"""Healthy variants of the edge: TLS, plain HTTP, addresses, names and the balancers."""

import re

from lab.defects import EDGES, FAMILIES, PORTAL, address
from lab.errors import LabError
from lab.faults import _edge as edge
from lab.faults import _firewall as firewall
from lab.faults import _keepalived as keepalived
from lab.inventory import VIP4, VIP6
from lab.scene import Scene
from lab.steps import Step, edited
from lab.variants import variant

CERTIFICATE_CHECKS = ("TLS-001", "TLS-002", "TLS-003", "TLS-004", "TLS-005")
KEEPALIVED = "/etc/keepalived/keepalived.conf"
RSA = "/etc/haproxy/certs/portal-rsa.pem"
# What mon1 orders beside the usual one, from the same authority, for the same names; $1 is where.
ORDER = """set -e; cd /usr/local/lib/lab; folder=/var/lib/lab-certificates-rsa; rm -rf $folder
python3 -B - <<'ORDER'
import pathlib, certificates as issuer
run = issuer.subprocess.run
issuer.subprocess.run = lambda argv, **more: run(
    ["rsa" if one == "ecdsa" else one for one in argv], **more)
issuer.issue(pathlib.Path("/var/lib/lab-certificates-rsa"))
ORDER
live=$folder/live/portal.lab.test; cat $live/privkey.pem $live/fullchain.pem; rm -rf $folder"""
STATISTICS = 7070
INCLUDED = "/etc/keepalived/conf.d"
UNSAFE = "/usr/local/lib/unsafe"
# Users that come over another frontend of the same HAProxy go through a socket.
ON_SOCKET = """backend local
    server viafront unix@/run/haproxy/front.sock

frontend inner
    bind unix@/run/haproxy/front.sock mode 666
    default_backend app

listen statistics"""
OTHERS = "        servers: [mon1]\n        server_port: 5002\n"
ALSO_LOCAL = "      - backend: local\n        servers: [edge1, edge2]\n        server_port: 443\n"


def handshake(scene: Scene, node: str, family: str, *words: str) -> str:
    """What OpenSSL says of a handshake with these words; empty where none came about."""
    script = (
        'p=$1; shift; openssl s_client -connect "$p" -servername portal.lab.test "$@" </dev/null'
    )
    done = scene.ask(
        "mon1", "sh", "-c", script, "ask", f"{address(node, family)}:443", "-brief", *words
    )
    return "" if done.code else done.err + done.out


def everywhere(scene: Scene, pattern: str, *words: str) -> bool:
    """Whether every edge says it, in both families."""
    said = [handshake(scene, node, family, *words) for node in EDGES for family in FAMILIES]
    return all(re.search(pattern, one) for one in said)


def tls_1_3_only(scene: Scene) -> str:
    """TLS 1.3 comes about at every edge, 1.2 at none."""
    old = [handshake(scene, node, family, "-tls1_2") for node in EDGES for family in FAMILIES]
    if any(old) or not everywhere(scene, "TLSv1.3", "-tls1_3"):
        return ""
    return "both edges agree on TLS 1.3 and refuse TLS 1.2"


def both_kinds(scene: Scene) -> str:
    """A client that knows RSA only gets an RSA certificate, any other an ECDSA one."""
    rsa = everywhere(scene, "Signature type: RSA", "-tls1_2", "-cipher", "aRSA")
    ecdsa = everywhere(scene, "Signature type: (ecdsa|ECDSA)")
    return "both edges present an RSA and an ECDSA certificate" if rsa and ecdsa else ""


def without_http_2(scene: Scene) -> str:
    """Who offers HTTP/2 and HTTP/1.1 gets HTTP/1.1."""
    script = (
        'openssl s_client -connect "$1" -alpn h2,http/1.1 </dev/null 2>/dev/null | grep -m1 ALPN'
    )
    where = [f"{address(node, family)}:443" for node in EDGES for family in FAMILIES]
    said = {scene.ask("mon1", "sh", "-c", script, "ask", one).out.strip() for one in where}
    return "both edges choose HTTP/1.1" if said == {"ALPN protocol: http/1.1"} else ""


def pages(scene: Scene, url: str, port: int) -> list[str]:
    """The head of this page as each edge gives it, in both families."""
    where = [address(node, family) for node in EDGES for family in FAMILIES]
    return [edge.page(scene, url, "--resolve", f"{PORTAL}:{port}:{one}") for one in where]


def hsts_written_otherwise(scene: Scene) -> str:
    """Every edge sends the header as it was changed."""
    heads = pages(scene, "https://portal.lab.test/courses", 443)
    return "both edges send Max-Age in quotes" if all('Age="63' in one for one in heads) else ""


def redirected_by_308(scene: Scene) -> str:
    """Every edge answers plain HTTP with 308."""
    heads = pages(scene, "http://portal.lab.test/courses", 80)
    right = all(" 308" in one.splitlines()[0] for one in heads)
    return "both edges redirect with 308" if right else ""


def challenges_over_https(text: str) -> str:
    """Have HTTPS answer the challenges, and plain HTTP redirect to there."""
    text = text.replace("code 301 unless challenge", "code 301")
    path = (
        "    acl challenge path_beg /.well-known/acme-challenge/\n"
        "    use_backend acme if challenge\n"
    )
    return text.replace("    default_backend app\n", f"{path}    default_backend app\n")


def redirect_challenges(scene: Scene) -> None:
    """Change both edges."""
    for node in EDGES:
        scene.change(node, edge.CONFIG, challenges_over_https)
        edge.reload(scene, node)


def challenges_redirected(scene: Scene) -> str:
    """Every edge redirects the canary."""
    canary = "/.well-known/acme-challenge/readiness-canary"
    heads = pages(scene, f"http://portal.lab.test{canary}", 80)
    right = all(" 301" in one.splitlines()[0] for one in heads)
    return "both edges redirect challenges with 301" if right else ""


def held_by_the_other(scene: Scene) -> str:
    """The second edge has both virtual addresses."""
    held = scene.run(edge.OTHER, "ip", "-brief", "address")
    both = f"{VIP4}/" in held and f"{VIP6}/" in held
    return f"{edge.OTHER} holds {VIP4} and {VIP6}" if both else ""


def certificate_beside(scene: Scene) -> None:
    """Order an RSA certificate and have both edges present it to who knows RSA only."""
    bundle = scene.run("mon1", "bash", "-c", ORDER, limit=90.0)
    if "BEGIN CERTIFICATE" not in bundle:
        raise LabError(f"mon1 gave no certificate: {bundle[-200:]}")
    for node in EDGES:
        scene.run(node, "sh", "-c", f"umask 077; cat > {RSA}", stdin=bundle)


def certificate_gone(scene: Scene) -> None:
    """Remove it."""
    for node in EDGES:
        scene.run(node, "rm", "-f", RSA)


def second_names(text: str) -> str:
    """Declare two more names under which the portal is used."""
    return text.replace(
        "names: [portal.lab.test]", "names: [portal.lab.test, edge1.lab.test, edge2.lab.test]"
    )


def ipv6_first(text: str) -> str:
    """Declare the IPv6 address of every machine, and of the portal, before the IPv4 one."""
    return re.sub(r'(addresses: \[)([0-9.]+), ("[0-9a-f:]+")\]', r"\1\3, \2]", text)


def statistics_elsewhere(text: str) -> str:
    """Declare the edge's statistics on another port."""
    text = text.replace("80/tcp, 443/tcp, 7000/tcp", f"80/tcp, 443/tcp, {STATISTICS}/tcp")
    text = text.replace(
        "    status:\n      port: 7000", f"    status:\n      port: {STATISTICS}", 1
    )
    return text.replace("ports: [7000]", f"ports: [{STATISTICS}]", 1)


def opened(scene: Scene) -> None:
    """Let the gate reach the other port."""
    rule = f"tcp dport {STATISTICS} accept"
    for node in EDGES:
        firewall.put_in_front(scene, node, f'iif "eth0" {rule}')
    firewall.put_in_front(scene, firewall.ROUTER, f'iifname "ops" {rule}', table="router")


def statistics_answer(scene: Scene) -> str:
    """The other port answers the gate at every edge, the usual one at none."""
    for node in EDGES:
        where = f"http://{node}:{STATISTICS}/;csv"
        if scene.ask("mon1", "curl", "-sf", "--max-time", "3", "-o", "/dev/null", where).code:
            return ""
    return f"both edges tell their statistics on port {STATISTICS}"


def server_on_socket(scene: Scene) -> str:
    """Every edge tells of a server on a socket."""
    for node in EDGES:
        # Another variant may have moved the page that tells it.
        urls = [f"http://{node}:{port}/;csv" for port in (7000, STATISTICS)]
        said = scene.ask("mon1", "curl", "-s", "--max-time", "5", *urls).out
        row = next((one for one in said.splitlines() if one.startswith("local,viafront,")), "")
        if ",unix," not in row:
            return ""
    return "both edges have a server whose address is unix"


def included(scene: Scene) -> None:
    """Put the health check into a file of its own, beside one that nothing follows."""
    for name in EDGES:
        keepalived.lay_script(scene, name)
        scene.run(name, "install", "-d", "-m", "0777", UNSAFE)
        scene.run(name, "cp", "-p", keepalived.SCRIPT, UNSAFE)
        keepalived.call_script(scene, name)
        text = scene.read(name, KEEPALIVED)
        before, _, rest = text.partition("vrrp_script haproxy_alive {")
        block, _, after = rest.partition("}\n")
        scene.run(name, "install", "-d", "-m", "0755", INCLUDED)
        followed = f"vrrp_script haproxy_alive {{{block}}}\n"
        other = f'vrrp_script unused {{\n    script "{UNSAFE}/alive" # of old\n}}\n'
        scene.write(name, f"{INCLUDED}/health.conf", followed + other)
        scene.write(name, KEEPALIVED, f"{before}include {INCLUDED}/*.conf\n{after}")
        scene.service(name, "restart", "keepalived")


def not_included(scene: Scene) -> None:
    """As it was."""
    for name in EDGES:
        keepalived.as_it_was(scene, name)
        scene.run(name, "rm", "-rf", INCLUDED, UNSAFE)


def follows_the_included(scene: Scene) -> str:
    """Both run it, and have disabled the one that nothing follows."""
    ran = [keepalived.says(scene, one, "VRRP_Script(haproxy_alive) succeeded") for one in EDGES]
    off = [keepalived.says(scene, one, "Disabling track script unused") for one in EDGES]
    return f"{ran[0]}; {off[0]}" if all(ran + off) else ""


VARIANTS = (
    variant(
        "tls-1-3-only-on-the-edge",
        "The portal speaks TLS 1.3 only",
        "Policy of a site whose users all have browsers of this decade: a probe of TLS 1.2 is "
        "refused, and that is fine.",
        kind="tls",
        alone=True,
        tempts=(*CERTIFICATE_CHECKS, "WEB-002", "LB-002"),
        steps=(
            edited(EDGES, edge.CONFIG, "ssl-min-ver TLSv1.2", "ssl-min-ver TLSv1.3", "haproxy"),
        ),
        shows=tls_1_3_only,
    ),
    variant(
        "certificates-of-both-kinds",
        "The portal presents an ECDSA and an RSA certificate, as the client can verify",
        "Both are of the declared authority; which of them a client sees depends on what it "
        "offers, so two looks may differ.",
        kind="tls",
        tempts=(*CERTIFICATE_CHECKS, "LB-002"),
        steps=(
            Step(certificate_beside, certificate_gone),
            edited(
                EDGES, edge.CONFIG, f"crt {edge.BUNDLE}", f"crt {edge.BUNDLE} crt {RSA}", "haproxy"
            ),
        ),
        shows=both_kinds,
    ),
    variant(
        "portal-without-http-2",
        "The portal speaks HTTP/1.1 only",
        "Turned off after one of HTTP/2's floods; every browser falls back.",
        kind="web",
        tempts=("TLS-001", "WEB-002", "WEB-004", "LB-002"),
        steps=(edited(EDGES, edge.CONFIG, "alpn h2,http/1.1", "alpn http/1.1", "haproxy"),),
        shows=without_http_2,
    ),
    variant(
        "hsts-written-otherwise",
        "Strict-Transport-Security is written with other cases, quotes, order and a preload",
        "RFC 6797 (6.1) lets names be of any case, values be quoted and directives be in any "
        "order; browsers take it.",
        kind="web",
        tempts=("WEB-002",),
        steps=(
            edited(
                EDGES,
                edge.CONFIG,
                '"max-age=63072000; includeSubDomains"',
                "'preload ;INCLUDESUBDOMAINS; Max-Age=\"63072000\"'",
                "haproxy",
            ),
        ),
        shows=hsts_written_otherwise,
    ),
    variant(
        "redirects-with-308",
        "Plain HTTP is redirected with 308 instead of 301",
        "As permanent as 301, and a POST stays a POST (RFC 9110, 15.4.9).",
        kind="web",
        tempts=("WEB-001",),
        steps=(
            edited(EDGES, edge.CONFIG, "scheme https code 301", "scheme https code 308", "haproxy"),
        ),
        shows=redirected_by_308,
    ),
    variant(
        "challenges-answered-over-https",
        "ACME challenges are redirected to HTTPS with everything else, and answered there",
        "An authority follows redirects (RFC 8555, 8.3) and does not verify the certificate that "
        "is to be renewed: a site with one rule for plain HTTP renews like any other.",
        kind="web",
        alone=True,
        tempts=("TLS-006", "WEB-001"),
        steps=(Step(redirect_challenges, lambda scene: edge.restore(scene, edge.CONFIG, *EDGES)),),
        shows=challenges_redirected,
    ),
    variant(
        "second-edge-holds-the-addresses",
        "The virtual addresses are held by the second edge, on purpose",
        "The first one is going to be upgraded; either may hold them.",
        kind="balancer",
        tempts=("LB-002", "LB-003", "HOST-001"),
        steps=(
            edited(
                [edge.HOLDER], KEEPALIVED, "@edge1 priority 110", "@edge1 priority 90", "keepalived"
            ),
        ),
        shows=held_by_the_other,
    ),
    variant(
        "health-check-in-a-file-of-its-own",
        "keepalived's health check is a script of root's, in an included file beside an unused one",
        "The unused one is unsafe and disabled, as the log says; nothing follows it.",
        kind="balancer",
        tempts=("LB-003", "LB-005"),
        steps=(Step(included, not_included),),
        shows=follows_the_included,
    ),
    variant(
        "portal-under-several-names",
        "The portal is declared under three names",
        "An old name and the new one are both in the certificate, for as long as links live.",
        kind="tls",
        tempts=("TLS-002", "TLS-003", "WEB-001", "WEB-002", "LB-002"),
        environment=second_names,
        shows=lambda _: "the file declares three names",
    ),
    variant(
        "ipv6-comes-first",
        "Every machine's IPv6 address is declared before its IPv4 one",
        "A site that prefers IPv6: whatever asks at the first address asks over it.",
        kind="hosts",
        tempts=(
            "HOST-001",
            "HOST-002",
            "LB-001",
            "PG-001",
            "PG-008",
            "PG-009",
            "CACHE-001",
            "CACHE-009",
        ),
        environment=ipv6_first,
        shows=lambda _: "the file declares IPv6 first",
    ),
    variant(
        "statistics-on-another-port",
        "The balancers tell their statistics on a port of the site's own choice",
        "Ports are the site's affair, as long as they are declared.",
        kind="balancer",
        tempts=("LB-001", "LB-002", "LB-004", "HOST-003"),
        steps=(
            Step(opened, lambda scene: firewall.as_they_were(scene, *EDGES, firewall.ROUTER)),
            edited(EDGES, edge.CONFIG, "bind [::]:7000", f"bind [::]:{STATISTICS}", "haproxy"),
        ),
        environment=statistics_elsewhere,
        shows=statistics_answer,
    ),
    variant(
        "server-on-a-socket",
        "The balancers pass some users on to themselves, through a socket",
        "HAProxy's way to another frontend's TLS or limits; its address is `unix`.",
        kind="balancer",
        tempts=("LB-001", "LB-002", "LB-004"),
        steps=(edited(EDGES, edge.CONFIG, "listen statistics", ON_SOCKET, "haproxy"),),
        environment=lambda text: text.replace(OTHERS, OTHERS + ALSO_LOCAL),
        shows=server_on_socket,
    ),
)
