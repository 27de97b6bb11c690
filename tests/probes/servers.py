"""Servers on loopback that behave in one way each, for the probes to ask."""

import contextlib
import http.server
import socket
import ssl
import threading
import warnings
from collections.abc import Callable, Iterator
from pathlib import Path

Behaviour = Callable[[socket.socket], None]

SSL_REQUEST = bytes.fromhex("0000000804d2162f")


@contextlib.contextmanager
def serve(behave: Behaviour, address: str = "127.0.0.1") -> Iterator[int]:
    """Listen on a free port, hand each connection to a thread of its own, yield the port."""
    family = socket.AF_INET6 if ":" in address else socket.AF_INET
    listener = socket.create_server((address, 0), family=family, backlog=128)
    threads: list[threading.Thread] = []

    def handle(connection: socket.socket) -> None:
        connection.settimeout(5)
        with connection, contextlib.suppress(OSError):
            behave(connection)

    def accept() -> None:
        with contextlib.suppress(OSError):
            while True:
                connection, _ = listener.accept()
                thread = threading.Thread(target=handle, args=(connection,))
                threads.append(thread)
                thread.start()

    acceptor = threading.Thread(target=accept)
    acceptor.start()
    try:
        yield listener.getsockname()[1]
    finally:
        listener.shutdown(socket.SHUT_RDWR)
        listener.close()
        acceptor.join(5)
        for thread in threads:
            thread.join(6)


def server_context(
    identity: Path,
    *,
    lowest: ssl.TLSVersion = ssl.TLSVersion.TLSv1_2,
    highest: ssl.TLSVersion = ssl.TLSVersion.TLSv1_3,
    ciphers: str = "DEFAULT:@SECLEVEL=0",
    clients_of: bytes | None = None,
    tickets: int = 2,
) -> ssl.SSLContext:
    """Return a server's settings; with `clients_of` (PEM) a client certificate is demanded."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.set_ciphers(ciphers)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)
        context.minimum_version = lowest
        context.maximum_version = highest
    context.load_cert_chain(identity)
    context.num_tickets = tickets
    if clients_of:
        context.verify_mode = ssl.CERT_REQUIRED
        context.load_verify_locations(cadata=clients_of.decode())
    return context


def tls(context: ssl.SSLContext) -> Behaviour:
    """Speak TLS and read until the client leaves."""

    def behave(connection: socket.socket) -> None:
        with context.wrap_socket(connection, server_side=True) as secure:
            while secure.recv(1024):
                pass

    return behave


def postgresql(answer: bytes, then: Behaviour) -> Behaviour:
    """Answer SSLRequest as told, and go on if that was a yes."""

    def behave(connection: socket.socket) -> None:
        if connection.recv(8, socket.MSG_WAITALL) != SSL_REQUEST:
            return
        connection.sendall(answer)
        if answer == b"S":
            then(connection)

    return behave


def silence(connection: socket.socket) -> None:
    """Take everything and never answer."""
    while connection.recv(1024):
        pass


def slam(connection: socket.socket) -> None:
    """Read the first bytes and close without a word."""
    connection.recv(4096)


def say(answer: bytes) -> Behaviour:
    """Read once and answer with these bytes, whatever was asked."""

    def behave(connection: socket.socket) -> None:
        connection.recv(4096)
        connection.sendall(answer)

    return behave


def offers_old_version(hello: bytes) -> bool:
    """Whether a ClientHello offers at most TLS 1.1, by its version field (RFC 5246, 7.4.1.2)."""
    return hello[9:11] < b"\x03\x03"


def dropping_old(context: ssl.SSLContext) -> Behaviour:
    """Close on a hello of at most TLS 1.1 as some middleboxes do, and serve the others."""
    good = tls(context)

    def behave(connection: socket.socket) -> None:
        if not offers_old_version(connection.recv(16, socket.MSG_PEEK)):
            good(connection)

    return behave


def closed_port(address: str = "127.0.0.1") -> int:
    """Return a port that nobody listens on, free a moment ago."""
    family = socket.AF_INET6 if ":" in address else socket.AF_INET
    with socket.create_server((address, 0), family=family) as listener:
        return int(listener.getsockname()[1])


@contextlib.contextmanager
def replaying(
    identity: Path, answer: Callable[[str], tuple[int, bytes]], *, leads_to: str
) -> Iterator[int]:
    """Answer each GET over TLS by its path; whoever is redirected is led to one place."""

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            status, body = answer(self.path)
            self.send_response(status)
            self.send_header("Content-Length", str(len(body)))
            self.send_header("Location", leads_to)
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: object) -> None:
            """Say nothing."""

    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        server.socket = server_context(identity).wrap_socket(server.socket, server_side=True)
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        try:
            yield server.server_address[1]
        finally:
            server.shutdown()
            thread.join()
