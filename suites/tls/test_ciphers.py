"""What every TLS listener accepts: suites, key exchange, and what is known to be broken."""

from collections.abc import Iterator

from readiness import Ask, Fact, Found, Severity, check, derive, holds
from readiness.site.subjects import TLS_LISTENER, Endpoint
from readiness.systems.tls.reading import SCAN, TLS_PROFILE, NamedProfile
from readiness.systems.tls.reading.scan import Profile, Scan, field_bits, keeps_no_key

NONE = "none"
# What is wrong when it is so, and what is when it is not; by the field that tells.
WRONG_WHEN_SO = {
    "compression": "compression (CRIME)",
    "client_renegotiation": "renegotiation whenever a client wants",
    "heartbleed": "Heartbleed",
    "early_ccs": "an early ChangeCipherSpec (CVE-2014-0224)",
    "robot": "an RSA padding oracle (ROBOT)",
}
WRONG_WHEN_NOT = {
    "secure_renegotiation": "insecure renegotiation (RFC 5746)",
    "fallback_scsv": "no protection from downgrades (RFC 7507)",
}


def facts(scan: Found[Scan], profile: Found[Profile]) -> Iterator[Fact[object]]:
    """What is compared with the profile: `none`, what is wrong, or None where nobody could tell."""
    found, allowed = scan.reading, profile.reading
    others = found.accepted - set(allowed.suites)
    spoken = {version for version, suites in found.suites.items() if suites}
    weak = {one for one in found.curves or () if is_weak(one, allowed)}
    untold = ", ".join(found.untold)

    def fact(what: str, wrong: set[str], unknown: str) -> Fact[object]:
        name = f"{what} that {allowed} does not allow"
        if unknown and not wrong:
            name = f"{name} (not found out: {unknown})"
        value = sorted(wrong) or (None if unknown else NONE)
        return derive(name, scan.subject, value, scan, profile)

    yield fact("versions", spoken - set(allowed.versions), untold)
    yield fact("suites without forward secrecy", {one for one in others if open_(one)}, untold)
    yield fact("suites", {one for one in others if not open_(one)}, untold)
    yield fact("groups", short_groups(found, allowed), untold)
    yield fact("curves", weak, "" if found.curves is not None else why_not(found, "curves"))


def open_(suite: str) -> bool:
    """Whether a recorded connection can be read later by who gets the key, or by anyone."""
    return not keeps_no_key(suite)


def is_weak(curve: str, allowed: Profile) -> bool:
    """Whether a curve is weaker than the weakest that is allowed.

    A profile lists what it prefers. Stronger curves (P-521, X448) are no weakness, and Go's TLS,
    which etcd is built with, offers no way to leave P-521 out.
    """
    bits = field_bits(curve)
    return curve not in allowed.curves and (bits is None or bits < allowed.curve_bits)


def short_groups(found: Scan, allowed: Profile) -> set[str]:
    """The smallest finite-field group, where it is smaller than allowed."""
    if found.dh_bits is None or allowed.dh_bits is None or found.dh_bits >= allowed.dh_bits:
        return set()
    return {f"{found.dh_bits} bits"}


def why_not(found: Scan, what: str) -> str:
    """Why something of a scan is missing."""
    return "; ".join(f"{name}: {why}" for name, why in found.unknown.items()) or f"no {what}"


def weaknesses(scan: Found[Scan]) -> Fact[object]:
    """What is known to be broken, whatever the profile."""
    found = scan.reading
    told = {words: getattr(found, name) for name, words in WRONG_WHEN_SO.items()}
    told |= {
        words: None if getattr(found, name) is None else not getattr(found, name)
        for name, words in WRONG_WHEN_NOT.items()
    }
    wrong = sorted(words for words, so in told.items() if so)
    untold = [words for words, so in told.items() if so is None]
    name = "known weaknesses"
    if untold and not wrong:
        name = f"{name} (not found out: {', '.join(untold)}; {why_not(found, 'reason')})"
    return scan.fact(name, wrong or (None if untold else NONE))


def is_wrong(fact: Fact[object]) -> bool:
    """Whether something was found that speaks against it: that goes before what is unknown."""
    return fact.value not in (None, NONE)


@check(
    "TLS-007",
    "Every node accepts only what its Mozilla profile allows, and nothing known to be broken",
    clauses=("sec.tls/ciphers",),
    each=TLS_LISTENER,
    severity=Severity.HIGH,
    gate_only=True,
    risk="What goes over the line can be read or changed, now or by whoever gets the key later.",
    reads=(
        "some 500 TLS handshakes by sslyze, five at a time, one for each suite and curve",
        "attempts to renegotiate, and what tells Heartbleed, ROBOT and an early ChangeCipherSpec",
    ),
    rights="network access to the listener; its client certificate where it asks for one",
    remedy="set this node's suites and curves to its profile's and reload the service; where the "
    "site wants another profile, declare `tls_profile` for the listener",
)
def test_only_what_the_profile_allows(tls_listener: Endpoint, ask: Ask) -> None:
    """Versions, suites, key exchange: the profile's. Heartbleed, ROBOT, CRIME and the like: no."""
    scan = ask(SCAN, tls_listener)
    profile = ask(TLS_PROFILE, NamedProfile(tls_listener.listener.tls_profile))
    everything = [*facts(scan, profile), weaknesses(scan)]
    for one in sorted(everything, key=is_wrong, reverse=True):
        assert holds(one, "==", NONE)
    # The control: who was refused everything has shown nothing of what is accepted.
    assert holds(scan.fact("suites accepted", len(scan.reading.accepted) or None), ">=", 1)
