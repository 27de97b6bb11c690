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


def forwards(scene: Scene) -> str:
    """The kernel says so."""
    said = scene.run("solo", "sysctl", "-n", "net.ipv4.ip_forward").strip()
    return "solo forwards" if said == "1" else ""


def has_set_uid(scene: Scene) -> str:
    """It is there, with its bit."""
    found = scene.run("solo", "find", "/usr/local/bin", "-perm", "-4000").strip()
    return f"{found} of solo is set-uid" if found else ""


def is_full(scene: Scene) -> str:
    """Nothing is left in one of them, and what is may not be written."""
    full = [
        name
        for name in ("solo", "vault")
        if "100%" in scene.ask(name, "df", "--output=pcent", "/srv/full").out
    ]
    return f"/srv/full of {' and '.join(full)} has nothing left" if full else ""


def stricter_kernel(scene: Scene) -> str:
    """No routing header at all is taken."""
    said = scene.run("vault", "sysctl", "-n", "net.ipv6.conf.all.accept_source_route").strip()
    return "vault takes no routing header of any type" if said == "-1" else ""


ROUTES = """hardening:
  excepted:
    - rule: net.ipv4.ip_forward
      machines: [solo]
      reason: It routes the campus's VPN.
"""
STARTS = """hardening:
  excepted:
    - rule: set-uid
      path: /usr/local/bin/reset-spool
      machines: [solo]
      reason: Operators empty the spool; it takes no arguments and was reviewed.
"""
CACHED = """headroom:
  excepted:
    - point: /srv/full
      machines: [vault]
      reason: A cache of a fixed size, which throws away the oldest by itself.
hardening:
"""
FULL = (
    "mkdir -p /srv/full && mount -t tmpfs -o size=1m,mode=0755 full /srv/full"
    " && { head -c 2M /dev/zero > /srv/full/all 2>/dev/null || true; }"
)
EMPTY = "umount /srv/full 2>/dev/null || true; rm -rf /srv/full"

VARIANTS = (
    variant(
        "one-machine-routes-and-says-so",
        "The one machine forwards IPv4, now and after its next start, as is declared",
        "A small site's VPN ends on the machine that it has.",
        kind="small",
        site=SITE,
        tempts=("HARD-004",),
        steps=(
            shell(
                ["solo"],
                "echo net.ipv4.ip_forward=1 > /etc/sysctl.d/80-vpn.conf;"
                " sysctl -qw net.ipv4.ip_forward=1",
                "rm -f /etc/sysctl.d/80-vpn.conf; sysctl -qw net.ipv4.ip_forward=0",
            ),
        ),
        environment=lambda text: text.replace("hardening:\n", ROUTES),
        shows=forwards,
    ),
    variant(
        "one-machine-has-a-documented-set-uid-program",
        "A program of the site's own runs as root, which is declared with its reason",
        "It is what sudo would be used for, and somebody reviewed it.",
        kind="small",
        site=SITE,
        tempts=("HARD-005",),
        steps=(
            shell(
                ["solo"],
                "install -m 4755 /bin/true /usr/local/bin/reset-spool",
                "rm -f /usr/local/bin/reset-spool",
            ),
        ),
        environment=lambda text: text.replace("hardening:\n", STARTS),
        shows=has_set_uid,
    ),
    variant(
        "full-file-systems-that-are-meant-so",
        "A read-only file system is full, and so is a cache that is declared",
        "Images of packages and of disks have nothing free by how they are made.",
        kind="small",
        site=SITE,
        tempts=("HOST-004", "HOST-005"),
        steps=(
            shell(["solo"], f"{FULL} && mount -o remount,ro /srv/full", EMPTY),
            shell(["vault"], FULL, EMPTY),
        ),
        environment=lambda text: text.replace("hardening:\n", CACHED),
        shows=is_full,
    ),
    variant(
        "vault-stricter-than-the-table",
        "The machine with the dumps takes no routing header at all, and folders are sticky",
        "-1 refuses what 0 still takes; a sticky folder that all write to is as good as /tmp.",
        kind="small",
        site=SITE,
        tempts=("HARD-004", "HARD-005"),
        steps=(
            shell(
                ["vault"],
                "echo net.ipv6.conf.all.accept_source_route=-1 > /etc/sysctl.d/80-own.conf;"
                " sysctl -qw net.ipv6.conf.all.accept_source_route=-1;"
                " mkdir -p /opt/exchange; chmod 1777 /opt/exchange",
                "rm -rf /etc/sysctl.d/80-own.conf /opt/exchange;"
                " sysctl -qw net.ipv6.conf.all.accept_source_route=0",
            ),
        ),
        shows=stricter_kernel,
    ),
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
