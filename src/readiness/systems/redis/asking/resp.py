"""A client of Redis' own protocol (RESP 2) that asks one exact address and never tries again.

A library would hide what matters here: which error was answered, to whom it was said, and that
nobody answered at all. Secrets go over the wire only; no message here has words that were sent.
"""

import ssl
from collections.abc import Iterable
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, Final

from readiness.model.closing import Closes
from readiness.model.errors import AccessDenied, NotUnderstood, ProbeError, TimedOut, Unreachable
from readiness.probes.tls_contexts import trusting_only
from readiness.probes.wire import Deadline, Line, place
from readiness.systems.redis.reading import Refusal, Reply

TIMEOUT: Final = 12.0  # seconds for a whole conversation, some hundred dry runs included
PATIENCE: Final = 5.0  # seconds for one word that may get no answer
_LARGEST: Final = 4 * 1024 * 1024  # bytes of one conversation
_DEEPEST: Final = 8
_DENIED: Final = ("NOAUTH", "WRONGPASS", "NOPERM", "DENIED")


@dataclass(frozen=True)
class RespTarget:
    """One server: `host` is the name in its certificate, `address` where we connect."""

    name: str
    host: str
    address: str
    port: int
    authority_pem: bytes

    def __str__(self) -> str:
        """Name and address for a message."""
        return f"{self.name} ({place(self.address, self.port)})"


class Conversation(Closes):
    """One connection over TLS, for as long as its deadline lasts."""

    def __init__(self, target: RespTarget, *, timeout: float = TIMEOUT) -> None:
        self.target = target
        self._timeout = timeout
        self._buffer = b""
        self._at = 0
        self._read = 0
        with self._translated():
            self._line = Line(target.address, target.port, Deadline(timeout))
            try:
                context = trusting_only(target.authority_pem, check_hostname=True)
                self._line.socket = context.wrap_socket(
                    self._line.socket, server_hostname=target.host
                )
            except BaseException:
                self._line.socket.close()
                raise

    @property
    def tls_version(self) -> str:
        """The version that was agreed on."""
        wrapped = self._line.socket
        return (wrapped.version() or "") if isinstance(wrapped, ssl.SSLSocket) else ""

    def call(self, *words: str) -> Reply:
        """The answer to one command; an error is an answer too.

        Raises:
            ProbeError: there is no answer, or none that can be read.
        """
        return self.calls([words])[0]

    def calls(self, commands: Iterable[tuple[str, ...]]) -> list[Reply]:
        """The answers to several commands that are sent at once."""
        sent = [_encoded(words) for words in commands]
        with self._translated():
            self._line.send(b"".join(sent))
            return [self._reply() for _ in sent]

    def log_in(self, user: str, password: str) -> None:
        """Prove who we are.

        Raises:
            AccessDenied: the server does not accept it.
        """
        said = self.call("AUTH", user, password)
        if said != "OK":
            code = said.code if isinstance(said, Refusal) else "something else than OK"
            raise AccessDenied(f"{self.target}: the login {user} is refused: {code}")

    def require(self, *words: str) -> Reply:
        """The answer to a command that must not be refused.

        Raises:
            AccessDenied: this user may not ask that.
            NotUnderstood: the server answers with another error.
        """
        said = self.call(*words)
        if isinstance(said, Refusal):
            kind = AccessDenied if said.code in _DENIED else NotUnderstood
            raise kind(f"{self.target}: {' '.join(words[:2])}: {said.text[:120]}")
        return said

    def _reply(self, depth: int = 0) -> Reply:
        line = self._until_line_end()
        kind, rest = line[:1], line[1:]
        if kind == b"+":
            return rest.decode(errors="replace")
        if kind == b"-":
            return Refusal(rest.decode(errors="replace"))
        if kind not in (b":", b"$", b"*") or depth > _DEEPEST:
            raise NotUnderstood(f"{self.target} does not answer as Redis does")
        number = _number(rest, self.target)
        if kind == b":":
            return number
        if number < 0:
            return None
        if kind == b"$":
            return self._exactly(number + 2)[:-2].decode(errors="replace")
        return [self._reply(depth + 1) for _ in range(number)]

    def _until_line_end(self) -> bytes:
        while (end := self._buffer.find(b"\r\n", self._at)) < 0:
            self._more()
        line, self._at = self._buffer[self._at : end], end + 2
        return line

    def _exactly(self, size: int) -> bytes:
        while len(self._buffer) - self._at < size:
            self._more()
        self._at += size
        return self._buffer[self._at - size : self._at]

    def _more(self) -> None:
        piece = self._line.receive()
        if not piece:
            raise Unreachable(f"{self.target}: hung up")
        self._read += len(piece)
        if self._read > _LARGEST:
            raise NotUnderstood(f"{self.target}: answered more than {_LARGEST} bytes")
        self._buffer, self._at = self._buffer[self._at :] + piece, 0

    @contextmanager
    def _translated(self) -> Any:
        """What the socket raises, as what it means."""
        try:
            yield
        except TimeoutError as error:
            raise TimedOut(f"{self.target}: no answer within {self._timeout:g} s") from error
        except OSError as error:
            raise problem(self.target, error) from error

    def close(self) -> None:
        """Hang up."""
        self._line.socket.close()


def spoken_in_the_clear(target: RespTarget, *, timeout: float = PATIENCE) -> str:
    """What the port answers to a PING without TLS, as Redis would; empty when it does not.

    Raises:
        ProbeError: nobody accepts the connection.
    """
    try:
        line = Line(target.address, target.port, Deadline(timeout))
    except OSError as error:
        raise problem(target, error) from error
    with line:
        try:
            line.send(_encoded(("PING",)))
            said = line.receive(256, patience=timeout / 2)
        except OSError:
            return ""  # it hung up or stays silent: nothing is spoken in the clear
    return said.decode(errors="replace").strip()[:120] if said[:1] in (b"+", b"-") else ""


def problem(target: RespTarget, error: OSError) -> ProbeError:
    """An error of the socket, as what it means for us."""
    if isinstance(error, TimeoutError):
        return TimedOut(f"{target}: does not accept the connection in time")
    if isinstance(error, ssl.SSLError):
        return NotUnderstood(f"{target}: TLS: {error.reason or error}")
    return Unreachable(f"{target}: {error.strerror or error}")


def _number(text: bytes, target: RespTarget) -> int:
    try:
        return int(text)
    except ValueError as error:
        raise NotUnderstood(f"{target} does not answer as Redis does") from error


def _encoded(words: tuple[str, ...]) -> bytes:
    parts = [f"*{len(words)}\r\n".encode()]
    for word in words:
        raw = word.encode()
        parts.append(b"$%d\r\n%s\r\n" % (len(raw), raw))
    return b"".join(parts)
