"""Reads what a TLS server says in the clear: the version it picked, its alert, what it asks for.

Pure functions over the first bytes of a connection, server to client (RFC 5246, RFC 8446). They
need no key: the ServerHello is never encrypted, and neither is a refusal that comes before it.
"""

from collections.abc import Iterator
from dataclasses import dataclass

_CHANGE_CIPHER_SPEC, _ALERT, _HANDSHAKE, _APPLICATION_DATA = 20, 21, 22, 23
_CONTENT_TYPES = {_CHANGE_CIPHER_SPEC, _ALERT, _HANDSHAKE, _APPLICATION_DATA}
_SERVER_HELLO, _CERTIFICATE_REQUEST = 2, 13
_SUPPORTED_VERSIONS = 43
_FATAL = 2
_RECORD_HEADER, _MESSAGE_HEADER, _ALERT_LENGTH = 5, 4, 2

_VERSIONS = {
    0x0300: "SSLv3",
    0x0301: "TLSv1",
    0x0302: "TLSv1.1",
    0x0303: "TLSv1.2",
    0x0304: "TLSv1.3",
}

ALERTS = {
    10: "unexpected_message",
    20: "bad_record_mac",
    22: "record_overflow",
    40: "handshake_failure",
    42: "bad_certificate",
    43: "unsupported_certificate",
    44: "certificate_revoked",
    45: "certificate_expired",
    46: "certificate_unknown",
    47: "illegal_parameter",
    48: "unknown_ca",
    49: "access_denied",
    50: "decode_error",
    51: "decrypt_error",
    70: "protocol_version",
    71: "insufficient_security",
    80: "internal_error",
    86: "inappropriate_fallback",
    90: "user_canceled",
    109: "missing_extension",
    110: "unsupported_extension",
    112: "unrecognized_name",
    113: "bad_certificate_status_response",
    115: "unknown_psk_identity",
    116: "certificate_required",
    120: "no_application_protocol",
}
"""Alert descriptions by number (IANA, TLS Alerts)."""


@dataclass(frozen=True)
class ServerWords:
    """What the server said in the clear."""

    is_tls: bool
    """False once bytes came that are no TLS record."""
    version: str
    """The version that a ServerHello picked, such as `TLSv1.2`; empty without one."""
    alert: str
    """Name of the first fatal alert in the clear; empty without one."""
    asks_certificate: bool
    """A CertificateRequest was seen (visible up to TLS 1.2 only)."""


def read_words(heard: bytes) -> ServerWords:
    """Read the start of what a server sent; a torn last record is left out."""
    is_tls, version, alert, asks = True, "", "", False
    handshake = bytearray()
    for kind, body in _records(heard):
        if kind not in _CONTENT_TYPES:
            is_tls = False
        if kind in (_CHANGE_CIPHER_SPEC, _APPLICATION_DATA) or not is_tls:
            break
        if kind == _HANDSHAKE:
            handshake += body
        elif len(body) == _ALERT_LENGTH and body[0] == _FATAL:
            alert = ALERTS.get(body[1], f"alert {body[1]}")
            break
    for message, body in _messages(bytes(handshake)):
        if message == _SERVER_HELLO:
            version = _picked_version(body)
        asks = asks or message == _CERTIFICATE_REQUEST
    return ServerWords(is_tls, version, alert, asks)


def _records(heard: bytes) -> Iterator[tuple[int, bytes]]:
    """Yield content type and body of each whole record; type -1 for what is no record."""
    at = 0
    while at < len(heard):
        header = heard[at : at + _RECORD_HEADER]
        if header[0] not in _CONTENT_TYPES or header[1:2] not in (b"", b"\x03"):
            yield -1, b""
            return
        end = at + _RECORD_HEADER + int.from_bytes(header[3:5])
        if len(header) < _RECORD_HEADER or end > len(heard):
            return
        yield header[0], heard[at + _RECORD_HEADER : end]
        at = end


def _messages(handshake: bytes) -> Iterator[tuple[int, bytes]]:
    """Yield type and body of each whole handshake message."""
    at = 0
    while at + _MESSAGE_HEADER <= len(handshake):
        end = at + _MESSAGE_HEADER + int.from_bytes(handshake[at + 1 : at + _MESSAGE_HEADER])
        if end > len(handshake):
            return
        yield handshake[at], handshake[at + _MESSAGE_HEADER : end]
        at = end


def _picked_version(hello: bytes) -> str:
    """Return the version of a ServerHello; its extension wins (RFC 8446, 4.2.1)."""
    session = 34  # version (2) and random (32) stand before it
    extensions = session + 1 + (hello[session] if len(hello) > session else 0) + 3
    picked = int.from_bytes(hello[:2])
    at = extensions + 2
    while at + 4 <= len(hello):
        kind, length = int.from_bytes(hello[at : at + 2]), int.from_bytes(hello[at + 2 : at + 4])
        if kind == _SUPPORTED_VERSIONS:
            picked = int.from_bytes(hello[at + 4 : at + 4 + length])
        at += 4 + length
    return _VERSIONS.get(picked, f"version {picked:#06x}")
