"""Whether what every TLS listener presents was revoked, and what it staples to it."""

from collections.abc import Iterator

from readiness import Ask, Fact, Found, NotRun, Objectives, Severity, check, derive, holds
from readiness.site.subjects import TLS_LISTENER, Endpoint
from readiness.systems.tls.reading import REVOCATION, SCAN
from readiness.systems.tls.reading.revocation import Answer, Revocation
from readiness.systems.tls.reading.scan import Deployed, Scan

NONE = "none"
DAY = 86_400.0
# Baseline Requirements of the CA/Browser Forum, 1.6.1 (short-lived subscriber certificate): what
# lives no longer than 7 days need not tell where its revocation is published.
SHORT_LIFE = 7 * DAY


def told(deployed: Deployed, revocation: Found[Revocation]) -> list[Answer]:
    """What everybody says of a certificate: those whom it names, and the listener's own staple."""
    staple = deployed.staple
    return [*revocation.reading.answers, *([staple] if staple else [])]


def findings(
    scan: Found[Scan], deployed: Deployed, revocation: Found[Revocation]
) -> Iterator[Fact[object]]:
    """What speaks against a certificate, whoever else says that it is good."""
    staple, found, answers = deployed.staple, revocation.reading, told(deployed, revocation)
    by = [f"{one.kind} {one.source}" for one in answers if one.in_force and one.status == "revoked"]
    name = f"who says that the certificate of {found.subject} is revoked"
    yield derive(name, scan.subject, sorted(by) or NONE, scan, revocation)
    if staple:
        wrong = staple.problem or ("" if staple.status == "good" else f"it says {staple.status}")
        yield derive("what is wrong with the stapled answer", scan.subject, wrong or NONE, scan)
    elif found.must_staple:
        missing = "there is none, and the certificate demands one"
        yield derive("what is wrong with the stapled answer", scan.subject, missing, scan)


def good(scan: Found[Scan], deployed: Deployed, revocation: Found[Revocation]) -> Fact[object]:
    """Who says, in force, that a certificate is good; None when nobody who was asked does."""
    found, answers = revocation.reading, told(deployed, revocation)
    said = [one.kind for one in answers if one.in_force and one.status == "good"]
    why = "; ".join(f"{one.kind} {one.source}: {one.problem or one.status}" for one in answers)
    name = f"answers in force that the certificate of {found.subject} is good"
    if not said:
        name = f"{name} ({why})"
    return derive(name, scan.subject, len(said) or None, scan, revocation)


def longest_life(objectives: Objectives, found: Revocation) -> float:
    """Seconds that a certificate may live which names nobody who tells of its revocation.

    Raises:
        NotRun: it lives longer than the short life that needs nobody, and nothing is declared.
    """
    declared = objectives.certificate_life_without_revocation
    if declared is None and found.life_days * DAY > SHORT_LIFE:
        raise NotRun(
            f"{found.subject}: its certificate names nobody who tells whether it was revoked, and "
            f"lives {found.life_days:.0f} days",
            declare="`certificate_life_without_revocation` among the objectives",
        )
    return max(declared or 0.0, SHORT_LIFE)


@check(
    "TLS-008",
    "No node presents a certificate that was revoked, or staples an answer that is not in force",
    clauses=("sec.tls/revocation",),
    each=TLS_LISTENER,
    severity=Severity.HIGH,
    gate_only=True,
    risk="Whoever stole the key passes for this node, or clients that ask refuse it.",
    reads=(
        "the answer that the listener staples to its handshake, by sslyze",
        "one OCSP request to each responder and one GET of each CRL that its certificate names",
    ),
    rights="network access to the listener, and to the responders and lists of its authority",
    remedy="reissue the certificate, install it on this node and reload the service; where it is "
    "the stapled answer, mend what fetches it",
)
def test_nothing_is_revoked(tls_listener: Endpoint, ask: Ask, objectives: Objectives) -> None:
    """Somebody says now that it is good and nobody that it is revoked, or its life is short."""
    scan = ask(SCAN, tls_listener)
    presented = scan.reading.deployed
    assert holds(scan.fact("certificates presented", len(presented) or None), ">=", 1)
    known = [(one, ask(REVOCATION, one)) for one in presented]
    for deployed, found in known:
        for one in findings(scan, deployed, found):
            assert holds(one, "==", NONE)
    for deployed, found in known:
        life, asked = found.reading.life_days, bool(told(deployed, found))
        if life * DAY > SHORT_LIFE and asked:
            assert holds(good(scan, deployed, found), ">=", 1)
            continue
        name = "days that its certificate lives, which names nobody to ask"
        days = derive(name, scan.subject, life, scan, found)
        assert holds(days, "<=", longest_life(objectives, found.reading) / DAY)
