"""Healthy variants of what runs on machines, and of what secrets they hold."""

from lab.scene import Scene
from lab.steps import shell
from lab.variants import variant

SITE = "small"
AGENT = "report-agent"
HELD = "  services:\n"
EXCEPTED = f"""  services:
    excepted:
      - unit: {AGENT}
        rule: runs-as-root
        machines: [solo]
        reason: It mounts what it reports about.
"""
DIGESTS = "  integrity:\n"
WRAPPED = """  integrity:
    changed:
      - {path: /usr/bin/ldd, machines: [vault], reason: A wrapper of the site's own.}
"""
ALIKE = "  alike: {}\n"
TRIAL = """  alike:
    differences:
      - {role: dumps, of: accounts, named: trainee, reason: Trained on the machine that stands by.}
"""
PLACE = "path: /etc/portal/observe.password, user: root}"
SAME = "path: /etc/portal/observe.password, user: root, as_on: [accounts.key]}"
IN_MEMORY = (
    "import mmap, os, tempfile, time; f = tempfile.TemporaryFile(dir='/tmp'); f.write(b'x' * 4096);"
    " f.flush(); m = mmap.mmap(f.fileno(), 4096); n = os.memfd_create('x');"
    " os.write(n, b'x' * 4096); o = mmap.mmap(n, 4096); time.sleep(1e6)"
)
SCRATCH = "small-scratch"


def agent_runs(scene: Scene) -> str:
    """As root."""
    said = scene.run("solo", "systemctl", "show", "--property=MainPID", "--value", AGENT).strip()
    return f"{AGENT} of solo is process {said}, root's" if said != "0" else ""


def is_wrapped(scene: Scene) -> str:
    """Its package says that it is another one."""
    said = scene.ask("vault", "dpkg", "--verify", "libc-bin").out
    return "/usr/bin/ldd of vault is changed" if "/usr/bin/ldd" in said else ""


def has_trainee(scene: Scene) -> str:
    """On one of the two only."""
    there = scene.ask("attic", "getent", "passwd", "trainee").code == 0
    return "attic has an account that vault has not" if there else ""


def maps_deleted(scene: Scene) -> str:
    """The kernel says so of its memory (proc(5): maps)."""
    said = scene.ask("attic", "sh", "-c", "grep -h '(deleted)' /proc/[0-9]*/maps | head -n 1").out
    return f"attic has in memory: {' '.join(said.split())}" if said else ""


def alike_on_purpose(scene: Scene) -> str:
    """Both files hold one text."""
    same = scene.ask("solo", "cmp", "/etc/portal/accounts.key", "/etc/portal/observe.password")
    return "two secrets of solo are one" if same.code == 0 else ""


VARIANTS = (
    variant(
        "own-agent-is-root-s-and-says-so",
        "A service of the site's own runs as root, which is declared with its reason",
        "What mounts or opens a low port by itself has to be root's.",
        kind="software",
        site=SITE,
        tempts=("HARD-007",),
        steps=(
            shell(
                ["solo"],
                f"systemd-run --quiet --unit={AGENT} /usr/bin/sleep infinity",
                f"systemctl stop {AGENT} || true",
            ),
        ),
        environment=lambda text: text.replace(HELD, EXCEPTED),
        shows=agent_runs,
    ),
    variant(
        "program-of-a-package-wrapped-on-purpose",
        "A program of a package is the site's own wrapper, which is declared with its reason",
        "Some sites do so; whoever reads the digests finds it in the declaration.",
        kind="software",
        site=SITE,
        tempts=("HARD-009",),
        steps=(
            shell(
                ["vault"],
                "[ -e /root/ldd ] || cp -p /usr/bin/ldd /root/ldd;"
                " echo '# wrapped' >> /usr/bin/ldd",
                "[ ! -e /root/ldd ] || { cp -p /root/ldd /usr/bin/ldd; rm /root/ldd; }",
            ),
        ),
        environment=lambda text: text.replace(DIGESTS, WRAPPED),
        shows=is_wrapped,
    ),
    variant(
        "machines-of-a-role-differ-as-declared",
        "One of two machines for dumps has an account that the other has not, as declared",
        "A trial is on one machine first.",
        kind="software",
        site=SITE,
        tempts=("HOST-007",),
        steps=(
            shell(
                ["attic"],
                "useradd --no-create-home --shell /bin/bash trainee",
                "userdel trainee 2>/dev/null || true",
            ),
        ),
        environment=lambda text: text.replace(ALIKE, TRIAL),
        shows=has_trainee,
    ),
    variant(
        "deleted-files-of-a-moment-in-memory",
        "A process has deleted files of a moment in memory, which are no program",
        "Databases and interpreters share memory by files that have no name.",
        kind="software",
        site=SITE,
        tempts=("HARD-008",),
        steps=(
            shell(
                ["attic"],
                f'systemd-run --quiet --uid=driller --unit={SCRATCH} python3 -c "{IN_MEMORY}"',
                f"systemctl stop {SCRATCH} || true",
            ),
        ),
        shows=maps_deleted,
    ),
    variant(
        "one-secret-in-two-places-as-declared",
        "Two declared places hold one secret, and say so",
        "Two programs of one machine log in as the same user; each has a file of its own.",
        kind="software",
        site=SITE,
        tempts=("SEC-005",),
        steps=(
            shell(
                ["solo"],
                "[ -e /root/kept ] || cp -p /etc/portal/observe.password /root/kept;"
                " cat /etc/portal/accounts.key > /etc/portal/observe.password",
                "[ ! -e /root/kept ] ||"
                " { cat /root/kept > /etc/portal/observe.password; rm /root/kept; }",
            ),
        ),
        environment=lambda text: text.replace(PLACE, SAME),
        shows=alike_on_purpose,
    ),
)
