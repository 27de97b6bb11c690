"""Reads what a scan of listeners answered.

Pure functions over the lines of `readiness.systems.tls.asking.scan_program`, which asks.
"""

import base64
import binascii
import hashlib
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from readiness.model.errors import NotUnderstood
from readiness.systems.tls.asking.revocation import issuer_of, load, read_ocsp
from readiness.systems.tls.reading.scan import Deployed, Profile, Scan

_FINITE_FIELD: Final = re.compile(r"^TLS_DHE?_")
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
class Presented:
    """A chain as presented, leaf first, and the OCSP answer that was stapled to it; all DER."""

    chain: tuple[bytes, ...]
    staple: bytes | None


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
        line: as `readiness.systems.tls.asking.scan_program` writes it.
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
