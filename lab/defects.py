"""Certificates with one chosen defect, and where listeners of the lab are (subject ids).

Everything about them is right but for the defect: names, dates, key and issuer are what a good
certificate of that listener would have.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from ipaddress import ip_address

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from lab.inventory import DOMAIN, VIP4, VIP6, machine, machines_with
from lab.pki import Pair, new_authority

FAMILIES = ("v4", "v6")
EDGES = tuple(one.name for one in machines_with("edge"))
PORTAL = f"portal.{DOMAIN}"
WEEK = timedelta(days=7)
QUARTER = timedelta(days=90)

Key = ec.EllipticCurvePrivateKey | rsa.RSAPrivateKey


@dataclass(frozen=True)
class Wanted:
    """What a certificate should be like."""

    name: str
    alternatives: tuple[str, ...]
    life: timedelta = QUARTER
    weak_bits: int = 0
    """Size of an RSA key instead of P-256."""


def portal_names() -> tuple[str, ...]:
    """The names that the edge's certificate carries."""
    return (PORTAL, *(machine(edge).fqdn for edge in EDGES))


def strange_authority(name: str = "Somebody Else's Root") -> Pair:
    """An authority that nobody declared."""
    return new_authority(name)


def issue(authority: Pair, wanted: Wanted) -> Pair:
    """A certificate with its chosen defect, signed by this authority (RFC 5280)."""
    signer = serialization.load_pem_private_key(authority.key, password=None)
    if not isinstance(signer, ec.EllipticCurvePrivateKey):
        raise TypeError("the authority's key is not an EC key")
    issuer = x509.load_pem_x509_certificate(authority.certificate)
    key: Key = (
        rsa.generate_private_key(65537, wanted.weak_bits)
        if wanted.weak_bits
        else ec.generate_private_key(ec.SECP256R1())
    )
    now = datetime.now(UTC)
    certificate = (
        x509.CertificateBuilder()
        .subject_name(x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, wanted.name)]))
        .issuer_name(issuer.subject)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(hours=1))
        .not_valid_after(now + wanted.life)
        .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
        .add_extension(
            x509.SubjectAlternativeName([_alternative(one) for one in wanted.alternatives]),
            critical=False,
        )
        .add_extension(
            x509.ExtendedKeyUsage(
                [ExtendedKeyUsageOID.SERVER_AUTH, ExtendedKeyUsageOID.CLIENT_AUTH]
            ),
            critical=False,
        )
        .add_extension(
            x509.AuthorityKeyIdentifier.from_issuer_public_key(signer.public_key()), critical=False
        )
        .sign(signer, hashes.SHA256())
    )
    pem = key.private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.PKCS8,
        serialization.NoEncryption(),
    )
    return Pair(certificate.public_bytes(serialization.Encoding.PEM), pem)


def _alternative(name: str) -> x509.GeneralName:
    try:
        return x509.IPAddress(ip_address(name))
    except ValueError:
        return x509.DNSName(name)


def at(listener: str, nodes: Iterable[str], families: Iterable[str] = FAMILIES) -> tuple[str, ...]:
    """Subject ids of a listener on these nodes."""
    wanted = tuple(families)
    return tuple(f"{listener}/{node}/{family}" for node in nodes for family in wanted)


def every(subjects: Iterable[str], pattern: str) -> dict[str, str]:
    """The same pattern for each of these subjects."""
    return dict.fromkeys(subjects, pattern)


def address(node: str, family: str) -> str:
    """The address behind a subject id's node and family, in brackets where it is IPv6."""
    if node == "shared":
        return str(VIP4) if family == "v4" else f"[{VIP6}]"
    one = machine(node)
    return str(one.v4) if family == "v4" else f"[{one.v6}]"
