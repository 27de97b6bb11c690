"""Healthy variants of the lab's small site."""

from lab.scene import Scene
from lab.steps import edited, shell
from lab.variants import variant

SITE = "small"
NGINX = "/etc/nginx/sites-available/default"
REDIRECT = "return 301 https://$host$request_uri;"
HSTS = "max-age=63072000"
STRICTER = "max-age=63072000; includeSubDomains; preload"
LOOPBACK = "small-loopback"


def redirects_for_good(scene: Scene) -> str:
    """It does so for a POST, too."""
    words = ("curl", "-s", "-o", "/dev/null", "-w", "%{http_code}", "http://portal.lab.test/x")
    code = scene.run("mon1", *words)
    return f"http://portal.lab.test/x answers {code}" if code == "308" else ""


def stricter_header(scene: Scene) -> str:
    """It says more than a check asks for."""
    head = scene.run("mon1", "curl", "-skI", "https://portal.lab.test/courses")
    return "the header holds includeSubDomains and preload" if "; preload" in head else ""


def started_by_its_socket(scene: Scene) -> str:
    """The service is up when somebody calls, and not before."""
    socket = scene.ask("vault", "systemctl", "is-active", "ssh.socket").out.strip()
    enabled = scene.ask("vault", "systemctl", "is-enabled", "ssh.service").out.strip()
    there = socket == "active" and enabled != "enabled"
    return "ssh of vault is started by its socket" if there else ""


def listens_on_loopback(scene: Scene) -> str:
    """The kernel says that somebody does."""
    said = scene.run("solo", "ss", "-Hnlt", "sport = :9100").strip()
    return f"solo listens: {' '.join(said.split())}" if "127.0.0.1:9100" in said else ""


VARIANTS = (
    variant(
        "one-machine-redirects-with-308",
        "The one nginx redirects with 308 instead of 301",
        "It keeps the method of a request; as lasting as 301.",
        kind="small",
        site=SITE,
        tempts=("WEB-001", "WEB-002", "WEB-003"),
        steps=(edited(["solo"], NGINX, REDIRECT, REDIRECT.replace("301", "308"), "nginx"),),
        shows=redirects_for_good,
        alone=True,
    ),
    variant(
        "one-machine-promises-more-than-hsts-asks",
        "The one nginx's HSTS header is that of the browsers' preload list",
        "Two years, subdomains and preload: what the list asks for, and more than a check does.",
        kind="small",
        site=SITE,
        tempts=("WEB-002",),
        steps=(edited(["solo"], NGINX, HSTS, STRICTER, "nginx"),),
        shows=stricter_header,
        alone=True,
    ),
    variant(
        "vault-ssh-started-by-its-socket",
        "SSH of the machine with the dumps is started by its socket",
        "Debian offers it, and Ubuntu has it so by default; the service is up once somebody calls.",
        kind="small",
        site=SITE,
        tempts=("HOST-001", "HOST-003"),
        steps=(
            shell(
                ["vault"],
                "systemctl disable --now ssh.service; systemctl enable --now ssh.socket",
                "systemctl disable --now ssh.socket; systemctl enable --now ssh.service",
            ),
        ),
        shows=started_by_its_socket,
    ),
    variant(
        "one-machine-listens-on-loopback-too",
        "An exporter listens on 127.0.0.1 of the one machine and nowhere else",
        "Nobody outside reaches it; only what others may reach has to be declared.",
        kind="small",
        site=SITE,
        tempts=("HOST-003",),
        steps=(
            shell(
                ["solo"],
                f"systemd-run --quiet --unit={LOOPBACK} --working-directory=/srv"
                " python3 -m http.server --bind 127.0.0.1 9100",
                f"systemctl stop {LOOPBACK} || true",
            ),
        ),
        shows=listens_on_loopback,
    ),
)
