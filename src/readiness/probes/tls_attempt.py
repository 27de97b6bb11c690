"""One TLS handshake over one connection: how it ended and what the server said on the way.

An attempt always comes back as a value. What an ending means (a finding, no answer, an old version
refused) is for the reader of the attempt to say.
"""

import contextlib
import socket
import ssl
import struct
import sys
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, Literal

from readiness.model.errors import NotUnderstood
from readiness.probes import wire
from readiness.probes.tls_records import ServerWords, read_words
from readiness.systems.tls.certificate import Access

StartTls = Literal["postgresql"]

# PostgreSQL protocol, SSLRequest: length 8, code 80877103.
_SSL_REQUEST = struct.pack(">II", 8, 80_877_103)
_CLEAR_BYTES_KEPT = 32_768
# Long enough for a refusal on a local network; to more silence we say goodbye.
_PATIENCE = 0.05

CERTIFICATE_ALERTS = {
    "bad_certificate",
    "unsupported_certificate",
    "certificate_revoked",
    "certificate_expired",
    "certificate_unknown",
    "unknown_ca",
    "access_denied",
    "certificate_required",
}
"""Alerts by which a server refuses a client for its certificate or the lack of one."""


class Ending(StrEnum):
    """How an attempt ended."""

    COMPLETED = "completed"
    UNTRUSTED = "certificate not trusted"
    ALERT = "refused by alert"
    FAILED = "given up by this client"
    NOT_TLS = "answered in something else than TLS"
    CLOSED = "closed without a word"
    RESET = "reset without a word"
    TIMED_OUT = "timed out"
    UNREACHABLE = "unreachable"
    CONNECTION_REFUSED = "connection refused"
    NOT_OFFERED = "TLS not offered"


@dataclass(frozen=True)
class Attempt:
    """One handshake, as it went."""

    ending: Ending
    reason: str = ""
    """What OpenSSL, the socket or the server said, in a few words."""
    version: str = ""
    """The negotiated version, such as `TLSv1.3`; only of a completed handshake."""
    presented: tuple[bytes, ...] = ()
    """The certificates as presented, DER, leaf first; only of a completed handshake."""
    access: Access = Access.UNKNOWN
    heard: bytes = b""
    """The first bytes the server sent, as they came over the wire."""

    @property
    def completed(self) -> bool:
        """Whether the handshake came to its end."""
        return self.ending is Ending.COMPLETED

    @property
    def words(self) -> ServerWords:
        """What the server said in the clear."""
        return read_words(self.heard)

    @property
    def alert(self) -> str:
        """Standard name of the alert that the server refused us by; empty when it did not."""
        return _alert_name(self.reason) if self.ending is Ending.ALERT else ""

    @property
    def wants_certificate(self) -> bool:
        """Whether the server refused us for want of a client certificate it accepts."""
        alert, asks = self.alert, self.words.asks_certificate
        return alert in CERTIFICATE_ALERTS or (alert == "handshake_failure" and asks)

    def __str__(self) -> str:
        """Ending and reason in a few words."""
        return f"{self.ending}: {self.reason}" if self.reason else str(self.ending)


def attempt(
    address: str,
    port: int,
    context: ssl.SSLContext,
    *,
    server_name: str | None,
    starttls: StartTls | None,
    deadline: wire.Deadline,
) -> Attempt:
    """Connect, shake hands once, say goodbye, and tell how it ended.

    Raises:
        NotUnderstood: The server name cannot be sent.
    """
    try:
        with wire.Line(address, port, deadline) as line:
            if starttls and (refusal := _start_tls(line)):
                return refusal
            return _Talk(line, context, server_name).run()
    except ConnectionRefusedError:
        return Attempt(Ending.CONNECTION_REFUSED)
    except TimeoutError:
        return Attempt(Ending.TIMED_OUT)
    except (ConnectionResetError, BrokenPipeError):
        return Attempt(Ending.RESET)
    except OSError as error:
        return Attempt(Ending.UNREACHABLE, error.strerror or str(error))


def _start_tls(line: wire.Line) -> Attempt | None:
    """Ask PostgreSQL for TLS; None when it agrees.

    Exactly one byte is read: anything behind it would have been sent in the clear.
    """
    line.send(_SSL_REQUEST)
    answer = line.receive(1)
    if answer == b"S":
        return None
    if answer == b"N":
        return Attempt(Ending.NOT_OFFERED, "the server answered N to SSLRequest")
    if not answer:
        return Attempt(Ending.CLOSED, "after SSLRequest")
    return Attempt(Ending.NOT_TLS, "no S or N to SSLRequest", heard=answer)


class _Talk:
    """A handshake over two buffers, so that every byte of the server's passes through our hands."""

    def __init__(self, line: wire.Line, context: ssl.SSLContext, server_name: str | None) -> None:
        self._line = line
        self._incoming, self._outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
        self._heard = bytearray()
        try:
            self._tls = context.wrap_bio(
                self._incoming, self._outgoing, server_hostname=server_name
            )
        except ValueError as error:
            raise NotUnderstood(f"server name {server_name!r} cannot be sent: {error}") from error

    def run(self) -> Attempt:
        """Shake hands and tell how it ended."""
        try:
            self._shake_hands()
        except ssl.SSLError as error:
            self._part()
            return self._failed(error)
        except EOFError:
            ending = Ending.CLOSED if self._words().is_tls else Ending.NOT_TLS
            return Attempt(ending, _seen(self._heard), heard=bytes(self._heard))
        except (ConnectionResetError, BrokenPipeError):
            return Attempt(Ending.RESET, heard=bytes(self._heard))
        except TimeoutError:
            return Attempt(Ending.TIMED_OUT, heard=bytes(self._heard))
        access, reason = self._last_word()
        return Attempt(
            Ending.COMPLETED,
            reason,
            version=self._tls.version() or "",
            presented=_presented(self._tls),
            access=access,
            heard=bytes(self._heard),
        )

    def _shake_hands(self) -> None:
        while True:
            try:
                self._tls.do_handshake()
            except ssl.SSLWantReadError:
                self._flush()
                self._hear()
            else:
                self._flush()
                return

    def _flush(self) -> None:
        """Send what is due; a server that has left may have said why, so reading goes on."""
        if self._outgoing.pending:
            with contextlib.suppress(ConnectionResetError, BrokenPipeError):
                self._line.send(self._outgoing.read())

    def _hear(self, patience: float | None = None) -> None:
        data = self._line.receive(patience=patience)
        if not data:
            raise EOFError
        self._heard += data[: _CLEAR_BYTES_KEPT - len(self._heard)]
        self._incoming.write(data)

    def _words(self) -> ServerWords:
        return read_words(bytes(self._heard))

    def _part(self) -> None:
        """Send the alert that OpenSSL prepared; the server may be gone already."""
        try:
            self._flush()
            self._line.socket.shutdown(socket.SHUT_WR)
        except OSError:
            return

    def _failed(self, error: ssl.SSLError) -> Attempt:
        """Tell the target's failure from ours; what was heard counts before what OpenSSL says."""
        words = self._words()
        reason = plain(error)
        if isinstance(error, ssl.SSLCertVerificationError):
            ending, reason = Ending.UNTRUSTED, error.verify_message
        elif not words.is_tls:
            ending, reason = Ending.NOT_TLS, _seen(self._heard)
        elif words.alert:
            ending, reason = Ending.ALERT, f"alert {words.alert}"
        elif "ALERT" in (error.reason or ""):
            ending = Ending.ALERT
        else:
            ending = Ending.FAILED
        return Attempt(ending, reason, heard=bytes(self._heard))

    def _last_word(self) -> tuple[Access, str]:
        """Find out whether the server took us.

        Up to TLS 1.2 a completed handshake says so. In TLS 1.3 this side is done before the server
        has looked at our certificate (RFC 8446, 4.4.2.4): a ticket or data is its yes, an alert its
        no. To a silent server we say goodbye, and closing in peace is then its yes.
        """
        if self._tls.version() != "TLSv1.3":
            return Access.GRANTED, ""
        try:
            if self._heard_after_handshake():
                return Access.GRANTED, ""
            return self._goodbye()
        except ssl.SSLError as error:
            refused = "ALERT" in (error.reason or "")
            return (Access.REFUSED if refused else Access.UNKNOWN), plain(error)
        except (EOFError, OSError) as error:
            return Access.UNKNOWN, f"after the handshake: {error or 'closed without a word'}"

    def _heard_after_handshake(self) -> bool:
        """Read until a ticket or data came; False when nothing came for a moment."""
        came = self._incoming.pending > 0
        while True:
            try:
                self._tls.read(1)
            except ssl.SSLWantReadError:
                if came:
                    return True
            else:
                return True
            try:
                self._hear(_PATIENCE)
            except TimeoutError:
                return False
            came = True

    def _goodbye(self) -> tuple[Access, str]:
        """Close our side and listen for how the server closes its own.

        `unwrap` only sends: called again it would take a fatal alert for a peaceful end.
        """
        with contextlib.suppress(ssl.SSLWantReadError):
            self._tls.unwrap()
        self._flush()
        while True:
            try:
                self._hear()
            except EOFError:
                return Access.GRANTED, ""
            with contextlib.suppress(ssl.SSLWantReadError):
                self._tls.read(1)
                return Access.GRANTED, ""


def _presented(tls: ssl.SSLObject) -> tuple[bytes, ...]:
    """Return the chain as the server sent it, DER, leaf first."""
    if sys.version_info >= (3, 13):
        return tuple(tls.get_unverified_chain())
    # Public from Python 3.13 on; before that only the object underneath has it.
    underneath: Any = tls._sslobj  # type: ignore[attr-defined]  # noqa: SLF001
    return tuple(
        ssl.PEM_cert_to_DER_cert(one.public_bytes()) for one in underneath.get_unverified_chain()
    )


def plain(error: ssl.SSLError) -> str:
    """Return OpenSSL's reason in lower case words, alerts under their standard name."""
    alert = _alert_name(error.reason or "")
    if alert:
        return f"alert {alert}"
    return (error.reason or str(error)).replace("_", " ").lower()


def _alert_name(reason: str) -> str:
    """Return the alert's standard name from `alert NAME` or OpenSSL's `TLSV1_ALERT_NAME`."""
    if reason.startswith("alert "):
        return reason.removeprefix("alert ")
    prefix, found, name = reason.partition("_ALERT_")
    return name.lower() if found and prefix.startswith(("SSLV3", "TLSV1")) else ""


def _seen(heard: bytes | bytearray) -> str:
    """Return how an answer begins, short and printable."""
    return f"the answer begins with {bytes(heard[:12])!r}" if heard else ""
