"""Healthy variants of machines and of the rules between them."""

from lab.faults import _firewall as firewall
from lab.inventory import GATEWAY_NUMBER, MACHINES
from lab.scene import Scene
from lab.steps import Step, shell
from lab.variants import variant

BY_SOCKET = ("edge1", "app2", "db3", "cache2", "backup1")
FOLLOWERS = tuple(one for one in MACHINES if not one.routes and one.name != "stranger")
# Answers no time: nobody has this address.
SILENT = 250
RESTARTED = ("haproxy", "pgbouncer", "portal")
LOOPBACK = "lab-variant-loopback"
# What a packet that no rule accepts is answered with; firewalld's default is the latter.
REFUSALS: tuple[str, ...] = (
    "meta l4proto tcp reject with tcp reset",
    "reject with icmpx admin-prohibited",
)


def started_by_its_socket(scene: Scene) -> str:
    """Every one of them: no service is up before somebody calls, or one that the socket started."""
    for name in BY_SOCKET:
        socket = scene.ask(name, "systemctl", "is-active", "ssh.socket").out.strip()
        enabled = scene.ask(name, "systemctl", "is-enabled", "ssh.service").out.strip()
        if socket != "active" or enabled == "enabled":
            return ""
    return f"ssh of {', '.join(BY_SOCKET)} is started by its socket"


def sources(scene: Scene, name: str) -> dict[str, str]:
    """Address of a time source -> how chrony marks it."""
    rows = scene.run(name, "chronyc", "-n", "-c", "sources").splitlines()
    return {row.split(",")[2]: row.split(",")[1] for row in rows}


def several_sources(scene: Scene) -> str:
    """Every machine follows one of two sources that answer, and has a third that does not."""
    for one in FOLLOWERS:
        marks = sorted(sources(scene, one.name).values())
        if len(marks) != 3 or "*" not in marks or "?" not in marks:  # noqa: PLR2004 - sources
            return ""
    return f"{len(FOLLOWERS)} machines have three sources each, one of them silent"


def more_sources() -> tuple[Step, ...]:
    """The router's other address and a machine that is switched off, as sources of everybody."""
    return tuple(
        shell(
            [one.name],
            f"chronyc add server {address} iburst minpoll 0 maxpoll 4",
            f"chronyc delete {address} || true",
        )
        for one in FOLLOWERS
        for address in (one.zone.host6(GATEWAY_NUMBER), one.zone.host4(SILENT))
    )


def just_restarted(scene: Scene) -> str:
    """Each unit has been up for less than two minutes, and systemd did not restart it by itself."""
    ages = []
    for unit in RESTARTED:
        properties = "NRestarts,ActiveState,ActiveEnterTimestampMonotonic"
        shown = scene.run("app1", "systemctl", "show", "-p", properties, unit)
        facts = dict(line.split("=", 1) for line in shown.splitlines())
        since = int(facts["ActiveEnterTimestampMonotonic"]) / 1e6
        ages.append(float(scene.read("app1", "/proc/uptime").split()[0]) - since)
        if facts["ActiveState"] != "active" or facts["NRestarts"] != "0":
            return ""
    return f"{', '.join(RESTARTED)} of app1 were restarted {max(ages):.0f} s ago at most"


def on_loopback(scene: Scene) -> str:
    """It listens on ::1 and 127.0.0.1 of the machine, and nowhere else."""
    said = scene.run("db1", "ss", "-Hnlt", f"sport = :{firewall.DEBUG_PORT}")
    where = {line.split()[3] for line in said.splitlines()}
    port = firewall.DEBUG_PORT
    return (
        f"db1 listens on {sorted(where)}" if where == {f"127.0.0.1:{port}", f"[::1]:{port}"} else ""
    )


def refuse(scene: Scene) -> None:
    """Append an answer to every chain that drops what nobody accepts."""
    for one in MACHINES:
        chains = [("machine", "input", REFUSALS)]
        chains += [("router", "forward", REFUSALS[1:])] if one.routes else []
        lines = [
            f'add rule inet {table} {chain} {rule} comment "{firewall.MARK}"'
            for table, chain, rules in chains
            for rule in rules
        ]
        scene.run(one.name, "nft", "-f", "-", stdin="\n".join(lines) + "\n")


def refused(scene: Scene) -> str:
    """Every machine has the rules, and one of them answers the router."""
    if not all(firewall.in_front(scene, one.name) for one in MACHINES):
        return ""
    script = "</dev/tcp/198.18.3.11/3389"
    said = scene.ask("gw1", "timeout", "3", "bash", "-c", script).err
    return f"every firewall answers: {said.splitlines()[0]}" if "refused" in said else ""


def rejecting(text: str) -> str:
    """Declare it."""
    return text.replace("closed: dropped", "closed: refused")


VARIANTS = (
    variant(
        "ssh-started-by-its-socket",
        "SSH is started by its socket on five machines",
        "Some distributions' default: ssh.service is disabled and inactive until somebody calls.",
        kind="hosts",
        tempts=("HOST-001", "HOST-003"),
        steps=(
            shell(
                BY_SOCKET,
                "systemctl disable --quiet ssh.service; systemctl stop ssh.service; "
                "systemctl enable --quiet --now ssh.socket",
                "systemctl disable --quiet ssh.socket; systemctl stop ssh.socket; "
                "systemctl enable --quiet ssh.service; systemctl restart ssh.service",
            ),
        ),
        shows=started_by_its_socket,
    ),
    variant(
        "time-source-that-is-silent-beside-others",
        "Every machine has three time sources, one of which does not answer",
        "Pools have members that are down; two that agree are enough.",
        kind="hosts",
        tempts=("HOST-002",),
        steps=more_sources(),
        shows=several_sources,
    ),
    variant(
        "services-restarted-by-hand",
        "Services of one machine were restarted by hand a moment ago",
        "A new certificate or a security update; only what systemd had to restart is a crash.",
        kind="hosts",
        tempts=("HOST-001", "LB-001", "LB-002"),
        steps=(shell(["app1"], f"systemctl restart {' '.join(RESTARTED)}", "true"),),
        shows=just_restarted,
        past=True,
    ),
    variant(
        "helper-listens-on-loopback-only",
        "A helper that nobody declared listens on the loopback addresses of a machine",
        "Exporters and agents do; nobody can reach it from elsewhere.",
        kind="hosts",
        tempts=("HOST-003",),
        steps=tuple(
            shell(
                ["db1"],
                f"systemd-run --quiet --collect --unit={LOOPBACK}-{number} python3 -m http.server "
                f"--directory /srv --bind {address} {firewall.DEBUG_PORT}",
                f"systemctl stop {LOOPBACK}-{number} 2>/dev/null || true",
            )
            for number, address in enumerate(("127.0.0.1", "::1"))
        ),
        shows=on_loopback,
    ),
    variant(
        "firewall-that-rejects",
        "Every firewall answers what it does not let through, with RST or by ICMP, not always",
        "Many do so by default, and the kernel limits how many answers it gives by ICMP: some "
        "closed ports are refused, some are silent.",
        kind="firewall",
        tempts=("FW-001", "FW-002", "FW-003", "FW-004"),
        scan=True,
        steps=(
            Step(
                refuse,
                lambda scene: firewall.as_they_were(scene, *(one.name for one in MACHINES)),
            ),
        ),
        environment=rejecting,
        shows=refused,
    ),
)
