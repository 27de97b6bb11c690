"""An RSA certificate of an old authority stands beside the right one, on the unused edge."""

from lab.defects import Wanted, address, at, every, issue, portal_names, strange_authority
from lab.faults import Fault
from lab.faults._edge import (
    ACME_ROOT,
    BUNDLE,
    CONFIG,
    OTHER,
    holder_first,
    reload,
    restore,
    served_well,
)
from lab.scene import Scene

SECOND = "/etc/haproxy/certs/old-rsa.pem"
SUBJECTS = at("portal", [OTHER])
BITS = 2048
# What a client gets that can verify RSA only.
ASK = """openssl s_client -connect "$1" -servername portal.lab.test -CAfile "$2" -tls1_2 \\
    -cipher aRSA </dev/null 2>/dev/null | grep -m1 'Verify return code'"""


def edit(text: str) -> str:
    """Have both binds present either certificate, as the client can verify."""
    return text.replace(f"crt {BUNDLE}", f"crt {BUNDLE} crt {SECOND}")


def apply(scene: Scene) -> None:
    """Install it beside the right one."""
    authority = strange_authority("The University's Old Root")
    names = portal_names()
    pair = issue(authority, Wanted(names[0], names, weak_bits=BITS))
    scene.write(OTHER, SECOND, (pair.key + pair.certificate + authority.certificate).decode())
    scene.change(OTHER, CONFIG, edit)
    reload(scene, OTHER)


def took_effect(scene: Scene) -> str:
    """OpenSSL that knows RSA only gets a chain that the declared root does not end."""
    said = scene.shell("mon1", ASK, f"{address(OTHER, 'v4')}:443", ACME_ROOT).strip()
    code = said.partition(": ")[2]
    return "" if code.startswith("0 ") else f"{OTHER} presents to RSA clients: {code}"


def undo(scene: Scene) -> None:
    """Present the right one only, and remove the other."""
    restore(scene, CONFIG, OTHER)
    scene.run(OTHER, "rm", "-f", SECOND)


def naive(scene: Scene) -> str:
    """A client of today is served well by this very edge."""
    return served_well(scene, OTHER)


FAULT = Fault(
    name="forgotten-rsa-certificate-on-one-edge",
    title="One of two edges presents an old RSA certificate to clients that know RSA only",
    why="Renewal has replaced the ECDSA one; browsers see nothing, the payroll's old library and "
    "the scanner of an auditor do.",
    kind="tls",
    shape="false-green",
    reddens={
        "TLS-001": every(
            SUBJECTS,
            r"trust problem of its RSA certificate to be none, found self-signed certificate",
        )
    },
    survey=holder_first,
    apply=apply,
    took_effect=took_effect,
    undo=undo,
    naive=naive,
)
