"""Asks one address for one page as browsers do: over what the server agrees to of HTTP/2 and 1.1.

A server that agrees on HTTP/2 and does not speak it gives browsers an error and every other client
its pages. What browsers forgive is forgiven here: a connection that ends before the answer is tried
once more, an announced end (GOAWAY without an error) is waited through, and HTTP/1.1 is spoken
where the server demands it.
"""

import contextlib
import ssl
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

from h2.config import H2Configuration
from h2.connection import H2Connection
from h2.errors import ErrorCodes
from h2.events import (
    ConnectionTerminated,
    DataReceived,
    Event,
    ResponseReceived,
    StreamEnded,
    StreamReset,
)
from h2.exceptions import DenialOfServiceError, H2Error
from h2.settings import SettingCodes, Settings
from hpack.exceptions import HPACKError
from hyperframe.exceptions import HyperframeError

from readiness.model.errors import NotUnderstood, TimedOut
from readiness.probes import wire
from readiness.systems.http.asking.pages import (
    Heard,
    Question,
    converse,
    over_http_1,
    read,
    request_for,
    secure,
)
from readiness.systems.http.reading import BODY_LIMIT, Exchange

HTTP_2: Final = "h2"
HTTP_1: Final = "http/1.1"
OFFERS: Final = (HTTP_2, HTTP_1)
"""What browsers offer over TCP, in their order (RFC 7301, 6; RFC 9113, 3.2)."""
HEADERS_LIMIT: Final = 64 * 1024
"""Bytes of header fields, names and values with 32 each, that are read (RFC 9113, 6.5.2)."""
FIELDS_LIMIT: Final = 100
"""Header fields that are read, as many as of an answer of HTTP/1.1."""
WIRE_LIMIT: Final = 8 * BODY_LIMIT
"""Bytes that are read of a connection, whatever they are: frames may be many and nearly empty."""

_FRAME_HEAD: Final = 9  # RFC 9113, 4.1
_FRAME_LIMIT: Final = 16_384  # the size that nobody may exceed whom we did not allow more (4.2)
_GOAWAY: Final = 7
_WORDS: Final = 200  # characters of the library's reasons, which may quote the server
_STREAM: Final = 1  # the first stream of a client (5.1.1)
# Fields of a connection, which make an answer malformed (RFC 9113, 8.2.2): Safari shows an error.
_OF_THE_CONNECTION: Final = frozenset(
    {b"connection", b"keep-alive", b"proxy-connection", b"transfer-encoding", b"upgrade"}
)


@dataclass(frozen=True)
class _Ended:
    """What came of one connection, and what a browser would offer in another one, if any."""

    heard: Heard
    again: tuple[str, ...] = ()


def ask_question(question: Question) -> Exchange:
    """Ask one node for one page by GET over TLS.

    Raises:
        TimedOut, Unreachable, AccessDenied, NotUnderstood: It could not be found out.
        UsageError: An argument is wrong.
    """
    return read(question, listen(question))


def listen(question: Question) -> Heard:
    """Do the talking: one connection, and another one where a browser would make it."""
    ended = _listen(question, OFFERS)
    if ended.again:
        ended = _listen(question, ended.again)
    return ended.heard


def _listen(question: Question, offers: tuple[str, ...]) -> _Ended:
    again: list[tuple[str, ...]] = []
    request = request_for(question)

    def talk(line: wire.Line) -> Heard:
        protocol = secure(line, question, offers)
        if protocol != HTTP_2:
            return over_http_1(line, request, protocol)
        try:
            ended = _Talk(line, question).run()
        except TimeoutError as error:
            late = f"no whole page within {question.timeout:g} s"
            raise TimedOut(f"{question.place}: agreed on HTTP/2, and {late}") from error
        again.append(ended.again)
        return ended.heard

    heard = converse(question, talk)
    return _Ended(heard, again[0] if again else ())


class _Talk:
    """One request over HTTP/2, on a connection of its own."""

    def __init__(self, line: wire.Line, question: Question) -> None:
        self._line, self._question = line, question
        # Validation here is ours: the library's is stricter than every browser's.
        self._http = H2Connection(H2Configuration(validate_inbound_headers=False))
        self._http.local_settings = Settings(
            initial_values={
                SettingCodes.ENABLE_PUSH: 0,
                SettingCodes.MAX_CONCURRENT_STREAMS: 1,
                SettingCodes.MAX_HEADER_LIST_SIZE: HEADERS_LIMIT,
            }
        )
        self._frames = _Frames()
        self._status, self._headers = 0, tuple[tuple[str, str], ...]()
        self._body = bytearray()
        self._ended: _Ended | None = None

    def run(self) -> _Ended:
        """Ask, read until it is decided, and take leave.

        Raises:
            NotUnderstood: There is more than is read.
        """
        self._ask()
        received = 0
        while self._ended is None:
            data = self._receive()
            received += len(data)
            if received > WIRE_LIMIT:
                raise NotUnderstood(
                    f"{self._question.place}: no whole page over HTTP/2 within {WIRE_LIMIT} bytes"
                )
            self._take(data)
        with contextlib.suppress(OSError, H2Error):
            self._http.close_connection()
            self._line.send(self._http.data_to_send())
        return self._ended

    def _ask(self) -> None:
        self._http.initiate_connection()
        fields = [
            (":method", "GET"),
            (":scheme", "https"),
            (":authority", self._question.authority),
            (":path", self._question.path),
            ("user-agent", "readiness"),
            ("accept", "*/*"),
        ]
        self._http.send_headers(_STREAM, fields, end_stream=True)
        self._send()

    def _send(self) -> None:
        """Send what is due; a server that has left may have said why, so reading goes on."""
        with contextlib.suppress(ConnectionResetError, BrokenPipeError, ssl.SSLEOFError):
            if due := self._http.data_to_send():
                self._line.send(due)

    def _receive(self) -> bytes:
        try:
            return self._line.receive()
        except (ConnectionResetError, BrokenPipeError, ssl.SSLEOFError):
            return b""

    def _take(self, data: bytes) -> None:
        """Read what came, frame by frame: what follows the end of the page is nobody's affair."""
        if not data:
            self._left("closed the connection without an answer", again=OFFERS)
            return
        try:
            for frame in self._frames.whole(data):
                for event in self._http.receive_data(frame):
                    self._hear(event)
                if self._ended:
                    return
        except DenialOfServiceError as error:
            raise NotUnderstood(f"{self._question.place}: over HTTP/2: {error}") from error
        except _NotHttp2Error as error:
            self._fail(str(error))
            return
        except (H2Error, HyperframeError, HPACKError) as error:
            self._fail(f"broke its rules: {str(error)[:_WORDS]}")
            return
        self._send()

    def _hear(self, event: Event) -> None:
        match event:
            case ResponseReceived():
                self._answered([(bytes(name), bytes(value)) for name, value in event.headers])
            case DataReceived():
                self._body += event.data
                if len(self._body) > BODY_LIMIT:
                    self._end(complete=False)
                elif event.flow_controlled_length:
                    self._http.acknowledge_received_data(event.flow_controlled_length, _STREAM)
            case StreamEnded():
                self._end(complete=True)
            case StreamReset():
                self._given_up("reset the request", event.error_code)
            case ConnectionTerminated():
                self._given_up("ended the connection", event.error_code)
            case _:
                return

    def _answered(self, fields: list[tuple[bytes, bytes]]) -> None:
        """Take status and header fields of the answer.

        Raises:
            NotUnderstood: There are more than are read.
            _NotHttp2Error: They are none of HTTP/2.
        """
        if len(fields) > FIELDS_LIMIT:
            raise NotUnderstood(
                f"{self._question.place}: an answer with more than {FIELDS_LIMIT} header fields"
            )
        wrong = [name for name, _ in fields if name in _OF_THE_CONNECTION or name != name.lower()]
        if wrong:
            raise _NotHttp2Error(
                f"sent the header field {wrong[0].decode('latin-1')} (RFC 9113, 8.2)"
            )
        status = dict(fields).get(b":status", b"")
        if not (len(status) == len("200") and status.isdigit()):
            raise _NotHttp2Error("sent an answer without a status (RFC 9113, 8.3.2)")
        self._status = int(status)
        self._headers = tuple(
            (name.decode("latin-1"), value.decode("latin-1"))
            for name, value in fields
            if not name.startswith(b":")
        )

    def _given_up(self, what: str, code: ErrorCodes | int | None) -> None:
        """The server ended request or connection before the page; browsers try some of it again."""
        name = code.name if isinstance(code, ErrorCodes) else f"code {code}"
        again: tuple[str, ...] = ()
        if code in (ErrorCodes.NO_ERROR, ErrorCodes.REFUSED_STREAM):  # RFC 9113, 8.7
            again = OFFERS
        elif code == ErrorCodes.HTTP_1_1_REQUIRED:
            again = (HTTP_1,)
        self._left(f"{what}: {name}", again)

    def _left(self, how: str, again: tuple[str, ...]) -> None:
        """It is over before its end: of a page that had begun, what came is what there is."""
        if self._status:
            self._end(complete=False)
        else:
            self._fail(how, again)

    def _end(self, *, complete: bool) -> None:
        body = bytes(self._body[:BODY_LIMIT])
        heard = Heard(self._status, self._headers, body, complete, protocol=HTTP_2)
        self._ended = self._ended or _Ended(heard)

    def _fail(self, how: str, again: tuple[str, ...] = ()) -> None:
        heard = Heard(problem=f"the server agreed on HTTP/2 and {how}", protocol=HTTP_2)
        self._ended = self._ended or _Ended(heard, again)


class _NotHttp2Error(Exception):
    """What came is nothing that HTTP/2 knows."""


class _Frames:
    """Splits what a server sends into whole frames.

    The library ends a connection with any GOAWAY. One without an error, for a stream that is not
    ours or a later one, only says that no further request will be served (RFC 9113, 6.8): nginx
    sends it before the answer to a connection's last request. It is left out here.
    """

    def __init__(self) -> None:
        self._kept = bytearray()

    def whole(self, data: bytes) -> Iterator[bytes]:
        """Yield every frame that is whole by now.

        Raises:
            _NotHttp2Error: It is no frame.
        """
        self._kept += data
        if self._kept.startswith(b"HTTP/"):
            raise _NotHttp2Error("answered in HTTP/1")
        while len(self._kept) >= _FRAME_HEAD:
            size = int.from_bytes(self._kept[:3])
            if size > _FRAME_LIMIT:
                raise _NotHttp2Error(f"answered in something else: a frame of {size} bytes")
            if len(self._kept) < _FRAME_HEAD + size:
                return
            frame = bytes(self._kept[: _FRAME_HEAD + size])
            del self._kept[: _FRAME_HEAD + size]
            if not _only_announces(frame):
                yield frame


def _only_announces(frame: bytes) -> bool:
    """Whether it is a GOAWAY that lets our request come to its end."""
    if frame[3] != _GOAWAY or len(frame) < _FRAME_HEAD + 8:
        return False
    last, code = frame[_FRAME_HEAD:][:4], frame[_FRAME_HEAD + 4 :][:4]
    return int.from_bytes(last) & 0x7FFF_FFFF >= _STREAM and not any(code)
