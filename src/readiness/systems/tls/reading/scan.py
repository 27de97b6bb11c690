"""What a scan of listeners found: suites, key exchange, known weaknesses, certificates.

What it could not find out is None here, with the reason in `unknown`; a suite that nobody answered
for is no refusal.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Annotated, Final

from readiness.systems.marks import VOLATILE
from readiness.systems.tls.reading.revocation import Answer

# Suites whose key exchange leaves no key behind that could open a recorded connection later.
_FORWARD: Final = re.compile(r"^TLS_(EC)?DHE_")
_ANONYMOUS_OR_EXPORT: Final = re.compile(r"_(anon|NULL|EXPORT)", re.IGNORECASE)
# An elliptic curve over a prime field, by the bits of that field.
_PRIME_CURVE: Final = re.compile(r"^(?:secp|brainpoolP|prime)(\d+)")
_MONTGOMERY: Final = {"X25519": 255, "X448": 448}


@dataclass(frozen=True)
class Profile:
    """What one of Mozilla's server-side TLS profiles allows."""

    name: str
    version: str
    versions: tuple[str, ...]
    suites: tuple[str, ...]
    """IANA's names, TLS 1.3's among them."""
    curves: tuple[str, ...]
    dh_bits: int | None
    """The least size of a finite-field group; None where no such key exchange is allowed."""

    def __str__(self) -> str:
        return f"Mozilla's {self.name} profile {self.version}"

    @property
    def curve_bits(self) -> int:
        """The field of the weakest curve that it allows, in bits."""
        return min(bits for one in self.curves if (bits := field_bits(one)))


@dataclass(frozen=True)
class Deployed:
    """One certificate that a listener presents."""

    fingerprint: str
    """SHA-256 over the leaf's DER form, hexadecimal."""
    staple: Answer | None
    """The OCSP answer that came with it; None where none did."""

    @property
    def id(self) -> str:
        """Its fingerprint."""
        return self.fingerprint


@dataclass(frozen=True)
class Scan:
    """What one listener accepts, at one address."""

    address: str
    port: int
    scanner: Annotated[str, VOLATILE]
    """Who scanned, with its version."""
    suites: Mapping[str, tuple[str, ...] | None]
    """Each version of SSL and TLS: the suites accepted with it, none where it is refused."""
    dh_bits: int | None
    """The smallest finite-field group that a suite was accepted with; None where there was none."""
    curves: tuple[str, ...] | None
    """Accepted for the key exchange: in the newest version, and wherever else they were seen."""
    compression: bool | None
    secure_renegotiation: bool | None
    client_renegotiation: bool | None
    heartbleed: bool | None
    early_ccs: bool | None
    robot: bool | None
    fallback_scsv: bool | None
    deployed: Annotated[tuple[Deployed, ...], VOLATILE]
    unknown: Annotated[Mapping[str, str], VOLATILE]
    """What could not be found out, and why."""

    @property
    def accepted(self) -> frozenset[str]:
        """Every suite that is accepted with any version."""
        return frozenset(one for some in self.suites.values() for one in some or ())

    @property
    def untold(self) -> tuple[str, ...]:
        """The versions of which not every suite was answered for: what is missing is no refusal."""
        return tuple(
            version
            for version, suites in self.suites.items()
            if suites is None or version in self.unknown
        )


def field_bits(curve: str) -> int | None:
    """The size of a curve's prime field in bits; None for binary fields and unknown curves."""
    if curve in _MONTGOMERY:
        return _MONTGOMERY[curve]
    found = _PRIME_CURVE.match(curve)
    return int(found[1]) if found else None


def keeps_no_key(suite: str) -> bool:
    """Whether a suite has forward secrecy and an authenticated, encrypted key exchange."""
    if _ANONYMOUS_OR_EXPORT.search(suite):
        return False
    # TLS 1.3's names tell no key exchange: it is always an ephemeral one (RFC 8446, 1.2).
    return bool(_FORWARD.match(suite)) or "_WITH_" not in suite
