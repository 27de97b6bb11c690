"""A cache machine presents a certificate that its authority has revoked."""

import base64
from collections.abc import Iterable

from lab.defects import at, every
from lab.errors import LabError
from lab.faults import Fault, _cache
from lab.scene import Facts, Scene

CERTIFICATE = "/etc/redis/tls/server.pem"
CRL = "/var/lib/lab-revocation/internal.crl"
REPLACE = 'base64 -d > "$1.new" && chmod 0644 "$1.new" && mv "$1.new" "$1"'
VERIFY = """openssl s_client -connect "$1:6379" -CAfile /etc/lab-certificates/lab-ca.pem \\
    </dev/null 2>/dev/null | grep -m1 'Verify return code'"""


def survey(scene: Scene) -> Facts:
    """Who has which part in the cache, and the serial number of one replica's certificate."""
    parts = _cache.roles(scene)
    words = ("openssl", "x509", "-in", CERTIFICATE, "-noout", "-serial")
    return parts | {"serial": scene.run(parts["other"], *words).strip().partition("=")[2]}


def publish(scene: Scene, revoked: Iterable[int]) -> None:
    """Have the authority publish a list with these serial numbers on it."""
    content = scene.site.secrets.revocation_list(revoked)
    scene.run("mon1", "sh", "-c", REPLACE, "replace", CRL, stdin=base64.b64encode(content).decode())


def listed(scene: Scene) -> str:
    """The list as everybody gets it, in OpenSSL's words."""
    get = "curl -sf http://mon1.lab.test:5003/internal.crl | openssl crl -inform DER -noout -text"
    return scene.looking().shell("mon1", get)


def apply(scene: Scene) -> None:
    """Revoke it; nobody installs another."""
    publish(scene, [int(scene["serial"], 16)])


def took_effect(scene: Scene) -> str:
    """The published list names its serial number."""
    serial = f"{int(scene['serial'], 16):X}"
    return f"the list names {serial}" if serial in listed(scene).replace(":", "") else ""


def undo(scene: Scene) -> None:
    """Publish a list with nothing on it."""
    publish(scene, [])


def naive(scene: Scene) -> str:
    """A client that trusts the authority and asks nobody is content."""
    said = scene.looking().shell("mon1", VERIFY, scene["other"]).strip()
    if ": 0 " not in said:
        raise LabError(f"{scene['other']}:6379: {said}")
    return f"{scene['other']}:6379: {said}"


FAULT = Fault(
    name="revoked-certificate-still-served",
    title="One cache machine presents a certificate that was revoked",
    why="Its key was stolen and the authority told; nobody installed another certificate.",
    kind="tls",
    shape="false-green",
    reddens={
        "TLS-008": every(
            (*at("redis", ["<other>"]), *at("sentinel", ["<other>"])),
            r"is revoked to be none, found CRL http://mon1",
        )
    },
    only=("TLS-008",),
    survey=survey,
    apply=apply,
    took_effect=took_effect,
    undo=undo,
    naive=naive,
)
