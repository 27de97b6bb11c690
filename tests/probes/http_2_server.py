"""A server of HTTP/2 on loopback, by the library's own server side, behind TLS with ALPN."""

import contextlib
import socket
import ssl
from collections.abc import Callable
from pathlib import Path

from h2.config import H2Configuration
from h2.connection import H2Connection
from h2.events import RequestReceived, StreamReset, WindowUpdated
from h2.exceptions import H2Error
from servers import Behaviour, server_context

Answer = Callable[[ssl.SSLSocket, H2Connection, RequestReceived], None]
"""What to do with a request; the connection's due bytes are sent afterwards."""


def agreeing(
    identity: Path, protocols: list[str], behave: Callable[[ssl.SSLSocket], None]
) -> Behaviour:
    """Shake hands, agree on the first of these protocols that the client offers, and go on."""
    context = server_context(identity)
    if protocols:
        context.set_alpn_protocols(protocols)

    def secure(connection: socket.socket) -> None:
        with context.wrap_socket(connection, server_side=True) as wrapped:
            behave(wrapped)

    return secure


def speaking(answer: Answer) -> Callable[[ssl.SSLSocket], None]:
    """Speak HTTP/2 until the client leaves."""

    def behave(connection: ssl.SSLSocket) -> None:
        # Malformed fields are sent as told.
        http = H2Connection(
            H2Configuration(
                client_side=False, validate_outbound_headers=False, normalize_outbound_headers=False
            )
        )
        http.initiate_connection()
        connection.sendall(http.data_to_send())
        # A connection that was ended takes nothing more, and neither does a client that has left.
        with contextlib.suppress(OSError, H2Error, ValueError):
            while data := connection.recv(65_536):
                for event in http.receive_data(data):
                    if isinstance(event, RequestReceived):
                        answer(connection, http, event)
                connection.sendall(http.data_to_send())

    return behave


def page(body: bytes = b"Courses", status: str = "200", *more: tuple[str, str]) -> Answer:
    """Answer with this page, as fast as the client's window lets it."""

    def answer(connection: ssl.SSLSocket, http: H2Connection, request: RequestReceived) -> None:
        stream = request.stream_id
        http.send_headers(stream, [(":status", status), ("content-type", "text/html"), *more])
        left = body
        while left:
            room = min(http.local_flow_control_window(stream), http.max_outbound_frame_size)
            if room:
                http.send_data(stream, left[:room])
            left = left[room:]
            connection.sendall(http.data_to_send())
            if left and not http.local_flow_control_window(stream):
                _wait_for_room(connection, http)
        http.end_stream(stream)

    return answer


def _wait_for_room(connection: ssl.SSLSocket, http: H2Connection) -> None:
    """Read until the client gives way to more, or leaves."""
    while data := connection.recv(65_536):
        events = http.receive_data(data)
        if any(isinstance(event, StreamReset) for event in events):
            break
        if any(isinstance(event, WindowUpdated) for event in events):
            return
    raise ConnectionResetError("the client has left")
