"""What TLS-007 and TLS-008 make of a scan: red, green or undecided, each for its reason."""

import json
import runpy
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from readiness.evidence.claim import CURRENT, Answer, Claim, Found
from readiness.model.errors import NotRun
from readiness.systems.tls.asking.scan import read, read_profile
from readiness.systems.tls.reading.revocation import Answer as Said
from readiness.systems.tls.reading.revocation import Revocation
from readiness.systems.tls.reading.scan import Deployed, Scan

ROOT = Path(__file__).parents[2]
CIPHERS = runpy.run_path(str(ROOT / "suites/tls/test_ciphers.py"))
REVOKED = runpy.run_path(str(ROOT / "suites/tls/test_revocation.py"))
RECORDED = ROOT / "tests/recorded/tls-scan/lab.jsonl"
HEADER, *LINES = map(json.loads, RECORDED.read_text().splitlines())
PROFILE = read_profile(HEADER["profiles"][0])
LISTENER = SimpleNamespace(tls_profile="intermediate")
NODE = SimpleNamespace(id="portal/edge1/v4", listener=LISTENER)
NOW = datetime(2026, 11, 30, tzinfo=UTC)
# Nothing is stapled in the recording, so nobody's certificate is looked for.
SCAN = read(("198.18.1.11", 443), "sslyze 6.3.1", LINES[0], b"", NOW)
ALLOWED = "that Mozilla's intermediate profile 5.7 does not allow"


@pytest.fixture
def claims() -> Iterator[list[Claim]]:
    """What the check claims."""
    said: list[Claim] = []
    token = CURRENT.set(SimpleNamespace(claim=lambda claim, **_: said.append(claim)))
    yield said
    CURRENT.reset(token)


def asked(*readings: Any) -> Callable[..., Found[Any]]:
    """Who asks gets these, in turn."""
    numbered = iter(enumerate(readings, 1))

    def ask(*_: object) -> Found[Any]:
        number, reading = next(numbered)
        return Found(reading, NODE.id, number)

    return ask


def look(scan: Scan) -> None:
    """Put a scan to TLS-007."""
    CIPHERS["test_only_what_the_profile_allows"](NODE, asked(scan, PROFILE))


def accepting(version: str, *suites: str) -> Scan:
    """The lab's listener with more than it accepts."""
    return replace(SCAN, suites={**SCAN.suites, version: (*(SCAN.suites[version] or ()), *suites)})


def test_the_lab_is_green(claims: list[Claim]) -> None:
    """Every claim about the profile rests on the scan and on what the profile says."""
    look(SCAN)
    assert {one.answer for one in claims} == {Answer.YES}
    assert [one.rests_on for one in claims].count((1, 2)) == 5


@pytest.mark.parametrize(
    ("scan", "reason"),
    [
        (accepting("TLSv1.2", "TLS_RSA_WITH_AES_128_GCM_SHA256"),
         f"without forward secrecy {ALLOWED} to be none, found TLS_RSA_WITH_AES_128_GCM_SHA256"),
        (accepting("TLSv1.2", "TLS_ECDHE_RSA_WITH_AES_256_CBC_SHA"),
         f"suites {ALLOWED} to be none, found TLS_ECDHE_RSA_WITH_AES_256_CBC_SHA"),
        (accepting("SSLv3", "TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256"),
         f"versions {ALLOWED} to be none, found SSLv3"),
        (replace(SCAN, dh_bits=1024), f"groups {ALLOWED} to be none, found 1024 bits"),
        (replace(SCAN, curves=("X25519", "secp192r1", "sect571r1")),
         f"curves {ALLOWED} to be none, found secp192r1, sect571r1"),
        (replace(SCAN, compression=True), "found compression (CRIME)"),
        (replace(SCAN, client_renegotiation=True), "found renegotiation whenever a client wants"),
        (replace(SCAN, secure_renegotiation=False), "found insecure renegotiation (RFC 5746)"),
        (replace(SCAN, heartbleed=True), "found Heartbleed"),
        (replace(SCAN, early_ccs=True), "found an early ChangeCipherSpec (CVE-2014-0224)"),
        (replace(SCAN, robot=True, heartbleed=None), "found an RSA padding oracle (ROBOT)"),
        (replace(SCAN, fallback_scsv=False), "found no protection from downgrades (RFC 7507)"),
    ],
)  # fmt: skip
def test_what_is_wrong_is_red(scan: Scan, reason: str, claims: list[Claim]) -> None:
    """The reason names what was found, and the profile with its version."""
    with pytest.raises(AssertionError):
        look(scan)
    assert claims[-1].answer is Answer.NO
    assert reason in str(claims[-1])


def test_what_is_wrong_goes_before_what_is_unknown(claims: list[Claim]) -> None:
    """A version that nobody told of does not hide a suite that was accepted."""
    scan = accepting("TLSv1.2", "TLS_RSA_WITH_AES_128_GCM_SHA256")
    with pytest.raises(AssertionError):
        look(replace(scan, suites={**scan.suites, "SSLv2": None}))
    assert claims[0].answer is Answer.NO


@pytest.mark.parametrize(
    "scan",
    [
        replace(SCAN, suites={**SCAN.suites, "SSLv3": None}),
        replace(SCAN, unknown={"TLSv1": "no answer to 3 handshakes"}),
        replace(SCAN, curves=None, unknown={"elliptic_curves": "TlsHandshakeTimedOut"}),
        replace(SCAN, robot=None),
        replace(SCAN, secure_renegotiation=None),
        replace(SCAN, suites=dict.fromkeys(SCAN.suites, ())),
    ],
)
def test_what_nobody_could_tell_is_not_green(scan: Scan, claims: list[Claim]) -> None:
    """Neither red nor green; a listener that refused everything has shown nothing."""
    with pytest.raises(AssertionError):
        look(scan)
    assert claims[-1].answer is Answer.UNKNOWN


def test_a_stronger_curve_is_no_weakness(claims: list[Claim]) -> None:
    """Go offers P-521 whatever its server wants, OpenSSL X448."""
    look(replace(SCAN, curves=("X25519", "X448", "secp521r1", "brainpoolP512r1")))
    assert {one.answer for one in claims} == {Answer.YES}


GOOD = Said("OCSP", "http://ocsp", "good")
LEAF = Revocation("ff", "CN=portal", "0a", 90.0, must_staple=False, answers=(GOOD,))
OBJECTIVES = SimpleNamespace(certificate_life_without_revocation=None)
CRL_SAYS_REVOKED = Said("CRL", "http://crl", "revoked")
OLD = Said("OCSP", "staple", "good", "it ended at 2026-11-27T00:00:00+00:00")
UNREACHED = Said("OCSP", "http://ocsp", problem="it is not reached: ConnectionError")


def ask(leaf: Revocation, staple: Said | None = None, declared: float | None = None) -> None:
    """Put a certificate to TLS-008."""
    scan = replace(SCAN, deployed=(Deployed("ff", staple),))
    objectives = SimpleNamespace(certificate_life_without_revocation=declared)
    REVOKED["test_nothing_is_revoked"](NODE, asked(scan, leaf), objectives)


@pytest.mark.parametrize(
    ("leaf", "staple", "declared"),
    [
        (LEAF, None, None),
        (replace(LEAF, answers=(UNREACHED, replace(GOOD, kind="CRL"))), None, None),
        (replace(LEAF, answers=(UNREACHED,)), replace(GOOD, source="staple"), None),
        (replace(LEAF, must_staple=True), replace(GOOD, source="staple"), None),
        (replace(LEAF, life_days=6.7, answers=()), None, None),
        (replace(LEAF, life_days=6.7, answers=(UNREACHED,)), None, None),
        (replace(LEAF, answers=()), None, 90 * 86400.0),
    ],
)
def test_what_is_good_is_green(
    leaf: Revocation, staple: Said | None, declared: float | None, claims: list[Claim]
) -> None:
    """Somebody says so, the life is short, or the site has declared how long it may be."""
    ask(leaf, staple, declared)
    assert {one.answer for one in claims} == {Answer.YES}


@pytest.mark.parametrize(
    ("leaf", "staple", "declared", "reason"),
    [
        (replace(LEAF, answers=(GOOD, CRL_SAYS_REVOKED)), None, None,
         "who says that the certificate of CN=portal is revoked to be none, found CRL http://crl"),
        (LEAF, replace(GOOD, source="staple", status="revoked"), None, "found OCSP staple"),
        (LEAF, OLD, None, "the stapled answer to be none, found it ended at 2026-11-27"),
        (LEAF, replace(GOOD, source="staple", status="unknown"), None, "found it says unknown"),
        (replace(LEAF, must_staple=True), None, None, "found there is none, and the certificate"),
        (replace(LEAF, life_days=6, answers=(CRL_SAYS_REVOKED,)), None, None, "found CRL"),
        (replace(LEAF, answers=()), None, 30 * 86400.0, "at most 30, found 90"),
    ],
)  # fmt: skip
def test_what_is_revoked_or_out_of_force_is_red(
    leaf: Revocation,
    staple: Said | None,
    declared: float | None,
    reason: str,
    claims: list[Claim],
) -> None:
    """Whoever else says that it is good, and however short its life is."""
    with pytest.raises(AssertionError):
        ask(leaf, staple, declared)
    assert claims[-1].answer is Answer.NO
    assert reason in str(claims[-1])


@pytest.mark.parametrize(
    "answer", [UNREACHED, replace(GOOD, status="unknown"), replace(OLD, source="http://ocsp")]
)
def test_nobody_who_can_tell_is_undecided(answer: Said, claims: list[Claim]) -> None:
    """The reason says who did not, and why."""
    with pytest.raises(AssertionError):
        ask(replace(LEAF, answers=(answer,)))
    assert claims[-1].answer is Answer.UNKNOWN
    assert "http://ocsp: " in str(claims[-1])


def test_a_certificate_that_names_nobody_asks_for_a_word(claims: list[Claim]) -> None:
    """Neither red nor green: the key is named that settles it."""
    with pytest.raises(NotRun) as refused:
        ask(replace(LEAF, answers=()))
    assert "`certificate_life_without_revocation`" in refused.value.declare
    assert "names nobody" in str(refused.value)


def test_no_certificate_is_undecided(claims: list[Claim]) -> None:
    """Nothing was seen that could be asked about."""
    scan = replace(SCAN, deployed=())
    with pytest.raises(AssertionError):
        REVOKED["test_nothing_is_revoked"](NODE, asked(scan, LEAF), OBJECTIVES)
    assert claims[-1].answer is Answer.UNKNOWN
