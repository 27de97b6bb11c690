"""Client settings for the TLS and HTTP probes, and the proof that this client can offer a version.

Two kinds: one that trusts a given store and nothing else, as a careful client of today would, and
one that trusts everything and offers everything, for looking at what a server presents.
"""

import functools
import ssl
import tempfile
import threading
import warnings
from datetime import UTC, datetime, timedelta
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
)
from cryptography.x509.oid import NameOID

from readiness.model.errors import AccessDenied
from readiness.probes.certificates import trust_anchors

VERSIONS = {
    "TLSv1": ssl.TLSVersion.TLSv1,
    "TLSv1.1": ssl.TLSVersion.TLSv1_1,
    "TLSv1.2": ssl.TLSVersion.TLSv1_2,
    "TLSv1.3": ssl.TLSVersion.TLSv1_3,
}
"""The versions a listener is asked for, oldest first."""

KINDS = ("aRSA", "aECDSA")
"""How a server proves its identity up to TLS 1.2, as OpenSSL names it: each kind of key apart."""

ClientCertificate = tuple[str, str]
"""Paths of certificate chain and private key, both PEM."""

# Silencing a warning changes the whole process, so one thread at a time may do it.
_silencing = threading.Lock()


def trusting_only(
    authority_pem: bytes,
    client_certificate: ClientCertificate | None = None,
    *,
    check_hostname: bool = False,
) -> ssl.SSLContext:
    """Return a client that trusts the roots of the given store only and builds the chain itself.

    TLS 1.2 or newer, keys and signatures of at least 112 bits, no partial chains, no common name,
    and nothing fetched: OpenSSL never follows a certificate's own links.

    Raises:
        UsageError: The store holds no root.
        AccessDenied: The client certificate cannot be loaded.
    """
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = check_hostname
    context.hostname_checks_common_name = False
    context.verify_flags &= ~ssl.VerifyFlags.VERIFY_X509_PARTIAL_CHAIN
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    context.set_ciphers("DEFAULT:@SECLEVEL=2")
    context.load_verify_locations(cadata=trust_anchors(authority_pem))
    _identify(context, client_certificate)
    return context


def trusting_all(
    version: str | None = None, client_certificate: ClientCertificate | None = None
) -> ssl.SSLContext:
    """Return a client that looks and never trusts: all of TLS, or one version of it.

    Raises:
        AccessDenied: The client certificate cannot be loaded.
    """
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    context.set_ciphers("ALL:@SECLEVEL=0")
    _limit(context, version)
    _identify(context, client_certificate)
    return context


def knowing_only(kind: str, context: ssl.SSLContext) -> ssl.SSLContext:
    """Have a client know one of `KINDS` only, as old ones do; such a choice ends with TLS 1.2."""
    level = context.security_level
    context.maximum_version = ssl.TLSVersion.TLSv1_2
    context.set_ciphers(f"{kind}:!eNULL:@SECLEVEL={level}")
    return context


def _limit(context: ssl.SSLContext, version: str | None) -> None:
    """Allow one version, or every version of TLS that the library still has."""
    lowest = VERSIONS[version or "TLSv1"]
    highest = VERSIONS[version or "TLSv1.3"]
    with _silencing, warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)
        context.maximum_version = highest
        context.minimum_version = lowest


def _identify(context: ssl.SSLContext, client_certificate: ClientCertificate | None) -> None:
    """Load the client certificate; a key that wants a passphrase is refused, never asked for."""
    if client_certificate is None:
        return
    certificate, key = client_certificate
    try:
        context.load_cert_chain(certificate, key, password=b"")
    except (OSError, ValueError) as error:
        raise AccessDenied(
            f"client certificate {certificate} with key {key} cannot be loaded: {error}"
        ) from error


@functools.cache
def can_offer(version: str) -> bool:
    """Whether this client really completes a handshake of this version, tried in memory.

    Without that proof a server's refusal says nothing about the server.
    """
    try:
        _shake_hands(trusting_all(version), _own_server(version))
    except (ssl.SSLError, ValueError):
        return False
    return True


def _shake_hands(client: ssl.SSLContext, server: ssl.SSLContext) -> None:
    """Complete a handshake between two contexts over two buffers, or raise `ssl.SSLError`."""
    there, back = ssl.MemoryBIO(), ssl.MemoryBIO()
    ends = [client.wrap_bio(back, there), server.wrap_bio(there, back, server_side=True)]
    for _ in range(10):  # a handshake takes at most three rounds
        for end in list(ends):
            try:
                end.do_handshake()
            except ssl.SSLWantReadError:
                continue
            ends.remove(end)
        if not ends:
            return
    raise ssl.SSLError("the handshake does not end")


def _own_server(version: str) -> ssl.SSLContext:
    """Return a server of one version with a certificate of its own."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.set_ciphers("ALL:@SECLEVEL=0")
    _limit(context, version)
    with tempfile.NamedTemporaryFile(prefix="readiness-", suffix=".pem") as file:
        Path(file.name).write_bytes(_throwaway_identity())
        context.load_cert_chain(file.name)
    return context


@functools.cache
def _throwaway_identity() -> bytes:
    """Return a key and a self-signed certificate in PEM; they serve one process in memory."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "control")])
    now = datetime.now(UTC)
    certificate = (
        x509.CertificateBuilder(name, name, key.public_key(), x509.random_serial_number())
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=1))
        .sign(key, hashes.SHA256())
    )
    secret = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    return secret + certificate.public_bytes(Encoding.PEM)
