"""Reads what a scan of listeners answered: suites, key exchange, known weaknesses, certificates.

Pure functions over the lines of `readiness.probes.tls_scan_program`, which asks. What it could not
find out is None here, with the reason in `unknown`; a suite that nobody answered for is no refusal.
"""

import base64
import binascii
import hashlib
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from readiness.errors import NotUnderstood
from readiness.probes.revocation import Answer, issuer_of, load, read_ocsp

# Suites whose key exchange leaves no key behind that could open a recorded connection later.
_FORWARD: Final = re.compile(r"^TLS_(EC)?DHE_")
_ANONYMOUS_OR_EXPORT: Final = re.compile(r"_(anon|NULL|EXPORT)", re.IGNORECASE)
_FINITE_FIELD: Final = re.compile(r"^TLS_DHE?_")
# An elliptic curve over a prime field, by the bits of that field.
_PRIME_CURVE: Final = re.compile(r"^(?:secp|brainpoolP|prime)(\d+)")
_MONTGOMERY: Final = {"X25519": 255, "X448": 448}
# What is told as yes or no, and kept so.
_TOLD: Final = (
    "compression",
    "secure_renegotiation",
    "client_renegotiation",
    "heartbleed",
    "early_ccs",
    "fallback_scsv",
)
STAPLE: Final = "staple"
"""The source of an answer that the listener itself sent."""
# ROBOT: what sslyze calls an answer; everything else that it knows is an oracle, weak or strong.
_NO_ORACLE: Final = ("NOT_VULNERABLE_NO_ORACLE", "NOT_VULNERABLE_RSA_NOT_SUPPORTED")
_INCONSISTENT: Final = "UNKNOWN_INCONSISTENT_RESULTS"


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


@dataclass(frozen=True)
class Scan:
    """What one listener accepts, at one address."""

    address: str
    port: int
    scanner: str
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
    deployed: tuple[Deployed, ...]
    unknown: Mapping[str, str]
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


@dataclass(frozen=True)
class Presented:
    """A chain as presented, leaf first, and the OCSP answer that was stapled to it; all DER."""

    chain: tuple[bytes, ...]
    staple: bytes | None


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


def read_profile(line: Mapping[str, Any]) -> Profile:
    """What a profile says, of the first line of the answers.

    Raises:
        NotUnderstood: it is none.
    """
    try:
        lists = {name: tuple(line[name]) for name in ("versions", "suites", "curves")}
        return Profile(line["name"], line["version"], dh_bits=line["dh_bits"], **lists)
    except (KeyError, TypeError) as error:
        raise NotUnderstood(f"the scanner's profile is unreadable: {error!r}") from error


def read(
    place: tuple[str, int],
    scanner: str,
    line: Mapping[str, Any],
    authority_pem: bytes,
    now: datetime,
) -> Scan:
    """What one line of the answers says of a listener.

    Args:
        place: address and port.
        scanner: who scanned, with its version.
        line: as `readiness.probes.tls_scan_program` writes it.
        authority_pem: who may have issued what it presents, besides who is in the chain.
        now: the time at which a stapled answer has to be in force.

    Raises:
        NotUnderstood: it is no such line.
    """
    try:
        deployed = tuple(_deployed(one, authority_pem, now) for one in presented(line))
        return _read(place, scanner, line, deployed)
    except (KeyError, TypeError, AttributeError, binascii.Error) as error:
        raise NotUnderstood(f"the scanner's answer is unreadable: {error!r}") from error


def _deployed(one: Presented, authority_pem: bytes, now: datetime) -> Deployed:
    answer = None
    if one.staple is not None:
        leaf = load(one.chain[0])
        issuer = issuer_of(leaf, one.chain[1:], authority_pem)
        answer = read_ocsp(one.staple, STAPLE, leaf, issuer, now)
    return Deployed(fingerprint(one.chain[0]), answer)


def _read(
    place: tuple[str, int], scanner: str, line: Mapping[str, Any], deployed: tuple[Deployed, ...]
) -> Scan:
    unknown = dict(line["errors"])
    offered = {version: _suites(version, one, unknown) for version, one in line["suites"].items()}
    accepted = [one for found in line["suites"].values() if found for one in found["accepted"]]
    groups = [one["bits"] for one in accepted if _FINITE_FIELD.match(one["name"]) and one["bits"]]
    robot = line["robot"]
    if robot == _INCONSISTENT:
        unknown["robot"] = "it answers the same question in different ways"
    return Scan(
        *place,
        scanner=scanner,
        suites=offered,
        dh_bits=min(groups, default=None),
        curves=_curves(line["curves"], accepted),
        robot=None if robot in {None, _INCONSISTENT} else robot not in _NO_ORACLE,
        deployed=deployed,
        unknown=unknown,
        **{name: line[name] for name in _TOLD},
    )


def _suites(
    version: str, found: Mapping[str, Any] | None, unknown: dict[str, str]
) -> tuple[str, ...] | None:
    if found is None:
        return None
    names = tuple(sorted(one["name"] for one in found["accepted"]))
    if found["silent"]:
        unknown[version] = f"no answer to {found['silent']} handshakes"
        return names or None
    return names


def _curves(
    told: list[str] | None, accepted: Iterable[Mapping[str, Any]]
) -> tuple[str, ...] | None:
    """What was told of the newest version, and what suites of any version came with."""
    used = {one["curve"] for one in accepted if one["curve"]}
    return tuple(sorted({*(told or ()), *used})) if told is not None or used else None


def presented(line: Mapping[str, Any]) -> tuple[Presented, ...]:
    """The chains that a listener presents, each with what is stapled to it."""
    return tuple(
        Presented(
            tuple(base64.b64decode(der, validate=True) for der in one["certificates"]),
            None if one["staple"] is None else base64.b64decode(one["staple"], validate=True),
        )
        for one in line["chains"] or ()
        if one["certificates"]
    )


def fingerprint(der: bytes) -> str:
    """SHA-256 of a certificate in hexadecimal."""
    return hashlib.sha256(der).hexdigest()
