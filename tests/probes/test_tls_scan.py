"""Reading a scan: what sslyze 6.3.1 said of the lab's listeners, and what it could say besides."""

import json
from copy import deepcopy
from pathlib import Path
from typing import Any

import pytest
from pki import NOW, Hierarchy

from readiness.model.errors import NotUnderstood
from readiness.systems.tls.asking.scan import presented, read, read_profile
from readiness.systems.tls.reading.scan import Profile, Scan, field_bits, keeps_no_key

RECORDED = Path(__file__).parents[1] / "recorded" / "tls-scan" / "lab.jsonl"
HEADER, *LINES = map(json.loads, RECORDED.read_text().splitlines())
BY_NAME = {one["target"]: one for one in LINES}
INTERMEDIATE = read_profile(HEADER["profiles"][0])


@pytest.fixture(scope="module")
def root(pki: Hierarchy) -> bytes:
    """Some authority: nothing is stapled in the lab, so nobody is asked who issued it."""
    return pki.root.pem


def scan(line: Any, root: bytes) -> Scan:
    """A line as it is read."""
    return read(("198.18.1.11", 443), "sslyze 6.3.1", line, root, NOW)


def test_the_profile_says_its_version() -> None:
    """Named in every reason."""
    assert str(INTERMEDIATE) == "Mozilla's intermediate profile 5.7"
    assert (INTERMEDIATE.dh_bits, INTERMEDIATE.curve_bits) == (2048, 255)


@pytest.mark.parametrize("name", BY_NAME)
def test_the_lab_accepts_what_the_profile_allows(name: str, root: bytes) -> None:
    """Two or three suites with TLS 1.2, three with 1.3, nothing with what is older."""
    found = scan(BY_NAME[name], root)
    assert found.accepted <= set(INTERMEDIATE.suites)
    assert {version for version, suites in found.suites.items() if suites} == {
        "TLSv1.2",
        "TLSv1.3",
    }
    assert found.untold == ()
    assert not found.unknown
    flaws = (found.compression, found.heartbleed, found.early_ccs, found.robot)
    assert flaws == (False,) * 4
    assert found.secure_renegotiation
    assert len(found.deployed) == 1


def altered(name: str, **changes: Any) -> Any:
    """A recorded line, said otherwise."""
    return deepcopy(BY_NAME[name]) | changes


def test_silence_is_no_refusal(root: bytes) -> None:
    """For sslyze it is one; the version is untold here, and so is one that broke off."""
    line = altered("portal")
    line["suites"]["TLSv1"] = {"accepted": [], "silent": 3}
    line["suites"]["SSLv3"] = None
    line["errors"]["ssl_3_0_cipher_suites"] = "ConnectionToServerTimedOut"
    found = scan(line, root)
    assert found.untold == ("SSLv3", "TLSv1")
    assert found.unknown["TLSv1"] == "no answer to 3 handshakes"
    assert found.suites["TLSv1"] is None


@pytest.mark.parametrize(
    ("said", "oracle"),
    [
        ("NOT_VULNERABLE_NO_ORACLE", False),
        ("NOT_VULNERABLE_RSA_NOT_SUPPORTED", False),
        ("VULNERABLE_WEAK_ORACLE", True),
        ("VULNERABLE_STRONG_ORACLE", True),
        ("UNKNOWN_INCONSISTENT_RESULTS", None),
        (None, None),
    ],
)
def test_robot(root: bytes, said: str | None, *, oracle: bool | None) -> None:
    """Any oracle is one, and inconsistent answers say neither."""
    assert scan(altered("portal", robot=said), root).robot is oracle


def test_groups_and_curves_come_with_suites_too(root: bytes) -> None:
    """The smallest finite-field group counts, and a curve of TLS 1.2 that nobody asked for."""
    line = altered("postgresql")
    line["suites"]["TLSv1.2"]["accepted"] += [
        {"name": "TLS_DHE_RSA_WITH_AES_128_GCM_SHA256", "bits": 1024, "curve": None},
        {"name": "TLS_ECDHE_ECDSA_WITH_AES_128_CBC_SHA", "bits": 192, "curve": "secp192r1"},
    ]
    found = scan(line, root)
    assert found.dh_bits == 1024
    assert found.curves == ("secp192r1", "secp256r1")


@pytest.mark.parametrize(
    ("curve", "bits"),
    [
        ("X25519", 255),
        ("X448", 448),
        ("secp256r1", 256),
        ("secp521r1", 521),
        ("secp192r1", 192),
        ("brainpoolP384r1", 384),
        ("sect571r1", None),
        ("unknown-curve-with-openssl-id-7", None),
    ],
)
def test_the_field_of_a_curve(curve: str, bits: int | None) -> None:
    """Prime fields only: the others are no longer approved (NIST SP 800-186, 3.3)."""
    assert field_bits(curve) == bits


@pytest.mark.parametrize(
    ("suite", "so"),
    [
        ("TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256", True),
        ("TLS_DHE_RSA_WITH_AES_128_CBC_SHA", True),
        ("TLS_AES_128_GCM_SHA256", True),
        ("TLS_RSA_WITH_AES_128_GCM_SHA256", False),
        ("TLS_ECDH_ECDSA_WITH_AES_128_GCM_SHA256", False),
        ("TLS_ECDH_anon_WITH_AES_128_CBC_SHA", False),
        ("TLS_ECDHE_RSA_WITH_NULL_SHA", False),
        ("SSL_CK_RC4_128_WITH_MD5", False),
    ],
)
def test_which_suites_keep_no_key(suite: str, *, so: bool) -> None:
    """An ephemeral key exchange, and one that is authenticated and encrypts."""
    assert keeps_no_key(suite) is so


def test_chains_come_with_their_order() -> None:
    """Leaf first, DER as it was sent."""
    (found,) = presented(BY_NAME["portal"])
    assert [der[:1] for der in found.chain] == [b"\x30"] * 3
    assert found.staple is None


@pytest.mark.parametrize(
    "line", [{}, {"errors": {}}, {"errors": {}, "suites": {}, "chains": [{"certificates": ["%"]}]}]
)
def test_noise_is_not_understood(line: Any, root: bytes) -> None:
    """What no scanner of ours writes says nothing about a listener."""
    with pytest.raises(NotUnderstood):
        scan(line, root)


def test_a_profile_that_is_none_is_not_understood() -> None:
    """Compared with it nothing would be refused."""
    with pytest.raises(NotUnderstood):
        read_profile({"name": "intermediate", "version": "9"})


def test_a_profile_without_finite_fields() -> None:
    """The modern one names no size of such groups."""
    modern = Profile("modern", "5.7", ("TLSv1.3",), (), ("X25519",), None)
    assert modern.curve_bits == 255
