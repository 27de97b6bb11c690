"""Reads what is said of a certificate's revocation: OCSP answers (RFC 6960), CRLs (RFC 5280).

Pure functions over DER.
"""

from collections.abc import Iterable, Iterator
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Final, TypeVar

from cryptography import x509
from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, ed448, ed25519, padding, rsa
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509 import ocsp
from cryptography.x509.oid import AuthorityInformationAccessOID, ExtendedKeyUsageOID

from readiness.model.errors import NotUnderstood
from readiness.systems.tls.reading.revocation import Answer, Kind, Revocation, Status

T = TypeVar("T", bound=x509.ExtensionType)

# Clocks of responders and ours may differ; clients allow about as much.
SKEW: Final = timedelta(minutes=5)
SECONDS_A_DAY: Final = 86_400
_WEB: Final = ("http://", "https://")


def load(der: bytes) -> x509.Certificate:
    """A certificate from its DER form.

    Raises:
        NotUnderstood: it is none.
    """
    try:
        return x509.load_der_x509_certificate(der)
    except ValueError as error:
        raise NotUnderstood(f"a presented certificate cannot be read: {error}") from error


def issuer_of(
    leaf: x509.Certificate, chain: Iterable[bytes], authority_pem: bytes
) -> x509.Certificate | None:
    """Who issued a certificate: of the rest of its chain, or of the declared authority."""
    for one in (*map(load, chain), *x509.load_pem_x509_certificates(authority_pem)):
        try:
            leaf.verify_directly_issued_by(one)
        except (ValueError, TypeError, InvalidSignature, UnsupportedAlgorithm):
            continue
        return one
    return None


def sources(leaf: x509.Certificate) -> Iterator[tuple[Kind, str]]:
    """The responders and lists that a certificate names, by which it can be asked for."""
    access = _extension(leaf, x509.AuthorityInformationAccess)
    for one in access or ():
        if one.access_method == AuthorityInformationAccessOID.OCSP:
            yield "OCSP", _address(one.access_location)
    for point in _extension(leaf, x509.CRLDistributionPoints) or ():
        # Several names of one point lead to the same list (RFC 5280, 4.2.1.13).
        places = [_address(name) for name in point.full_name or ()]
        web = [place for place in places if place.startswith(_WEB)]
        yield from (("CRL", place) for place in (web or places)[:1])


def _address(name: x509.GeneralName) -> str:
    return str(name.value)


def must_staple(leaf: x509.Certificate) -> bool:
    """Whether a certificate demands a stapled answer."""
    feature = _extension(leaf, x509.TLSFeature)
    return feature is not None and x509.TLSFeatureType.status_request in feature


def _extension(of: x509.Certificate, kind: type[T]) -> T | None:
    try:
        return of.extensions.get_extension_for_class(kind).value
    except x509.ExtensionNotFound:
        return None


def read_certificate(fingerprint: str, leaf: x509.Certificate) -> Revocation:
    """What a certificate itself says of its revocation; nobody was asked yet."""
    life = leaf.not_valid_after_utc - leaf.not_valid_before_utc
    return Revocation(
        fingerprint=fingerprint,
        subject=leaf.subject.rfc4514_string(),
        serial=f"{leaf.serial_number:x}",
        life_days=life.total_seconds() / SECONDS_A_DAY,
        must_staple=must_staple(leaf),
        answers=(),
    )


def ocsp_request(leaf: x509.Certificate, issuer: x509.Certificate) -> bytes:
    """The question for a responder. Its hash hides nothing; SHA-1 is what all know (RFC 5019)."""
    builder = ocsp.OCSPRequestBuilder().add_certificate(leaf, issuer, hashes.SHA1())  # noqa: S303
    return builder.build().public_bytes(Encoding.DER)


def read_ocsp(
    der: bytes, source: str, leaf: x509.Certificate, issuer: x509.Certificate | None, now: datetime
) -> Answer:
    """What an OCSP response says of a certificate."""
    answer = Answer("OCSP", source)
    if issuer is None:
        return replace(answer, problem="who issued the certificate is not known")
    try:
        response = ocsp.load_der_ocsp_response(der)
        if response.response_status is not ocsp.OCSPResponseStatus.SUCCESSFUL:
            said = response.response_status.name.lower().replace("_", " ")
            return replace(answer, problem=f"the responder says: {said}")
        mine = next((one for one in response.responses if _is_about(one, leaf, issuer)), None)
        if mine is None:
            return replace(answer, problem="it is about another certificate")
        answer = replace(
            answer,
            status=_STATUS[mine.certificate_status],
            this_update=mine.this_update_utc,
            next_update=mine.next_update_utc,
        )
        signed = _signed(response, issuer, now)
    except (ValueError, UnsupportedAlgorithm) as error:
        return replace(answer, problem=f"it cannot be read: {error}")
    return replace(answer, problem=_out_of_force(answer, now) if signed else UNSIGNED)


UNSIGNED: Final = "it is not signed by who issued the certificate"
_STATUS: Final[dict[ocsp.OCSPCertStatus, Status]] = {
    ocsp.OCSPCertStatus.GOOD: "good",
    ocsp.OCSPCertStatus.REVOKED: "revoked",
    ocsp.OCSPCertStatus.UNKNOWN: "unknown",
}


def _is_about(
    one: ocsp.OCSPSingleResponse, leaf: x509.Certificate, issuer: x509.Certificate
) -> bool:
    """Whether a single response names this certificate and this issuer."""
    mine = ocsp.OCSPRequestBuilder().add_certificate(leaf, issuer, one.hash_algorithm).build()
    return (one.serial_number, one.issuer_key_hash, one.issuer_name_hash) == (
        mine.serial_number,
        mine.issuer_key_hash,
        mine.issuer_name_hash,
    )


def _signed(response: ocsp.OCSPResponse, issuer: x509.Certificate, now: datetime) -> bool:
    """Whether the issuer signed it, or whom the issuer authorised to (RFC 6960, 4.2.2.2)."""
    delegates = (one for one in response.certificates if _is_delegate(one, issuer, now))
    return any(_verifies(response, one) for one in (issuer, *delegates))


def _is_delegate(one: x509.Certificate, issuer: x509.Certificate, now: datetime) -> bool:
    try:
        one.verify_directly_issued_by(issuer)
    except (ValueError, TypeError, InvalidSignature, UnsupportedAlgorithm):
        return False
    usage = _extension(one, x509.ExtendedKeyUsage)
    signs = usage is not None and ExtendedKeyUsageOID.OCSP_SIGNING in usage
    return signs and one.not_valid_before_utc <= now + SKEW and now <= one.not_valid_after_utc


def _verifies(response: ocsp.OCSPResponse, signer: x509.Certificate) -> bool:
    key, used = signer.public_key(), response.signature_hash_algorithm
    signature, content = response.signature, response.tbs_response_bytes
    try:
        if isinstance(key, rsa.RSAPublicKey) and used is not None:
            key.verify(signature, content, padding.PKCS1v15(), used)
        elif isinstance(key, ec.EllipticCurvePublicKey) and used is not None:
            key.verify(signature, content, ec.ECDSA(used))
        elif isinstance(key, ed25519.Ed25519PublicKey | ed448.Ed448PublicKey):
            key.verify(signature, content)
        else:
            return False
    except InvalidSignature:
        return False
    return True


def _out_of_force(answer: Answer, now: datetime) -> str:
    """Why an answer does not count at this time; empty when it does."""
    if answer.this_update and answer.this_update > now + SKEW:
        return f"it begins at {answer.this_update.isoformat()}"
    if answer.next_update and answer.next_update < now:
        return f"it ended at {answer.next_update.isoformat()}"
    return ""


def read_crl(
    content: bytes,
    source: str,
    leaf: x509.Certificate,
    issuer: x509.Certificate | None,
    now: datetime,
) -> Answer:
    """What a list of revoked certificates (DER, or PEM as some serve it) says of a certificate."""
    answer = Answer("CRL", source)
    if issuer is None:
        return replace(answer, problem="who issued the certificate is not known")
    try:
        pem = content.startswith(b"-----BEGIN")
        found = (x509.load_pem_x509_crl if pem else x509.load_der_x509_crl)(content)
        entry = found.get_revoked_certificate_by_serial_number(leaf.serial_number)
        answer = replace(
            answer,
            status="revoked" if entry is not None and not _taken_back(entry) else "good",
            this_update=found.last_update_utc,
            next_update=found.next_update_utc,
        )
        problem = _not_mine(found, source, leaf, issuer)
    except (ValueError, TypeError, UnsupportedAlgorithm) as error:
        return replace(answer, problem=f"it cannot be read: {error}")
    return replace(answer, problem=problem or _out_of_force(answer, now))


def _taken_back(entry: x509.RevokedCertificate) -> bool:
    try:
        reason = entry.extensions.get_extension_for_class(x509.CRLReason).value.reason
    except x509.ExtensionNotFound:
        return False
    return reason is x509.ReasonFlags.remove_from_crl


def _not_mine(
    found: x509.CertificateRevocationList,
    source: str,
    leaf: x509.Certificate,
    issuer: x509.Certificate,
) -> str:
    """Why a list says nothing of this certificate; empty when it does."""
    key = issuer.public_key()
    signs = rsa.RSAPublicKey | ec.EllipticCurvePublicKey | ed25519.Ed25519PublicKey
    if found.issuer != leaf.issuer or not isinstance(key, signs | ed448.Ed448PublicKey):
        return UNSIGNED
    if not found.is_signature_valid(key):
        return UNSIGNED
    try:
        part = found.extensions.get_extension_for_class(x509.IssuingDistributionPoint).value
    except x509.ExtensionNotFound:
        return ""
    kinds = part.only_contains_ca_certs or part.only_contains_attribute_certs
    if kinds or part.indirect_crl or part.only_some_reasons:
        return "it lists other certificates, or some reasons only"
    # A shard of an authority's list is good for the certificates that name it (RFC 5280, 6.3.3).
    names = [_address(one) for one in part.full_name or ()]
    return "" if not names or source in names else "it is the list of another distribution point"
