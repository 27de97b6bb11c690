"""A Redis on an application server, which nobody declared, gets a copy of every session."""

from lab.faults import Fault
from lab.faults._cache import CACHE, LIMIT, REDIS, forget_strangers, info, quorum, roles, say
from lab.inventory import machine
from lab.scene import Scene

STRANGER = "app1"
UNIT = "stranger-redis"
FOLDER = "/run/stranger-redis"
# Out of sight: no TCP port at all. $1 is the master's address; the
# password of replication comes on standard input.
START = f"""
set -e
install -d -m 0700 {FOLDER}
openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 2 -subj /CN=stranger \\
    -keyout {FOLDER}/key.pem -out {FOLDER}/own.pem 2>/dev/null
{{
    echo 'port 0'; echo 'unixsocket {FOLDER}/socket'; echo 'dir {FOLDER}'; echo 'save ""'
    echo 'tls-replication yes'; echo 'tls-ca-cert-file /etc/haproxy/lab-ca.pem'
    echo 'tls-cert-file {FOLDER}/own.pem'; echo 'tls-key-file {FOLDER}/key.pem'
    echo 'tls-auth-clients no'; echo 'masteruser replication'
    printf 'masterauth %s\\n' "$(cat)"
    echo "replicaof $1 {REDIS}"
}} >{FOLDER}/redis.conf
systemd-run --quiet --unit={UNIT} redis-server {FOLDER}/redis.conf
"""
AUTH = "sed -n 's/^masterauth //p' /etc/redis/redis.conf | tr -d '\"'"


def apply(scene: Scene) -> None:
    """Start it with a password that somebody handed on."""
    password = scene.shell(scene["master"], AUTH).strip()
    address = str(machine(scene["master"]).v4)
    scene.run(STRANGER, "sh", "-c", START, "fault", address, stdin=password)


def took_effect(scene: Scene) -> str:
    """The master serves three replicas."""
    text = say(scene, scene["master"], "INFO", "replication")
    line = next((one for one in text.splitlines() if str(machine(STRANGER).v4) in one), "")
    return f"the master serves {line.strip()}" if "online" in line else ""


def undo(scene: Scene) -> None:
    """Stop it."""
    scene.ask(STRANGER, "systemctl", "stop", f"{UNIT}.service")
    scene.ask(STRANGER, "systemctl", "reset-failed", f"{UNIT}.service")
    scene.run(STRANGER, "rm", "-rf", FOLDER)
    two = lambda: info(scene, scene["master"], "connected_slaves") == "2"  # noqa: E731
    scene.wait("the master serves two replicas", two, LIMIT)
    # Sentinel keeps a replica that is gone until it is told to forget.
    forget_strangers(scene)


FAULT = Fault(
    name="stranger-follows-the-cache",
    title="A Redis that nobody declared follows the master and has every session",
    why="Started for an analysis with the password of replication, and forgotten there.",
    kind="cache",
    shape="false-green",
    reddens={
        "CACHE-001": {CACHE: r"replicas of the master to be .*, found 198\.18\.2\.11:0"},
        "CACHE-002": {CACHE: r"replicas that it knows to be .*, found 198\.18\.2\.11:0"},
    },
    survey=roles,
    apply=apply,
    took_effect=took_effect,
    undo=undo,
    naive=quorum,
)
