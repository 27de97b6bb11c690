"""What a certificate says, and whether a client's own was taken."""

import ipaddress
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Annotated

from readiness.systems.marks import BOUNDED, VOLATILE


class Access(StrEnum):
    """Whether the server took our client certificate, or took us without one."""

    GRANTED = "granted"
    REFUSED = "refused"
    UNKNOWN = "unknown"


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

    # Whom it is for is in its names; an intermediate is chosen anew at each renewal.
    subject: Annotated[str, VOLATILE]
    issuer: Annotated[str, VOLATILE]
    serial: Annotated[str, VOLATILE]
    """Hexadecimal."""
    fingerprint: Annotated[str, VOLATILE]
    """SHA-256 over the DER form, hexadecimal."""
    dns_names: tuple[str, ...]
    """`dNSName` entries of the subject alternative name, as written."""
    ip_names: tuple[str, ...]
    """`iPAddress` entries of the subject alternative name, in canonical text."""
    not_before: Annotated[datetime, VOLATILE]
    not_after: Annotated[datetime, BOUNDED]
    days_left: Annotated[float, BOUNDED]
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
