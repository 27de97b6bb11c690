"""Says which certificates were revoked: by OCSP what Pebble issued, by a CRL the internal ones.

`POST /acme` is an OCSP request (RFC 6960, A.1): Pebble's management port says what became of the
certificate and lends the key of the intermediate that issued it, so a certificate that was revoked
over ACME is revoked here at once. `GET /internal.crl` is the file that lies in the store.
"""

import json
import ssl
import urllib.error
import urllib.request
from datetime import UTC, datetime, timedelta
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from socket import AF_INET6, IPPROTO_IPV6, IPV6_V6ONLY

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.x509 import ocsp

PORT = 5003
STORE = Path("/var/lib/lab-revocation")
MANAGEMENT = "https://localhost:15000"
TRUST = ssl.create_default_context(cafile="/etc/lab-revocation/lab-ca.pem")
#: How long an answer is in force; the responder is asked whenever somebody looks.
LIFE = timedelta(hours=1)
#: An OCSP request about one certificate has about 100 bytes.
LONGEST_REQUEST = 4096
DER = serialization.Encoding.DER


def pebble(path: str) -> bytes:
    """What Pebble's management port says."""
    url = MANAGEMENT + path
    with urllib.request.urlopen(url, timeout=5, context=TRUST) as answer:  # noqa: S310 - HTTPS
        return bytes(answer.read())


def status(serial: int) -> dict[str, str] | None:
    """What became of a certificate; None when Pebble issued none with that serial number."""
    try:
        found: dict[str, str] = json.loads(pebble(f"/cert-status-by-serial/{serial:x}"))
    except urllib.error.HTTPError:
        return None
    return found


def answer_to(request: bytes) -> bytes:
    """The OCSP response (DER) to a request (DER)."""
    try:
        asked = ocsp.load_der_ocsp_request(request)
    except ValueError:
        wrong = ocsp.OCSPResponseStatus.MALFORMED_REQUEST
        return ocsp.OCSPResponseBuilder.build_unsuccessful(wrong).public_bytes(DER)
    now = datetime.now(UTC)
    return answer_about(asked.serial_number, asked.hash_algorithm, now)


def answer_about(serial: int, algorithm: hashes.HashAlgorithm, begins: datetime) -> bytes:
    """The OCSP response (DER) about a certificate of Pebble's that is in force from then on."""
    known = status(serial)
    if known is None:
        unknown = ocsp.OCSPResponseStatus.UNAUTHORIZED
        return ocsp.OCSPResponseBuilder.build_unsuccessful(unknown).public_bytes(DER)
    begins = begins.replace(tzinfo=None)  # Debian 12's builder takes UTC that does not say so
    revoked = known["Status"] == "Revoked"
    issuer = x509.load_pem_x509_certificate(pebble("/intermediates/0"))
    key = serialization.load_pem_private_key(pebble("/intermediate-keys/0"), password=None)
    if not isinstance(key, rsa.RSAPrivateKey):
        raise TypeError("Pebble's intermediate has another key than RSA")
    response = (
        ocsp.OCSPResponseBuilder()
        .add_response(
            cert=x509.load_pem_x509_certificate(known["Certificate"].encode()),
            issuer=issuer,
            algorithm=algorithm,
            cert_status=ocsp.OCSPCertStatus.REVOKED if revoked else ocsp.OCSPCertStatus.GOOD,
            this_update=begins,
            next_update=begins + LIFE,
            revocation_time=begins if revoked else None,
            revocation_reason=None,
        )
        .responder_id(ocsp.OCSPResponderEncoding.HASH, issuer)
        .sign(key, hashes.SHA256())
    )
    return response.public_bytes(DER)


class Handler(BaseHTTPRequestHandler):
    """One question."""

    def do_POST(self) -> None:
        """Answer an OCSP request."""
        if self.path != "/acme":
            self.send_error(HTTPStatus.NOT_FOUND)
            return
        length = min(int(self.headers["Content-Length"]), LONGEST_REQUEST)
        self.give("application/ocsp-response", answer_to(self.rfile.read(length)))

    def do_GET(self) -> None:
        """Give the internal authority's CRL."""
        if self.path != "/internal.crl":
            self.send_error(HTTPStatus.NOT_FOUND)
            return
        self.give("application/pkix-crl", (STORE / "internal.crl").read_bytes())

    def give(self, kind: str, body: bytes) -> None:
        """Send an answer."""
        self.send_response(HTTPStatus.OK)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)


class BothFamilies(ThreadingHTTPServer):
    """A server on every address of both families."""

    address_family = AF_INET6

    def server_bind(self) -> None:
        """Take IPv4 connections over the IPv6 socket, too."""
        self.socket.setsockopt(IPPROTO_IPV6, IPV6_V6ONLY, 0)
        super().server_bind()


if __name__ == "__main__":
    BothFamilies(("::", PORT), Handler).serve_forever()
