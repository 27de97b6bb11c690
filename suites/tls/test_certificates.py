"""What every TLS listener presents on every node, by IPv4 and by IPv6."""

from collections.abc import Callable
from datetime import timedelta

from readiness.catalogue import check
from readiness.claim import Found, holds
from readiness.environment import Objectives
from readiness.model import Severity
from readiness.probes.tls import Handshake
from readiness.subjects import Endpoint

Tls = Callable[[Endpoint], Found[Handshake]]

# NIST SP 800-57 Part 1 Rev. 5, table 2: below 112 bits of strength is disallowed.
LEAST_STRENGTH = 112
WEAK_HASHES = ("md5", "sha1")
OLD_VERSIONS = ("TLSv1", "TLSv1.1")
CURRENT_VERSIONS = ("TLSv1.2", "TLSv1.3")
READS = ("TLS handshakes with the listener's address and name (SNI), no request is sent",)


def readable(found: Found[Handshake]) -> bool:
    """Claim that the listener answers and offers TLS, so that there is a certificate to judge."""
    return bool(
        holds(found.fact("an answer at its address", found.reading.answers), "==", True)
        and holds(found.fact("TLS", found.reading.tls_offered), "==", True)
        and holds(found.fact("why there is no certificate", found.reading.problem), "==", "")
    )


@check(
    "TLS-001",
    "Every node presents a chain that a client with only the declared authority can build",
    clauses=("sec.tls/chain",),
    each="tls_listener",
    severity=Severity.CRITICAL,
    risk="Clients that reach this node refuse the connection, or learn to click warnings away.",
    reads=READS,
    rights="network access to the listener; its client certificate where it asks for one",
    remedy="install the leaf with its intermediates, in order, on this node and reload its service",
)
def test_chain_is_trusted(tls_listener: Endpoint, tls: Tls) -> None:
    """A client that holds only the declared authority completes the handshake on this node."""
    found = tls(tls_listener)
    assert readable(found)
    assert holds(found.fact("trust problem", found.reading.trust_problem or "none"), "==", "none")
    assert holds(found.trusted, "==", True)


@check(
    "TLS-002",
    "Every node's certificate is issued for each name that clients use",
    clauses=("sec.tls/name",),
    each="tls_listener",
    severity=Severity.CRITICAL,
    risk="Clients that verify names refuse this node.",
    reads=READS,
    rights="network access to the listener",
    remedy="reissue the certificate with every declared name as subject alternative name",
)
def test_certificate_carries_the_names(tls_listener: Endpoint, tls: Tls) -> None:
    """The leaf's subject alternative names cover each name of the listener (RFC 6125)."""
    found = tls(tls_listener)
    assert readable(found)
    matches = found.reading.name_matches
    missing = [name for name in tls_listener.names if not matches.get(name)]
    assert holds(found.fact("names it is not issued for", missing or "none"), "==", "none")


@check(
    "TLS-003",
    "Every certificate of the presented chain lasts longer than the notice that renewal needs",
    clauses=("sec.tls/expiry",),
    each="tls_listener",
    severity=Severity.CRITICAL,
    risk="The listener goes dark on the day of expiry.",
    reads=READS,
    rights="network access to the listener",
    remedy="renew the certificate, find out why automation did not, and reload the service",
)
def test_certificate_lasts(tls_listener: Endpoint, tls: Tls, objectives: Objectives) -> None:
    """The first certificate of the chain to expire has more days left than the declared notice."""
    found = tls(tls_listener)
    assert readable(found)
    first = found.reading.first_to_expire
    notice = timedelta(seconds=objectives.certificate_notice)
    left = found.fact("days left before the chain expires", first and round(first.days_left, 2))
    assert holds(left, ">=", notice.days, until=first.not_after - notice if first else None)
    begun = found.fact(
        "certificates not yet valid",
        [one.subject for one in found.reading.chain if one.not_before > found.reading.asked_at]
        or "none",
    )
    assert holds(begun, "==", "none")


@check(
    "TLS-004",
    "Every node accepts TLS 1.2 or 1.3 and refuses everything older",
    clauses=("sec.tls/protocols",),
    each="tls_listener",
    severity=Severity.HIGH,
    risk="Old protocol versions can be attacked and fail every audit (RFC 8996).",
    reads=("TLS handshakes that offer one version each, no request is sent",),
    rights="network access to the listener",
    remedy="set the minimum version to TLS 1.2 on this node and reload its service",
)
def test_only_current_versions(tls_listener: Endpoint, tls: Tls) -> None:
    """TLS 1.0 and 1.1 are refused on positive evidence; a current version is accepted."""
    found = tls(tls_listener)
    assert readable(found)
    offers = found.reading.protocols
    for version in OLD_VERSIONS:
        answer = offers.get(version, "unknown")
        assert holds(found.fact(version, None if answer == "unknown" else answer), "==", "refused")
    accepted = [version for version in CURRENT_VERSIONS if offers.get(version) == "accepted"]
    assert holds(found.fact("current versions accepted", len(accepted)), ">=", 1)


@check(
    "TLS-005",
    "Every presented certificate has a strong key and a sound signature",
    clauses=("sec.tls/key",),
    each="tls_listener",
    severity=Severity.HIGH,
    risk="A weak key or hash lets others impersonate the listener.",
    reads=READS,
    rights="network access to the listener",
    remedy="reissue with RSA of 2048 bits or more, or an elliptic curve of 224 bits or more",
)
def test_keys_are_strong(tls_listener: Endpoint, tls: Tls) -> None:
    """The weakest key of the chain has at least 112 bits of strength; no MD5 or SHA-1 signature."""
    found = tls(tls_listener)
    assert readable(found)
    weakest = found.reading.weakest_key
    strength = found.fact("bits of strength of the weakest key", weakest and weakest.strength)
    assert holds(strength, ">=", LEAST_STRENGTH)
    hashes = found.fact("hashes", [one.signature_hash or "none" for one in found.reading.chain])
    assert holds(hashes, "without", WEAK_HASHES)
