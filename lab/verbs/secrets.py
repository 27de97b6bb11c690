"""Verbs for secrets: a login that everybody can read about, a key that everybody can download."""

from collections.abc import Mapping
from datetime import timedelta
from pathlib import PurePosixPath
from typing import Final

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, load_pem_private_key
from cryptography.x509.oid import ExtensionOID

from lab.scene import Scene
from lab.secrets import AUTHORITY
from lab.verbs.base import Change, Look
from readiness.site.written import Text, UnitName

# CPython 3.13's Lib/test/certdata/keycertecc.pem, which comes with every copy of its tests.
PUBLISHED: Final = """-----BEGIN PRIVATE KEY-----
MIG2AgEAMBAGByqGSM49AgEGBSuBBAAiBIGeMIGbAgEBBDDRUbCeT3hMph4Y/ahL
1sy9Qfy4DYotuAP06UetzG6syv+EoQ02kX3xvazqwiJDrEyhZANiAAQef97STEPn
4Nk6C153VEx24MNkJUcmLe771u6lr3Q8Em3J/YPaA1i9Ys7KZA3WvoKBPoWaaikn
4yLQbd/6YE6AAjMuaThlR1/cqH5QnmS3DXHUjmxnLjWy/dZl0CJG1qo=
-----END PRIVATE KEY-----
"""
ASKED: Final = "SELECT rolname FROM pg_authid WHERE rolpassword IS NOT NULL"
_PSQL: Final = 'runuser -u postgres -- psql -XAtqc "$1"'


def _for_published_key(right: bytes, authority: bytes) -> str:
    """The same certificate for the published key, signed by the same authority."""
    of, signer = x509.load_pem_x509_certificate(right), load_pem_private_key(authority, None)
    key = load_pem_private_key(PUBLISHED.encode(), None)
    assert isinstance(key, ec.EllipticCurvePrivateKey)  # noqa: S101 - it is the one above
    builder = x509.CertificateBuilder(
        of.issuer,
        of.subject,
        key.public_key(),
        x509.random_serial_number(),
        of.not_valid_before_utc,
        of.not_valid_after_utc,
    )
    for one in of.extensions:
        if one.oid != ExtensionOID.SUBJECT_KEY_IDENTIFIER:
            builder = builder.add_extension(one.value, one.critical)
    assert isinstance(signer, ec.EllipticCurvePrivateKey)  # noqa: S101 - the lab's own
    return builder.sign(signer, hashes.SHA256()).public_bytes(Encoding.PEM).decode()


class PublishedKey(Change):
    """`certificate.published_key`: a right certificate for a key that everybody can download."""

    path: Text
    reload: UnitName

    def change(self, scene: Scene, machine: str) -> None:
        """Lay it with the key, and have the server take both."""
        mine = scene.site.lab.layout.machine(machine)
        right = scene.site.secrets.issue_for(mine, timedelta(days=30)).certificate
        certificate = _for_published_key(right, scene.site.secrets.read(f"{AUTHORITY}.key"))
        scene.change(machine, self.path, lambda _: certificate)
        scene.change(machine, self._key, lambda _: PUBLISHED)
        scene.service(machine, "reload", self.reload)

    def take_back(self, scene: Scene, machine: str) -> None:
        """Lay what was there."""
        scene.put_back(machine, self.path)
        scene.put_back(machine, self._key)
        scene.service(machine, "reload", self.reload)

    def shows(self, scene: Scene, machine: str) -> str:
        """The machine has that key."""
        there = scene.read(machine, self._key) == PUBLISHED
        return f"{self._key} on {machine} is CPython's" if there else ""

    @property
    def _key(self) -> str:
        return str(PurePosixPath(self.path).with_suffix(".key"))


class Password(Change):
    """`postgres.password`: a role of a server without standbys has a password, and then none."""

    role: Text
    password: Text

    def change(self, scene: Scene, machine: str) -> None:
        """Give it one."""
        scene.shell(machine, _PSQL, f"ALTER ROLE {self.role} PASSWORD '{self.password}'")

    def take_back(self, scene: Scene, machine: str) -> None:
        """Take it away: nobody logs in with one."""
        scene.shell(machine, _PSQL, f"ALTER ROLE {self.role} PASSWORD NULL")

    def shows(self, scene: Scene, machine: str) -> str:
        """The server has a verifier of it."""
        said = scene.shell(machine, _PSQL, ASKED).split()
        return f"{self.role} on {machine} has a password" if self.role in said else ""


CHANGES: Final[Mapping[str, type[Change]]] = {
    "certificate.published_key": PublishedKey,
    "postgres.password": Password,
}

LOOKS: Final[Mapping[str, type[Look]]] = {}
