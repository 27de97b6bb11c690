"""Reads X.509 certificates: names, validity, key, signature; and which names one is good for.

Pure functions over DER and PEM bytes.
"""

import hashlib
import ipaddress
from dataclasses import dataclass
from datetime import datetime

from cryptography import x509
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import dsa, ec, ed448, ed25519, rsa
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from readiness.errors import NotUnderstood, UsageError

_SECONDS_A_DAY = 86_400
# NIST SP 800-57 part 1, table 2: modulus length -> security strength, both in bits.
_FINITE_FIELD_STRENGTH = ((15360, 256), (7680, 192), (3072, 128), (2048, 112), (1024, 80))


@dataclass(frozen=True)
class Key:
    """A public key, comparable across kinds by its security strength."""

    type: str
    """`RSA`, `EC`, `Ed25519`, `Ed448`, `DSA`, or `unreadable`."""
    size: int
    """Length in bits: of the modulus for RSA and DSA, of the field otherwise."""
    strength: int
    """Security strength in bits by NIST SP 800-57 (RSA 2048 and EC 224 both have 112)."""


@dataclass(frozen=True)
class Certificate:
    """What one certificate says; times are in UTC."""

    subject: str
    issuer: str
    serial: str
    """Hexadecimal."""
    fingerprint: str
    """SHA-256 over the DER form, hexadecimal."""
    dns_names: tuple[str, ...]
    """`dNSName` entries of the subject alternative name, as written."""
    ip_names: tuple[str, ...]
    """`iPAddress` entries of the subject alternative name, in canonical text."""
    not_before: datetime
    not_after: datetime
    days_left: float
    """Days of 86,400 s from the reference time to `not_after`; negative once expired."""
    key: Key
    signature_hash: str
    """Such as `sha256`; empty for schemes that have none of their own (Ed25519)."""

    @property
    def names(self) -> tuple[str, ...]:
        """Every name the certificate is issued for."""
        return self.dns_names + self.ip_names

    def good_for(self, name: str) -> bool:
        """Whether the certificate is issued for this host name or IP address (RFC 9525, 6.2-6.5).

        Only the subject alternative name counts, never the common name. An address needs an
        `iPAddress` entry; a wildcard stands for exactly the whole leftmost label, with at least two
        labels behind it.
        """
        try:
            address = ipaddress.ip_address(name)
        except ValueError:
            return any(_covers(pattern, name) for pattern in self.dns_names)
        return str(address) in self.ip_names


def _covers(pattern: str, name: str) -> bool:
    pattern, name = pattern.lower(), name.lower().removesuffix(".")
    first, _, rest = pattern.partition(".")
    if first != "*":
        return pattern == name
    label, _, parent = name.partition(".")
    return bool(label) and "." in rest and "*" not in rest and parent == rest


def read_certificate(der: bytes, now: datetime) -> Certificate:
    """Read one certificate against a reference time.

    Raises:
        NotUnderstood: The bytes are no certificate, or one that breaks the standard.
    """
    try:
        found = x509.load_der_x509_certificate(der)
        dns_names, ip_names = _alternative_names(found)
        return Certificate(
            subject=found.subject.rfc4514_string(),
            issuer=found.issuer.rfc4514_string(),
            serial=f"{found.serial_number:x}",
            fingerprint=found.fingerprint(hashes.SHA256()).hex(),
            dns_names=dns_names,
            ip_names=ip_names,
            not_before=found.not_valid_before_utc,
            not_after=found.not_valid_after_utc,
            days_left=(found.not_valid_after_utc - now).total_seconds() / _SECONDS_A_DAY,
            key=_read_key(found),
            signature_hash=_signature_hash(found),
        )
    except (ValueError, x509.DuplicateExtension, x509.UnsupportedGeneralNameType) as error:
        raise NotUnderstood(f"a presented certificate cannot be read: {error}") from error


def _alternative_names(found: x509.Certificate) -> tuple[tuple[str, ...], tuple[str, ...]]:
    try:
        names = found.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    except x509.ExtensionNotFound:
        return (), ()
    addresses = names.get_values_for_type(x509.IPAddress)
    return tuple(names.get_values_for_type(x509.DNSName)), tuple(str(found) for found in addresses)


def _read_key(found: x509.Certificate) -> Key:
    """Read the key; one that the library refuses (too small, unknown curve) has no strength."""
    try:
        key = found.public_key()
    except (ValueError, UnsupportedAlgorithm):
        return Key("unreadable", 0, 0)
    match key:
        case rsa.RSAPublicKey() | dsa.DSAPublicKey():
            kind = "RSA" if isinstance(key, rsa.RSAPublicKey) else "DSA"
            return Key(kind, key.key_size, _finite_field_strength(key.key_size))
        case ec.EllipticCurvePublicKey():
            return Key("EC", key.key_size, key.key_size // 2)
        case ed25519.Ed25519PublicKey():
            return Key("Ed25519", 256, 128)
        case ed448.Ed448PublicKey():
            return Key("Ed448", 448, 224)
    return Key("unreadable", 0, 0)


def _finite_field_strength(size: int) -> int:
    return next((strength for length, strength in _FINITE_FIELD_STRENGTH if size >= length), 0)


def _signature_hash(found: x509.Certificate) -> str:
    try:
        algorithm = found.signature_hash_algorithm
    except UnsupportedAlgorithm:
        return found.signature_algorithm_oid.dotted_string
    return algorithm.name if algorithm else ""


def anchors(authority_pem: bytes) -> list[tuple[str, str]]:
    """Subject, and SHA-256 of the public key, of each root of a PEM store.

    A root that was signed anew, by itself or by another, keeps both.

    Raises:
        UsageError: The store cannot be read, or holds no self-signed certificate.
    """
    return [
        (
            one.subject.rfc4514_string(),
            "sha256:"
            + hashlib.sha256(
                one.public_key().public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
            ).hexdigest(),
        )
        for one in _roots(authority_pem)
    ]


def trust_anchors(authority_pem: bytes) -> bytes:
    """Return the self-signed certificates of a PEM store, as concatenated DER.

    Intermediates in the store are left out on purpose: with them a client would build a chain that
    the server never presented.

    Raises:
        UsageError: The store cannot be read, or holds no self-signed certificate.
    """
    return b"".join(one.public_bytes(Encoding.DER) for one in _roots(authority_pem))


def _roots(authority_pem: bytes) -> list[x509.Certificate]:
    try:
        found = x509.load_pem_x509_certificates(authority_pem)
        roots = [one for one in found if one.issuer == one.subject]
    except ValueError as error:
        raise UsageError("authority is not PEM certificates", found=str(error)) from error
    if not roots:
        raise UsageError(
            "authority holds no root",
            expected="at least one self-signed certificate",
            found=f"{len(found)} others",
        )
    return roots
