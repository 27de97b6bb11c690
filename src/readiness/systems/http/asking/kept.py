"""Asks one address again and again over a connection that is kept, as browsers do.

Many questions would cost a handshake each. A server may end a kept connection whenever it likes,
so one that was used before is opened anew once where it is found closed.
"""

import ssl
from collections.abc import Mapping
from dataclasses import replace
from functools import cache
from typing import Final

from readiness.model.closing import Closes
from readiness.model.errors import UsageError
from readiness.probes import wire
from readiness.probes.tls_contexts import ClientCertificate, trusting_all, trusting_only
from readiness.systems.http.asking.pages import (
    Heard,
    Question,
    over_http_1,
    request_for,
    translated,
)

ACCEPT: Final = {"Accept": "*/*"}
_HARMLESS: Final = {"Accept", "Content-Type"}
_REPEATABLE: Final = {"GET", "HEAD", "OPTIONS"}


class Kept(Closes):
    """One address and its connection. Without an authority whatever certificate is taken.

    Nothing secret goes to whom nobody vouches for: headers beside `Accept` need an authority.
    """

    def __init__(self, question: Question, *, trusts_all: bool = False) -> None:
        self._question = question
        self._context = _looking(question.client_certificate) if trusts_all else _trusting(question)
        self._trusts_all = trusts_all
        self._line: wire.Line | None = None

    def ask(
        self,
        path: str,
        method: str = "GET",
        headers: Mapping[str, str] = ACCEPT,
        body: bytes | None = None,
    ) -> Heard:
        """What is answered, whatever the status; raises as `pages.ask` does."""
        if self._trusts_all and not headers.keys() <= _HARMLESS:
            raise UsageError("nothing but what anybody may read is sent to whom nobody vouches for")
        question = replace(self._question, path=path)
        request = request_for(question, method, headers, body)
        heard = translated(question, lambda: self._twice(request, method))
        if not heard.stays:
            self.close()
        return heard

    def _twice(self, request: bytes, method: str) -> Heard:
        used_before = self._line is not None
        try:
            return self._once(request, method)
        except (ConnectionResetError, BrokenPipeError, ssl.SSLError):
            self.close()
            if not used_before or method not in _REPEATABLE:
                raise
        except BaseException:
            self.close()
            raise
        return self._once(request, method)

    def _once(self, request: bytes, method: str) -> Heard:
        line = self._line = self._line or self._open()
        line.deadline = wire.Deadline(self._question.timeout)
        return over_http_1(line, request, method=method)

    def _open(self) -> wire.Line:
        question = self._question
        line = wire.Line(question.address, question.port, wire.Deadline(question.timeout))
        try:
            if self._context is not None:
                line.socket.settimeout(line.deadline.left())
                line.socket = self._context.wrap_socket(line.socket, server_hostname=question.host)
        except BaseException:
            line.close()
            raise
        return line

    def close(self) -> None:
        """End the connection; what is asked afterwards opens another."""
        if self._line is not None:
            self._line.close()
            self._line = None


@cache
def _looking(client_certificate: ClientCertificate | None) -> ssl.SSLContext:
    """Whoever presents which certificate: what it answers is looked at."""
    context = trusting_all(client_certificate=client_certificate)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    return context


def _trusting(question: Question) -> ssl.SSLContext | None:
    if question.authority_pem is None:
        return None
    return trusting_only(question.authority_pem, question.client_certificate, check_hostname=True)
