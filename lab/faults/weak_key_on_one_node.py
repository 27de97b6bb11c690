"""One etcd member's peer port presents a certificate with a key that can be broken."""

from lab import cluster
from lab.defects import Wanted, at, every, issue
from lab.errors import LabError
from lab.faults import Fault
from lab.faults.patroni_certificate_expires_soon_on_one_node import authority
from lab.inventory import machine
from lab.scene import Scene

CONFIG = "/etc/default/etcd"
FOLDER = "/etc/etcd/tls"
BITS = 1024
KEY = (
    'openssl s_client -connect "$1:2380" -cert "$2.pem" -key "$2.key" </dev/null 2>/dev/null '
    "| openssl x509 -noout -text | sed -n 's/.*Public-Key: //p'"
)


def edit(text: str) -> str:
    """Point the peer port to the other files."""
    for kind, key in (("pem", "CERT"), ("key", "KEY")):
        old = f"ETCD_PEER_{key}_FILE={FOLDER}/server.{kind}"
        text = text.replace(old, f"ETCD_PEER_{key}_FILE={FOLDER}/weak.{kind}")
    return text


def apply(scene: Scene) -> None:
    """Give the peer port a certificate of its own and restart the member."""
    name = scene["async"]
    one = machine(name)
    alternatives = (one.fqdn, one.name, "localhost", str(one.v4), str(one.v6), "127.0.0.1", "::1")
    pair = issue(authority(scene), Wanted(one.fqdn, alternatives, weak_bits=BITS))
    for kind, content in (("pem", pair.certificate), ("key", pair.key)):
        path = f"{FOLDER}/weak.{kind}"
        scene.run(name, "install", "-o", "etcd", "-m", "0600", "/dev/null", path)
        scene.write(name, path, content.decode())
    scene.change(name, CONFIG, edit)
    scene.service(name, "restart", "etcd")


def took_effect(scene: Scene) -> str:
    """The peer port presents the weak key, and all members are healthy with it."""
    name = scene["async"]
    said = scene.shell(name, KEY, "localhost", f"{FOLDER}/server").strip()
    healthy(scene)
    return f"{name}:2380 presents {said}" if str(BITS) in said else ""


def healthy(scene: Scene) -> str:
    """The probe of somebody in a hurry: etcd itself says that all members are healthy."""
    done = scene.ask(scene["primary"], "lab-etcdctl", "endpoint", "health", "--cluster")
    said = done.out + done.err
    if said.count("is healthy") != len(cluster.MEMBERS):
        raise LabError(f"etcdctl endpoint health: {said.strip()[-200:]}")
    return "etcdctl endpoint health --cluster: three members are healthy"


def undo(scene: Scene) -> None:
    """Present the machine's own certificate again."""
    name = scene["async"]
    scene.put_back(name, CONFIG)
    scene.service(name, "restart", "etcd")
    scene.run(name, "rm", "-f", f"{FOLDER}/weak.pem", f"{FOLDER}/weak.key")


FAULT = Fault(
    name="weak-key-on-one-node",
    title="One etcd member presents a peer certificate with an RSA key of 1024 bits",
    why="Made by hand with an old script; Go does not mind, an attacker neither.",
    kind="tls",
    reddens={
        "TLS-001": every(at("etcd-peer", ["<async>"]), r"trust problem to be none, found .*weak"),
        "TLS-005": every(at("etcd-peer", ["<async>"]), r"weakest key at least 112, found \d\d\b"),
    },
    survey=cluster.survey,
    apply=apply,
    took_effect=took_effect,
    undo=undo,
    naive=healthy,
)
