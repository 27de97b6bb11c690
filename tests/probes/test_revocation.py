"""What OCSP answers and lists say of a certificate, and when they say nothing."""

import http.server
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime, timedelta

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509 import ocsp
from cryptography.x509.oid import AuthorityInformationAccessOID, ExtendedKeyUsageOID
from pki import NOW, Hierarchy, Identity, days, issue

from readiness.systems.tls.asking.revocation import (
    UNSIGNED,
    issuer_of,
    must_staple,
    read_certificate,
    read_crl,
    read_ocsp,
    sources,
)
from readiness.systems.tls.asking.revocation_sources import Sources
from readiness.systems.tls.reading.revocation import Answer

HOUR = timedelta(hours=1)
LIST = "http://ca.example/list.crl"


def uri(text: str) -> x509.GeneralName:
    """A web address as certificates hold it."""
    return x509.UniformResourceIdentifier(text)


def responder(url: str) -> x509.AuthorityInformationAccess:
    """The extension that names an OCSP responder."""
    method = AuthorityInformationAccessOID.OCSP
    return x509.AuthorityInformationAccess([x509.AccessDescription(method, uri(url))])


def list_at(*urls: str) -> x509.CRLDistributionPoints:
    """The extension that names one list, under these addresses."""
    names = [uri(url) for url in urls]
    return x509.CRLDistributionPoints([x509.DistributionPoint(names, None, None, None)])


@pytest.fixture(scope="module")
def leaf(pki: Hierarchy) -> Identity:
    """A certificate of the intermediate."""
    return issue("node", pki.intermediate, names=("node",), extensions=(list_at(LIST),))


def response(
    leaf: Identity,
    issuer: Identity,
    *,
    signer: Identity | None = None,
    status: ocsp.OCSPCertStatus = ocsp.OCSPCertStatus.GOOD,
    begins: datetime = NOW - HOUR,
    ends: datetime | None = NOW + HOUR,
    delegate: Identity | None = None,
) -> bytes:
    """An OCSP response."""
    by = delegate or signer or issuer
    builder = (
        ocsp.OCSPResponseBuilder()
        .add_response(
            cert=leaf.certificate,
            issuer=issuer.certificate,
            algorithm=hashes.SHA1(),  # noqa: S303 - what clients ask with
            cert_status=status,
            this_update=begins,
            next_update=ends,
            revocation_time=begins if status is ocsp.OCSPCertStatus.REVOKED else None,
            revocation_reason=None,
        )
        .responder_id(ocsp.OCSPResponderEncoding.HASH, by.certificate)
    )
    if delegate:
        builder = builder.certificates([delegate.certificate])
    return builder.sign(by.key, hashes.SHA256()).public_bytes(Encoding.DER)


def asked(der: bytes, leaf: Identity, issuer: Identity) -> Answer:
    """What a response says now."""
    return read_ocsp(der, "http://ocsp.example", leaf.certificate, issuer.certificate, NOW)


def test_a_good_answer_counts(pki: Hierarchy, leaf: Identity) -> None:
    """Signed by the issuer, about this certificate, in force."""
    answer = asked(response(leaf, pki.intermediate), leaf, pki.intermediate)
    assert (answer.status, answer.in_force) == ("good", True)


@pytest.mark.parametrize(
    ("status", "word"),
    [(ocsp.OCSPCertStatus.REVOKED, "revoked"), (ocsp.OCSPCertStatus.UNKNOWN, "unknown")],
)
def test_other_answers_count_as_they_are(
    pki: Hierarchy, leaf: Identity, status: ocsp.OCSPCertStatus, word: str
) -> None:
    """Revoked is revoked, and unknown is not good."""
    answer = asked(response(leaf, pki.intermediate, status=status), leaf, pki.intermediate)
    assert (answer.status, answer.in_force) == (word, True)


def test_an_answer_that_has_ended_does_not_count(pki: Hierarchy, leaf: Identity) -> None:
    """It is told when it ended."""
    old = response(leaf, pki.intermediate, begins=NOW - 3 * HOUR, ends=NOW - HOUR)
    answer = asked(old, leaf, pki.intermediate)
    assert answer.problem == f"it ended at {(NOW - HOUR).isoformat()}"


def test_an_answer_of_tomorrow_does_not_count(pki: Hierarchy, leaf: Identity) -> None:
    """A clock that runs ahead by more than clocks do has signed it."""
    early = response(leaf, pki.intermediate, begins=days(1), ends=days(2))
    assert asked(early, leaf, pki.intermediate).problem.startswith("it begins at")


def test_anybody_can_sign_but_only_the_issuer_counts(pki: Hierarchy, leaf: Identity) -> None:
    """Signed by a stranger under the issuer's name it is worth nothing."""
    stranger = issue("stranger", is_authority=True)
    forged = response(leaf, pki.intermediate, signer=stranger)
    assert asked(forged, leaf, pki.intermediate).problem == UNSIGNED


def test_whom_the_issuer_authorised_counts(pki: Hierarchy, leaf: Identity) -> None:
    """A responder's own certificate has to be for that (RFC 6960, 4.2.2.2)."""
    signing = x509.ExtendedKeyUsage([ExtendedKeyUsageOID.OCSP_SIGNING])
    right = issue("responder", pki.intermediate, extensions=(signing,))
    wrong = issue("web server", pki.intermediate)
    old = issue("old", pki.intermediate, extensions=(signing,), start=days(-9), end=days(-2))
    answers = [
        asked(response(leaf, pki.intermediate, delegate=one), leaf, pki.intermediate)
        for one in (right, wrong, old)
    ]
    assert [one.problem for one in answers] == ["", UNSIGNED, UNSIGNED]


def test_an_answer_about_another_certificate_says_nothing(pki: Hierarchy, leaf: Identity) -> None:
    """A good answer that belongs to somebody else is none."""
    other = pki.leaf("other")
    answer = asked(response(other, pki.intermediate), leaf, pki.intermediate)
    assert answer.problem == "it is about another certificate"


def test_a_refusal_and_noise_say_nothing(pki: Hierarchy, leaf: Identity) -> None:
    """The responder's own word is told."""
    refusal = ocsp.OCSPResponseBuilder.build_unsuccessful(ocsp.OCSPResponseStatus.TRY_LATER)
    answer = asked(refusal.public_bytes(Encoding.DER), leaf, pki.intermediate)
    assert answer.problem == "the responder says: try later"
    assert asked(b"<html>", leaf, pki.intermediate).problem.startswith("it cannot be read")


def revocation_list(
    issuer: Identity,
    *revoked: int,
    ends: datetime = NOW + HOUR,
    signer: Identity | None = None,
    part: x509.IssuingDistributionPoint | None = None,
    encoding: Encoding = Encoding.DER,
) -> bytes:
    """A CRL."""
    builder = (
        x509.CertificateRevocationListBuilder()
        .issuer_name(issuer.certificate.subject)
        .last_update(NOW - 9 * HOUR)
        .next_update(ends)
    )
    for serial in revoked:
        entry = x509.RevokedCertificateBuilder().serial_number(serial).revocation_date(NOW)
        builder = builder.add_revoked_certificate(entry.build())
    if part:
        builder = builder.add_extension(part, critical=True)
    return builder.sign((signer or issuer).key, hashes.SHA256()).public_bytes(encoding)


def shard(*urls: str, authorities: bool = False) -> x509.IssuingDistributionPoint:
    """What a list says of itself that is a part of all."""
    names = [uri(url) for url in urls] or None
    return x509.IssuingDistributionPoint(
        names, None, not authorities, authorities, None, False, False
    )


def listed(content: bytes, leaf: Identity, issuer: Identity) -> Answer:
    """What a list says now."""
    return read_crl(content, LIST, leaf.certificate, issuer.certificate, NOW)


@pytest.mark.parametrize("encoding", [Encoding.DER, Encoding.PEM])
def test_who_is_not_on_the_list_is_good(pki: Hierarchy, leaf: Identity, encoding: Encoding) -> None:
    """Whatever else is on it, and as whichever text it comes."""
    answer = listed(revocation_list(pki.intermediate, 1, encoding=encoding), leaf, pki.intermediate)
    assert (answer.status, answer.in_force) == ("good", True)


def test_who_is_on_the_list_is_revoked(pki: Hierarchy, leaf: Identity) -> None:
    """By its serial number."""
    content = revocation_list(pki.intermediate, leaf.certificate.serial_number)
    assert listed(content, leaf, pki.intermediate).status == "revoked"


def test_a_list_says_nothing_that_is_old_forged_or_of_others(
    pki: Hierarchy, leaf: Identity
) -> None:
    """Each has its reason, and the part of a list that names this one counts."""
    issuer, stranger = pki.intermediate, issue("stranger", is_authority=True)
    assert "it ended" in listed(revocation_list(issuer, ends=NOW - HOUR), leaf, issuer).problem
    assert listed(revocation_list(issuer, signer=stranger), leaf, issuer).problem == UNSIGNED
    assert listed(revocation_list(pki.root), leaf, issuer).problem == UNSIGNED
    elsewhere = revocation_list(issuer, part=shard("http://ca.example/2.crl"))
    assert "another distribution point" in listed(elsewhere, leaf, issuer).problem
    others = revocation_list(issuer, part=shard(LIST, authorities=True))
    assert "other certificates" in listed(others, leaf, issuer).problem
    assert listed(revocation_list(issuer, part=shard(LIST)), leaf, issuer).in_force
    assert "cannot be read" in listed(b"<html>", leaf, issuer).problem


def test_what_a_certificate_names(pki: Hierarchy) -> None:
    """Responders and lists, one address of each list, those on the web first."""
    feature = x509.TLSFeature([x509.TLSFeatureType.status_request])
    both = issue(
        "both",
        pki.intermediate,
        extensions=(responder("http://ocsp.example"), list_at("ldap://dir", LIST), feature),
    )
    assert list(sources(both.certificate)) == [("OCSP", "http://ocsp.example"), ("CRL", LIST)]
    assert must_staple(both.certificate)
    bare = pki.leaf("bare")
    assert not list(sources(bare.certificate))
    assert not must_staple(bare.certificate)
    assert read_certificate("00", bare.certificate).life_days == pytest.approx(91)


def test_the_issuer_is_in_the_chain_or_the_authority(pki: Hierarchy, leaf: Identity) -> None:
    """Whoever signed it, whatever else is presented."""
    der = pki.intermediate.certificate.public_bytes(Encoding.DER)
    noise = pki.leaf("noise").certificate.public_bytes(Encoding.DER)
    found = issuer_of(leaf.certificate, [noise, der], pki.root.pem)
    assert found == pki.intermediate.certificate
    assert issuer_of(pki.intermediate.certificate, [], pki.root.pem) == pki.root.certificate
    assert issuer_of(leaf.certificate, [noise], pki.root.pem) is None


@dataclass
class Authority:
    """A web server that gives these contents, by path, and counts who asks."""

    contents: dict[str, bytes]
    asked: list[str] = field(default_factory=list)


@contextmanager
def serving(authority: Authority) -> Iterator[str]:
    """The address of the server while it runs."""

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            authority.asked.append(f"{self.command} {self.path}")
            if self.command == "POST":
                self.rfile.read(int(self.headers["Content-Length"]))
            body = authority.contents.get(self.path)
            self.send_response(200 if body is not None else 404)
            self.end_headers()
            self.wfile.write(body or b"")

        do_POST = do_GET  # noqa: N815 - the base's name

        def log_message(self, *_: object) -> None:
            """Say nothing."""

    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_address[1]}"
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


def chain(leaf: Identity) -> tuple[bytes, ...]:
    """What a node presents."""
    everyone = (leaf, *leaf.above)
    return tuple(one.certificate.public_bytes(Encoding.DER) for one in everyone)


def test_everybody_is_asked_and_a_list_is_fetched_once(pki: Hierarchy) -> None:
    """The responder about each certificate, the list for all of them."""
    authority = Authority({})
    with serving(authority) as url:
        names = (responder(f"{url}/ocsp"), list_at(f"{url}/list"))
        first, second = (issue(one, pki.intermediate, extensions=names) for one in "ab")
        authority.contents["/ocsp"] = response(first, pki.intermediate)
        serial = second.certificate.serial_number
        authority.contents["/list"] = revocation_list(pki.intermediate, serial)
        asking = Sources()
        found = [asking.ask(name, chain(one), pki.root.pem, NOW) for name, one in
                 (("a", first), ("b", second))]  # fmt: skip
    said = [[(one.status, one.problem) for one in each.answers] for each in found]
    assert said == [
        [("good", ""), ("good", "")],
        [("", "it is about another certificate"), ("revoked", "")],
    ]
    assert sorted(authority.asked) == ["GET /list", "POST /ocsp", "POST /ocsp"]


def test_who_does_not_answer_has_a_problem(pki: Hierarchy) -> None:
    """A refused connection and a missing page are no answer, and nothing is raised."""
    with serving(Authority({})) as url:
        extensions = (responder("http://127.0.0.1:9/"), list_at(f"{url}/list"))
        leaf = issue("node", pki.intermediate, extensions=extensions)
        found = Sources().ask("f", chain(leaf), pki.root.pem, NOW)
    assert [one.status for one in found.answers] == ["", ""]
    assert found.answers[0].problem == "it is not reached: ConnectionError"
    assert found.answers[1].problem.endswith("/list answers HTTP 404")
