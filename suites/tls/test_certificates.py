"""What every TLS listener presents on every node, by IPv4 and by IPv6."""

from collections.abc import Iterator
from datetime import timedelta

from readiness import Ask, Found, Objectives, Severity, check, holds
from readiness.site.subjects import TLS_LISTENER, Endpoint
from readiness.systems.tls.reading import TLS
from readiness.systems.tls.reading.handshake import Handshake

# NIST SP 800-57 Part 1 Rev. 5, table 2: below 112 bits of strength is disallowed.
LEAST_STRENGTH = 112
WEAK_HASHES = ("md5", "sha1")
BY_KIND = "an answer to clients that know one kind of key only"
OLD_VERSIONS = ("TLSv1", "TLSv1.1")
CURRENT_VERSIONS = ("TLSv1.2", "TLSv1.3")
READS = (
    "TLS handshakes with address and name (SNI), also as one who knows RSA or ECDSA only",
    "one handshake for each further name, and one that asks for none",
)


def readable(found: Found[Handshake]) -> bool:
    """Claim that the listener answers and offers TLS, so that there is a certificate to judge."""
    return bool(
        holds(found.fact("an answer at its address", found.reading.answers), "==", True)
        and holds(found.fact("TLS", found.reading.tls_offered), "==", True)
        and holds(found.fact("why there is no certificate", found.reading.problem), "==", "")
        and holds(found.fact(BY_KIND, found.reading.kinds_answered or None), "==", True)
    )


def answers_by_name(found: Found[Handshake], endpoint: Endpoint) -> bool:
    """Claim that each further name is presented a certificate, and that none was asked for too."""
    by_name = {one.name: one for one in found.reading.by_name}
    nobody = () if endpoint.listener.names_only else (None,)
    for name in (*endpoint.names[1:], *nobody):
        one = by_name.get(name)
        known = one is not None and one.answer != "unknown"
        why = f" ({one.reason})" if one and one.reason else ""
        fact = found.fact(
            f"what who asks for {name or 'no name'} gets{why}",
            one.answer if one and known else None,
        )
        if not holds(fact, "in", ("presented",) if name else ("presented", "refused")):
            return False
    return True


def presented(found: Found[Handshake]) -> Iterator[tuple[str, Handshake]]:
    """Each certificate with its chain, and the words that tell it from the one most clients get."""
    yield "", found.reading
    for one in found.reading.further:
        if one.server_name != found.reading.server_name:
            yield f" (asked for {one.server_name or 'no name'})", one
        else:
            yield f" of its {one.leaf.key.type if one.leaf else 'second'} certificate", one


def missing_names(found: Found[Handshake], endpoint: Endpoint, one: Handshake) -> list[str]:
    """The names that it should be issued for and is not.

    Who asks for a further name gets a certificate for that; for none, one for any declared name.
    """
    if one.server_name is None:
        return [] if any(one.name_matches.values()) else list(endpoint.names)
    first = one.server_name == found.reading.server_name
    wanted = endpoint.names if first else (one.server_name,)
    return [name for name in wanted if not one.name_matches.get(name)]


@check(
    "TLS-001",
    "Every node presents a chain that a client with only the declared authority can build",
    clauses=("sec.tls/chain",),
    each=TLS_LISTENER,
    severity=Severity.CRITICAL,
    risk="Clients that reach this node refuse the connection, or learn to click warnings away.",
    reads=READS,
    rights="network access to the listener; its client certificate where it asks for one",
    remedy="install the leaf with its intermediates, in order, on this node and reload its service",
)
def test_chain_is_trusted(tls_listener: Endpoint, ask: Ask) -> None:
    """A client that holds only the declared authority completes the handshake on this node."""
    found = ask(TLS, tls_listener)
    assert readable(found)
    assert answers_by_name(found, tls_listener)
    for which, one in presented(found):
        problem = found.fact(f"trust problem{which}", one.trust_problem or "none")
        assert holds(problem, "==", "none")
        assert holds(found.fact(f"trusted{which}", one.trusted), "==", True)


@check(
    "TLS-002",
    "Every node's certificate is issued for each name that clients use",
    clauses=("sec.tls/name",),
    each=TLS_LISTENER,
    severity=Severity.CRITICAL,
    risk="Clients that verify names refuse this node.",
    reads=READS,
    rights="network access to the listener",
    remedy="reissue the certificate with every declared name as subject alternative name",
)
def test_certificate_carries_the_names(tls_listener: Endpoint, ask: Ask) -> None:
    """The leaf's subject alternative names cover each name of the listener (RFC 6125)."""
    found = ask(TLS, tls_listener)
    assert readable(found)
    assert answers_by_name(found, tls_listener)
    for which, one in presented(found):
        missing = missing_names(found, tls_listener, one)
        left = found.fact(f"names it is not issued for{which}", missing or "none")
        assert holds(left, "==", "none")


@check(
    "TLS-003",
    "Every certificate of the presented chain lasts longer than the notice that renewal needs",
    clauses=("sec.tls/expiry",),
    each=TLS_LISTENER,
    severity=Severity.CRITICAL,
    risk="The listener goes dark on the day of expiry.",
    reads=READS,
    rights="network access to the listener",
    remedy="renew the certificate, find out why automation did not, and reload the service",
)
def test_certificate_expiry(tls_listener: Endpoint, ask: Ask, objectives: Objectives) -> None:
    """The first certificate of the chain to expire has more days left than the declared notice."""
    found = ask(TLS, tls_listener)
    assert readable(found)
    assert answers_by_name(found, tls_listener)
    notice = timedelta(seconds=objectives.certificate_notice)
    for which, one in presented(found):
        first = one.first_to_expire
        name = f"days left before the chain{which} expires"
        left = found.fact(name, first and first.days_left)
        # In fractions of a day: a notice of 12 h is half of one, not none.
        until = first.not_after - notice if first else None
        assert holds(left, ">=", notice / timedelta(days=1), until=until)
        early = [each.subject for each in one.chain if each.not_before > one.asked_at]
        begun = found.fact(f"certificates not yet valid{which}", early or "none")
        assert holds(begun, "==", "none")


@check(
    "TLS-004",
    "Every node accepts TLS 1.2 or 1.3 and refuses everything older",
    clauses=("sec.tls/protocols",),
    each=TLS_LISTENER,
    severity=Severity.HIGH,
    risk="Old protocol versions can be attacked and fail every audit (RFC 8996).",
    reads=("TLS handshakes that offer one version each, no request is sent",),
    rights="network access to the listener",
    remedy="set the minimum version to TLS 1.2 on this node and reload its service",
)
def test_only_current_versions(tls_listener: Endpoint, ask: Ask) -> None:
    """TLS 1.0 and 1.1 are refused on positive evidence; a current version is accepted."""
    found = ask(TLS, tls_listener)
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
    each=TLS_LISTENER,
    severity=Severity.HIGH,
    risk="A weak key or hash lets others impersonate the listener.",
    reads=READS,
    rights="network access to the listener",
    remedy="reissue with RSA of 2048 bits or more, or an elliptic curve of 224 bits or more",
)
def test_keys_are_strong(tls_listener: Endpoint, ask: Ask) -> None:
    """The weakest key of the chain has at least 112 bits of strength; no MD5 or SHA-1 signature."""
    found = ask(TLS, tls_listener)
    assert readable(found)
    assert answers_by_name(found, tls_listener)
    for which, one in presented(found):
        weakest = one.weakest_key
        name = f"bits of strength of the weakest key{which}"
        assert holds(found.fact(name, weakest and weakest.strength), ">=", LEAST_STRENGTH)
        hashes = [each.signature_hash or "none" for each in one.chain]
        assert holds(found.fact(f"hashes{which}", hashes), "without", WEAK_HASHES)
