"""Has one certificate issued for all names of the edge and hands it to both edges.

Safe to run again: while Pebble's root is the same and the certificate is far from its end, nothing
is issued, the edges are only given what they should have. Ends when every edge address presents
the new chain to a client that trusts only Pebble's root, or with the reason at the deadline.
"""

import hashlib
import http.client
import shutil
import socket
import ssl
import subprocess
import sys
import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TypeVar

from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding

DEADLINE_SECONDS = 90
RENEW_BEFORE = timedelta(days=30)
NAMES = ("portal.lab.test", "edge1.lab.test", "edge2.lab.test")
EDGES = ("edge1.lab.test", "edge2.lab.test")
DIRECTORY = "https://mon1.lab.test:14000/dir"
#: What is answered to whom both edges send who asks for /.well-known/acme-challenge/.
CHALLENGES = "/var/lib/acme-challenges"

SETTINGS = Path("/etc/lab-certificates")
STORE = Path("/var/lib/lab-certificates")
ROOT = STORE / "acme-root.pem"
NEW_ROOT = STORE / "acme-root.new"

Found = TypeVar("Found")


class NotYetError(Exception):
    """A step could not be done now; the message says what was met."""


def until(deadline: float, step: Callable[..., Found], *arguments: object) -> Found:
    """Repeat a step until it succeeds or the deadline (monotonic seconds) has passed.

    Raises:
        NotYetError: what the last attempt met.
    """
    while True:
        try:
            return step(*arguments)
        except (NotYetError, OSError, http.client.HTTPException, subprocess.SubprocessError) as met:
            if time.monotonic() > deadline:
                raise NotYetError(str(met)) from met
            print(f"again: {met}", file=sys.stderr, flush=True)
        time.sleep(0.5)


def fetch_root() -> bytes:
    """Pebble's present root certificate (PEM), over its management port."""
    context = ssl.create_default_context(cafile=SETTINGS / "lab-ca.pem")
    connection = http.client.HTTPSConnection("localhost", 15000, timeout=2, context=context)
    connection.request("GET", "/roots/0")
    return connection.getresponse().read()


def challenges_can_arrive() -> None:
    """Every name must answer plain HTTP before an order is made that depends on it."""
    for name in NAMES:
        connection = http.client.HTTPConnection(name, 80, timeout=1)
        try:
            connection.request("GET", "/")
            connection.getresponse()
        except (OSError, http.client.HTTPException) as failure:
            raise NotYetError(f"http://{name}/ does not answer: {failure}") from failure


def certificate_file(folder: Path) -> Path:
    """Where certbot puts the chain; the key lies beside it."""
    return folder / "live" / NAMES[0] / "fullchain.pem"


def issue(folder: Path) -> None:
    """Order one certificate for all names with certbot, unless a good one lies in the folder."""
    chain = certificate_file(folder)
    if chain.exists():
        leaf = x509.load_pem_x509_certificate(chain.read_bytes())
        if leaf.not_valid_after.replace(tzinfo=UTC) > datetime.now(UTC) + RENEW_BEFORE:
            return
    challenges_can_arrive()
    done = subprocess.run(
        [
            *("/usr/bin/certbot", "certonly", "--non-interactive", "--agree-tos"),
            *("--register-unsafely-without-email", "--key-type", "ecdsa"),
            *("--webroot", "--webroot-path", CHALLENGES, "--server", DIRECTORY),
            *("--config-dir", folder, "--work-dir", folder / "work", "--logs-dir", folder / "log"),
            *("--cert-name", NAMES[0], "--domains", ",".join(NAMES)),
        ],
        env={"REQUESTS_CA_BUNDLE": str(SETTINGS / "lab-ca.pem"), "HOME": str(STORE)},
        capture_output=True,
        timeout=40,
        check=False,
        text=True,
    )
    if done.returncode:
        raise NotYetError(f"certbot ended with {done.returncode}: {done.stderr.strip()}")


def install(edge: str, bundle: bytes) -> None:
    """Hand key and chain to one edge, which checks them and reloads HAProxy."""
    done = subprocess.run(
        [
            "/usr/bin/ssh",
            *("-i", str(SETTINGS / "ssh-key"), "-o", "BatchMode=yes", "-o", "ConnectTimeout=3"),
            *("-o", f"UserKnownHostsFile={SETTINGS / 'known_hosts'}"),
            f"certificates@{edge}",
        ],
        input=bundle,
        capture_output=True,
        timeout=15,
        check=False,
    )
    if done.returncode:
        raise NotYetError(f"{edge}: {done.stderr.decode(errors='replace').strip()}")


def presents(name: str, leaf: bytes) -> None:
    """Every address of a name must present this leaf (DER) with a chain to Pebble's root."""
    context = ssl.create_default_context(cafile=NEW_ROOT)
    found = socket.getaddrinfo(name, 443, type=socket.SOCK_STREAM)
    for address in [str(each[-1][0]) for each in found]:
        with (
            socket.create_connection((address, 443), timeout=2) as plain,
            context.wrap_socket(plain, server_hostname=name) as secured,
        ):
            if secured.getpeercert(binary_form=True) != leaf:
                raise NotYetError(f"{name} at {address} presents another certificate")


def forget_other_roots(folder: Path) -> None:
    """Remove accounts and certificates of a root that Pebble no longer has."""
    for stale in STORE.iterdir():
        if stale.is_dir() and stale != folder:
            shutil.rmtree(stale)


def main() -> None:
    """Bring both edges to a certificate of the present root, within the deadline."""
    deadline = time.monotonic() + DEADLINE_SECONDS
    root = until(deadline, fetch_root)
    NEW_ROOT.write_bytes(root)
    folder = STORE / hashlib.sha256(root).hexdigest()[:16]
    forget_other_roots(folder)
    until(deadline, issue, folder)
    chain = certificate_file(folder).read_bytes()
    key = certificate_file(folder).with_name("privkey.pem").read_bytes()
    for edge in EDGES:
        until(deadline, install, edge, key + chain)
    leaf = x509.load_pem_x509_certificate(chain).public_bytes(Encoding.DER)
    for name in NAMES:
        until(deadline, presents, name, leaf)
    NEW_ROOT.rename(ROOT)
    print(f"both edges present the certificate issued under root {folder.name}")


if __name__ == "__main__":
    try:
        main()
    except NotYetError as failure:
        sys.exit(f"no certificate on the edges after {DEADLINE_SECONDS} s: {failure}")
