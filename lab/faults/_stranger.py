"""A Redis that nobody declared, on an application server: how it starts, and how it goes."""

from lab.faults._cache import REDIS
from lab.inventory import machine
from lab.scene import Scene

STRANGER = "app1"
UNIT = "stranger-redis"
FOLDER = "/run/stranger-redis"
# Out of sight: no TCP port at all. $1 is the address of whom it follows; the
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


def follow(scene: Scene, member: str) -> None:
    """Start it behind a member, with a password that somebody handed on."""
    password = scene.shell(member, AUTH).strip()
    address = str(machine(member).v4)
    scene.run(STRANGER, "sh", "-c", START, "fault", address, stdin=password)


def stop(scene: Scene) -> None:
    """Stop it; one that is gone is fine."""
    scene.ask(STRANGER, "systemctl", "stop", f"{UNIT}.service")
    scene.ask(STRANGER, "systemctl", "reset-failed", f"{UNIT}.service")
    scene.run(STRANGER, "rm", "-rf", FOLDER)
