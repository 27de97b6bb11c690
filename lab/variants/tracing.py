"""Healthy variants of the lab's site with traces."""

from collections.abc import Callable

from lab.scene import Scene
from lab.steps import edited, shell
from lab.variants import variant

SITE = "traced"
EDGES = ("edge1", "edge2")
SERVERS = ("app1", "app2")
TRACED = ("TRC-002", "TRC-003", "TRC-004")
APP = "/etc/campus/app.env"
EDGE = "/etc/traefik/edge.env"
TRAEFIK = "/etc/traefik/traefik.yml"
DELAY = "OTEL_BSP_SCHEDULE_DELAY=500\n"
W3C = "OTEL_PROPAGATORS=tracecontext"
# An edge that hands the context on as it came, makes no span, and logs the header.
HAPROXY = """cat /etc/traefik/tls/edge.pem /etc/traefik/tls/edge.key > /run/edge-of-old.pem
cat > /run/edge-of-old.cfg <<'END'
global
    log stdout format raw local0
defaults
    mode http
    log global
    timeout connect 2s
    timeout client 30s
    timeout server 30s
frontend portal
    bind :::443 v4v6 ssl crt /run/edge-of-old.pem
    http-request capture req.hdr(traceparent) len 60
    log-format "%HM %HP %ST context=%[capture.req.hdr(0)]"
    default_backend portal
backend portal
    option httpchk GET /healthz
    server app1 198.18.56.21:8000 check
    server app2 198.18.56.22:8000 check
END
systemctl stop traefik
systemd-run --quiet --unit=edge-of-old haproxy -W -db -f /run/edge-of-old.cfg
for try in $(seq 50); do curl -skf -o /dev/null https://127.0.0.1/courses && break; sleep 0.2; done
"""
TRAEFIK_AGAIN = """systemctl stop edge-of-old 2>/dev/null || true
systemctl reset-failed edge-of-old 2>/dev/null || true
rm -f /run/edge-of-old.*
systemctl start traefik
"""


def has(machine: str, path: str, text: str) -> Callable[[Scene], str]:
    """What shows that a file of a machine has a text."""

    def shows(scene: Scene) -> str:
        return f"{path} on {machine} has {text}" if text in scene.read(machine, path) else ""

    return shows


def old_edge(scene: Scene) -> str:
    """HAProxy answers, and Traefik does not run."""
    runs = scene.ask("edge2", "systemctl", "is-active", "edge-of-old").out.strip()
    return "HAProxy is the edge" if runs == "active" else ""


def without_edge_spans(text: str) -> str:
    """The environment of a site whose edges make no spans: the applications begin the traces."""
    for old, new in (
        ("services: [ssh, traefik]", "services: [ssh, edge-of-old]"),
        (
            "        kind: server\n        log: {file: /var/log/traefik/access.log}",
            "        spans: false\n        log: {unit: edge-of-old}",
        ),
        ("share: 0.5, requests: 60", "share: 1, requests: 60"),
        ("attribute: user_agent.original", "attribute: http.user_agent"),
    ):
        text = text.replace(old, new)
    return text


VARIANTS = (
    variant(
        "many-spans-of-its-own",
        "Each request has thirty more spans of the application's own",
        "Instrumentation of frameworks makes dozens; what is declared is only who must be among "
        "them.",
        kind="tracing",
        site=SITE,
        tempts=("TRC-001", *TRACED),
        tier="touch",
        only=TRACED,
        steps=(edited(SERVERS, APP, DELAY, f"{DELAY}CAMPUS_SPANS=30\n", "campus", "restart"),),
        shows=has("app2", APP, "CAMPUS_SPANS=30"),
    ),
    variant(
        "work-goes-on-after-the-answer",
        "Work goes on in the background below a request's span that has long ended",
        "A span may outlive its parent: what is asynchronous does.",
        kind="tracing",
        site=SITE,
        tempts=("TRC-002",),
        tier="touch",
        only=TRACED,
        steps=(edited(SERVERS, APP, DELAY, f"{DELAY}CAMPUS_LATE_WORK=yes\n", "campus", "restart"),),
        shows=has("app2", APP, "CAMPUS_LATE_WORK=yes"),
    ),
    variant(
        "context-in-b3",
        "Everybody hands the context on in the header of B3, and the site declares it",
        "Zipkin's header is older than W3C's, and many sites speak it alone.",
        kind="tracing",
        site=SITE,
        tempts=TRACED,
        tier="touch",
        only=TRACED,
        steps=(
            edited(SERVERS, APP, W3C, "OTEL_PROPAGATORS=b3", "campus", "restart"),
            edited(EDGES, EDGE, W3C, "OTEL_PROPAGATORS=b3", "traefik", "restart"),
        ),
        environment=lambda text: text.replace(
            "    listener: portal\n", "    listener: portal\n    propagation: b3\n"
        ),
        shows=has("edge2", EDGE, "OTEL_PROPAGATORS=b3"),
    ),
    variant(
        "edges-that-make-no-span",
        "The edges are HAProxy's, which hands the context on and makes no span, and that is "
        "declared",
        "Most edges make none; the header is in their log.",
        kind="tracing",
        site=SITE,
        tempts=("TRC-001", *TRACED),
        tier="touch",
        only=TRACED,
        steps=(shell(EDGES, HAPROXY, TRAEFIK_AGAIN),),
        environment=without_edge_spans,
        shows=old_edge,
    ),
    variant(
        "every-trace-is-kept",
        "The edges keep every trace, and the site declares it",
        "A small site has no reason to throw any away.",
        kind="tracing",
        site=SITE,
        tempts=("TRC-003",),
        tier="touch",
        only=TRACED,
        steps=(edited(EDGES, TRAEFIK, "sampleRate: 0.5", "sampleRate: 1.0", "traefik", "restart"),),
        environment=lambda text: text.replace("share: 0.5, requests: 60", "share: 1, requests: 60"),
        shows=has("edge2", TRAEFIK, "sampleRate: 1.0"),
    ),
    variant(
        "machines-by-their-full-names",
        "Spans have the full names of the applications' machines",
        "A host's name is what its administrator made it; within a site its first label tells it.",
        kind="tracing",
        site=SITE,
        tempts=("TRC-001", "TRC-002"),
        tier="touch",
        only=TRACED,
        steps=(
            shell(
                SERVERS,
                f"sed -i 's/^\\(OTEL_RESOURCE_ATTRIBUTES=host.name=.*\\)$/\\1.lab.test/' {APP};"
                " systemctl restart campus",
                f"sed -i 's/\\.lab\\.test$//' {APP}; systemctl restart campus",
            ),
        ),
        shows=has("app2", APP, "host.name=app2.lab.test"),
    ),
)
