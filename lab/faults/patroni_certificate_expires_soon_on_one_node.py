"""One standby's Patroni presents a certificate that ends within the week."""

from datetime import timedelta

from lab import cluster
from lab.defects import Wanted, at, every, issue
from lab.errors import LabError
from lab.faults import Fault
from lab.inventory import machine
from lab.pki import Pair
from lab.scene import Scene

FOLDER = "/etc/patroni/tls"
LIFE = timedelta(days=5)
CHECK_END = (
    'openssl s_client -connect "$1:8008" </dev/null 2>/dev/null '
    '| openssl x509 -noout -checkend "$2"'
)
NOTICE = str(14 * 86400)


def authority(scene: Scene) -> Pair:
    """The lab's own authority."""
    folder = scene.site.home.secrets / "ca"
    return Pair((folder / "lab-ca.pem").read_bytes(), (folder / "lab-ca.key").read_bytes())


def apply(scene: Scene) -> None:
    """Give the standby's REST interface a certificate of its own, right in all but its end."""
    name = scene["async"]
    one = machine(name)
    alternatives = (one.fqdn, one.name, "localhost", str(one.v4), str(one.v6), "127.0.0.1", "::1")
    pair = issue(authority(scene), Wanted(one.fqdn, alternatives, LIFE))
    for kind, content in (("pem", pair.certificate), ("key", pair.key)):
        path = f"{FOLDER}/expiring.{kind}"
        scene.run(name, "install", "-o", "postgres", "-m", "0600", "/dev/null", path)
        scene.write(name, path, content.decode())
    scene.change(name, cluster.CONFIG, edit)
    scene.service(name, "reload", "patroni")


def edit(text: str) -> str:
    """Point the REST interface (the first to be named) to the other files."""
    for kind, key in (("pem", "certfile"), ("key", "keyfile")):
        old, new = f"{key}: {FOLDER}/server.{kind}", f"{key}: {FOLDER}/expiring.{kind}"
        text = text.replace(old, new, 1)
    return text


def lasts(scene: Scene, name: str) -> bool:
    """Whether what a node's Patroni presents lasts longer than the notice."""
    done = scene.ask("mon1", "sh", "-c", CHECK_END, "check", name, NOTICE)
    if "Certificate will" not in done.out:
        raise LabError(f"{name}: no certificate on port 8008")
    return done.code == 0


def took_effect(scene: Scene) -> str:
    """OpenSSL says that it ends before the notice."""
    name = scene["async"]
    return "" if lasts(scene, name) else f"{name}:8008 presents a certificate of {LIFE.days} days"


def undo(scene: Scene) -> None:
    """Present the machine's own certificate again."""
    name = scene["async"]
    cluster.restore_config(scene, name)
    scene.wait("its own certificate again", lambda: lasts(scene, name), 30)
    scene.run(name, "rm", "-f", f"{FOLDER}/expiring.pem", f"{FOLDER}/expiring.key")


def naive(scene: Scene) -> str:
    """The certificate of the node that leads lasts long enough."""
    if not lasts(scene, scene["primary"]):
        raise LabError(f"{scene['primary']}:8008 ends soon")
    return f"the certificate of the leader {scene['primary']} lasts longer than {NOTICE} s"


FAULT = Fault(
    name="patroni-certificate-expires-soon-on-one-node",
    title="One standby's Patroni presents a certificate with five days left",
    why="Renewal failed on one node; on the day of expiry the others no longer reach it.",
    kind="tls",
    reddens={
        "TLS-003": every(at("patroni", ["<async>"]), r"days left .*at least 14, found (5\b|4\.9)"),
    },
    survey=cluster.survey,
    apply=apply,
    took_effect=took_effect,
    undo=undo,
    naive=naive,
)
