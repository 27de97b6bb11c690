"""The control of a load: a server on loopback that answers every request of it rightly, at once.

What fails against it is the generator's own doing, or that of the machine it runs on.
"""

import json
import ssl
import tempfile
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any, Final

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from cryptography.x509.oid import NameOID

from readiness.site.declared.load import LoadTest

HOST: Final = "control.test"
ADDRESS: Final = "127.0.0.1"
TOKEN: Final = "control"  # noqa: S105 - opens nothing
# Enough to show that right answers are taken for right; how much it can offer is measured later.
MOST_RATE: Final = 50.0
SECONDS: Final = 2.0
WARM_UP: Final = 1.0


def shortened(test: LoadTest) -> LoadTest:
    """The load as the control offers it: the same journey, for a moment."""
    rate = min(test.rate, MOST_RATE)
    seconds = max(SECONDS, 2 / rate)  # at a rate below one a second, some requests all the same
    return test.model_copy(update={"rate": rate, "duration": seconds, "warm_up": WARM_UP})


@contextmanager
def answering(test: LoadTest) -> Iterator[dict[str, Any]]:
    """Serve the pages of a load until the block ends; gives what of the orders leads there."""
    server = ThreadingHTTPServer((ADDRESS, 0), _handler(test))
    server.daemon_threads = True
    context, authority = _trusted()
    server.socket = context.wrap_socket(server.socket, server_side=True)
    serving = threading.Thread(target=server.serve_forever, daemon=True)
    serving.start()
    try:
        yield {
            "addresses": [ADDRESS],
            "port": server.server_address[1],
            "host": HOST,
            "authority": authority,
        }
    finally:
        server.shutdown()
        server.server_close()
        serving.join()


def _handler(test: LoadTest) -> type[BaseHTTPRequestHandler]:
    bodies: dict[str, str] = {}
    for page in test.pages:  # one path may be declared twice, with other words each time
        bodies[page.path] = f"{bodies.get(page.path, '')} {page.contains}"
    closed = {page.path for page in test.pages if page.logged_in}

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_GET(self) -> None:
            known = self.headers["Authorization"] == f"Bearer {TOKEN}"
            let_in = known or self.path not in closed
            self._answer(200 if let_in else 401, bodies.get(self.path, "").encode())

        def do_POST(self) -> None:
            self.rfile.read(int(self.headers["Content-Length"]))
            field = test.login.token_field if test.login else ""
            self._answer(200, json.dumps({field: TOKEN}).encode())

        def _answer(self, status: int, body: bytes) -> None:
            self.send_response(status)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the base's name
            """Say nothing."""

    return Handler


def _trusted() -> tuple[ssl.SSLContext, str]:
    """A server's context with a certificate of its own, and the certificate to trust."""
    key, name = (
        ec.generate_private_key(ec.SECP256R1()),
        x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, HOST)]),
    )
    now = datetime.now(UTC)
    usage = x509.KeyUsage(True, False, False, False, False, True, False, False, False)
    certificate = (
        x509.CertificateBuilder(name, name, key.public_key(), x509.random_serial_number())
        .not_valid_before(now - timedelta(hours=1))
        .not_valid_after(now + timedelta(hours=1))
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .add_extension(usage, critical=True)
        .add_extension(x509.SubjectAlternativeName([x509.DNSName(HOST)]), critical=False)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
        .sign(key, hashes.SHA256())
    )
    pem = certificate.public_bytes(Encoding.PEM)
    secret = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    with tempfile.NamedTemporaryFile() as file:  # for its owner alone
        Path(file.name).write_bytes(secret + pem)
        context.load_cert_chain(file.name)
    return context, pem.decode()
