"""What the lab's own authority publishes, read as the product reads it."""

from datetime import UTC, datetime

from cryptography import x509

from lab import pki
from readiness.systems.tls.asking.revocation import read_crl, sources
from readiness.systems.tls.reading.revocation import Answer

AUTHORITY = pki.new_authority("Lab")
LEAF = x509.load_pem_x509_certificate(pki.issue(AUTHORITY, "node", ["node"]).certificate)
ISSUER = x509.load_pem_x509_certificate(AUTHORITY.certificate)


def told(*revoked: int) -> Answer:
    """What a list with these on it says of the leaf."""
    content = pki.revocation_list(AUTHORITY, revoked)
    return read_crl(content, pki.CRL_URL, LEAF, ISSUER, datetime.now(UTC))


def test_a_certificate_names_the_list() -> None:
    """Whoever is presented it can find out."""
    assert list(sources(LEAF)) == [("CRL", pki.CRL_URL)]


def test_who_is_not_revoked_is_good() -> None:
    """Signed by the authority, and in force."""
    assert (told(1).status, told(1).problem) == ("good", "")


def test_who_is_revoked_is_on_it() -> None:
    """By its serial number."""
    assert told(1, LEAF.serial_number).status == "revoked"
