"""Reads X.509 certificates: names, validity, key, signature; and the roots of a store.

Pure functions over DER and PEM bytes.
"""

import hashlib
from datetime import datetime

from cryptography import x509
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import dsa, ec, ed448, ed25519, rsa
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from readiness.model.errors import NotUnderstood, UsageError
from readiness.systems.tls.certificate import Certificate, Key

_SECONDS_A_DAY = 86_400
# NIST SP 800-57 part 1, table 2: modulus length -> security strength, both in bits.
_FINITE_FIELD_STRENGTH = ((15360, 256), (7680, 192), (3072, 128), (2048, 112), (1024, 80))


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
