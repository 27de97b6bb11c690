"""Asks listeners for their TLS: handshakes of ours, one scan of all, and where that leads.

The scan is a process of its own that begins before the first case, so that it runs beside all other
questions; who needs an answer waits for its end.
"""

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Final

from readiness.model.errors import ProbeError, Unreachable
from readiness.probes import wire
from readiness.site.subjects import Endpoint, endpoints, names_beside
from readiness.systems.asker import Asker, Askers, Connections, by_itself
from readiness.systems.http.asking.routes import client_certificate
from readiness.systems.tls.asking import handshake, scan, scan_process
from readiness.systems.tls.asking.revocation_sources import Sources
from readiness.systems.tls.reading import REVOCATION, SCAN, TLS, TLS_PROFILE, NamedProfile
from readiness.systems.tls.reading.handshake import Handshake
from readiness.systems.tls.reading.revocation import Revocation
from readiness.systems.tls.reading.scan import Deployed, Profile, Scan

AT_ONCE: Final = 16  # a listener is asked some ten handshakes, one after the other


def question(connections: Connections, endpoint: Endpoint) -> handshake.Question:
    """How to ask a declared listener at one of its addresses."""
    listener, site = endpoint.listener, connections.site
    return handshake.Question(
        address=endpoint.address,
        port=listener.port,
        authority_pem=connections.authority_pem(listener.authority),
        server_name=endpoint.names[0],
        required_names=endpoint.names,
        fallback_names=names_beside(site, endpoint),
        nameless=not listener.names_only,
        starttls="postgresql" if listener.protocol == "postgresql" else None,
        client_certificate=client_certificate(site, endpoint),
    )


def _handshake(connections: Connections, endpoint: Endpoint) -> Handshake:
    return handshake.ask_question(question(connections, endpoint), datetime.now(UTC))


def _scanning(connections: Connections) -> scan_process.Scanning:
    def started() -> scan_process.Scanning:
        everyone = endpoints(connections.site)
        targets = [_target(connections, one) for one in everyone]
        return scan_process.Scanning(targets, [one.listener.tls_profile for one in everyone])

    return connections.kept("tls scan", started)


def _target(connections: Connections, endpoint: Endpoint) -> scan_process.Target:
    asked = question(connections, endpoint)
    return scan_process.Target(
        id=endpoint.id,
        address=asked.address,
        port=asked.port,
        server_name=asked.server_name or asked.address,
        starttls=asked.starttls,
        client_certificate=asked.client_certificate,
    )


def _scan(connections: Connections, endpoint: Endpoint) -> Scan:
    process, asked = _scanning(connections), question(connections, endpoint)
    line = process.line(endpoint.id)
    scanner = f"sslyze {process.header()['sslyze']}"
    place = (asked.address, asked.port)
    return scan.read(place, scanner, line, asked.authority_pem, datetime.now(UTC))


def _profile(connections: Connections, profile: NamedProfile) -> Profile:
    known = {one["name"]: one for one in _scanning(connections).header()["profiles"]}
    return scan.read_profile(known[profile.id])


@dataclass(frozen=True)
class _Asked:
    """What was said of every certificate that was presented, or why nothing was."""

    answers: dict[str, Revocation | ProbeError]

    def close(self) -> None:
        """End nothing: everybody was asked."""


def _revocation(connections: Connections, deployed: Deployed) -> Revocation:
    found = connections.kept("revocation", lambda: _ask_about_all(connections))
    answer = found.answers.get(
        deployed.fingerprint, Unreachable("no listener presents it any more")
    )
    if isinstance(answer, ProbeError):
        raise answer
    return answer


def _ask_about_all(connections: Connections) -> _Asked:
    """Ask about every certificate that was presented anywhere, once and all at once."""
    leaves: dict[str, tuple[scan.Presented, bytes]] = {}
    for one in endpoints(connections.site):
        try:
            line = _scanning(connections).line(one.id)
        except ProbeError:
            continue
        pem = question(connections, one).authority_pem
        for each in scan.presented(line):
            leaves.setdefault(scan.fingerprint(each.chain[0]), (each, pem))
    everybody, now = Sources(), datetime.now(UTC)

    def ask(fingerprint: str) -> Revocation:
        presented, pem = leaves[fingerprint]
        return everybody.ask(fingerprint, presented.chain, pem, now)

    return _Asked(dict(zip(leaves, wire.at_once(ask, leaves, AT_ONCE), strict=True)))


ASKERS: Final[Askers] = (
    Asker(TLS, _handshake, at_once=AT_ONCE),
    # One process looks at all of them and ends once, so that more threads have nothing to do.
    Asker(SCAN, _scan, at_once=1, early=True),
    Asker(TLS_PROFILE, _profile, together=by_itself),
    Asker(REVOCATION, _revocation, together=by_itself),
)
