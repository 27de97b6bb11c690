"""A small certificate hierarchy for the tests: root, intermediate, leaves with any one defect."""

import ipaddress
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from cryptography.x509.oid import NameOID

PrivateKey = ec.EllipticCurvePrivateKey | rsa.RSAPrivateKey

NAME = "portal.example.org"
NOW = datetime.now(UTC).replace(microsecond=0)


def days(count: float) -> datetime:
    """Return the time that many days from now."""
    return NOW + timedelta(days=count)


@dataclass(frozen=True)
class Identity:
    """A certificate with its key and the certificates above it, nearest first, without the root."""

    certificate: x509.Certificate
    key: PrivateKey
    above: tuple["Identity", ...] = ()

    @property
    def pem(self) -> bytes:
        """The certificate alone."""
        return self.certificate.public_bytes(Encoding.PEM)

    def write(self, path: Path, *presented: "Identity") -> Path:
        """Write key, certificate and what is presented with it into one file."""
        secret = self.key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
        path.write_bytes(secret + self.pem + b"".join(one.pem for one in presented))
        path.chmod(0o600)
        return path


def issue(
    common_name: str,
    issuer: Identity | None = None,
    *,
    names: tuple[str, ...] = (),
    is_authority: bool = False,
    key: PrivateKey | None = None,
    start: datetime | None = None,
    end: datetime | None = None,
    calling: str = "",
    extensions: tuple[x509.ExtensionType, ...] = (),
) -> Identity:
    """Issue a certificate, self-signed without an issuer; valid from yesterday for 90 days.

    `calling` is how it writes the name of its issuer, where that is another spelling.
    """
    key = key or ec.generate_private_key(ec.SECP256R1())
    subject = _common(common_name)
    above_name = issuer.certificate.subject if issuer else subject
    builder = (
        x509.CertificateBuilder(
            _common(calling) if calling else above_name,
            subject,
            key.public_key(),
            x509.random_serial_number(),
        )
        .not_valid_before(start or days(-1))
        .not_valid_after(end or days(90))
        .add_extension(x509.BasicConstraints(ca=is_authority, path_length=None), critical=True)
    )
    if names:
        builder = builder.add_extension(
            x509.SubjectAlternativeName([_name(one) for one in names]), critical=False
        )
    for extension in extensions:
        builder = builder.add_extension(extension, critical=False)
    certificate = builder.sign(issuer.key if issuer else key, hashes.SHA256())
    above = (issuer, *issuer.above) if issuer and issuer.above is not None else ()
    return Identity(certificate, key, tuple(one for one in above if not _is_root(one)))


def _common(name: str) -> x509.Name:
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])


def _is_root(identity: Identity) -> bool:
    return identity.certificate.issuer == identity.certificate.subject


def _name(text: str) -> x509.GeneralName:
    try:
        return x509.IPAddress(ipaddress.ip_address(text))
    except ValueError:
        return x509.DNSName(text)


@dataclass(frozen=True)
class Hierarchy:
    """One root and one intermediate under it."""

    root: Identity
    intermediate: Identity

    def leaf(
        self,
        *names: str,
        key: PrivateKey | None = None,
        start: datetime | None = None,
        end: datetime | None = None,
    ) -> Identity:
        """Issue a leaf under the intermediate, for the portal unless told otherwise."""
        wanted = names or (NAME, "127.0.0.1", "::1")
        return issue(wanted[0], self.intermediate, names=wanted, key=key, start=start, end=end)


def hierarchy(name: str = "Test") -> Hierarchy:
    """Make a root of ten years and an intermediate of one."""
    root = issue(f"{name} root", is_authority=True, end=days(3650))
    return Hierarchy(root, issue(f"{name} intermediate", root, is_authority=True, end=days(365)))
