"""One request to a listener on a connection of its own, as a new user's is, of any method."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Final

from readiness.probes import wire
from readiness.session.clients import Clients
from readiness.site.subjects import Endpoint
from readiness.systems.http.asking.pages import (
    Heard,
    Question,
    converse,
    over_http_1,
    request_for,
    secure,
)
from readiness.systems.http.asking.routes import client_certificate

ALONE: Final = {"Accept": "*/*", "Connection": "close"}
"""Headers by which the server ends the connection: the next request is another user's."""


@dataclass(frozen=True)
class Answered:
    """What came back, and the address that we asked from."""

    heard: Heard
    ours: str


def question_to(clients: Clients, endpoint: Endpoint, path: str, timeout: float) -> Question:
    """How a listener is asked at its own address."""
    listener = endpoint.listener
    return Question(
        address=endpoint.address,
        port=listener.port,
        host=endpoint.names[0],
        path=path,
        authority_pem=clients.authority_pem(listener.authority),
        client_certificate=client_certificate(clients.site, endpoint),
        timeout=timeout,
    )


def asked(
    question: Question,
    path: str = "",
    *,
    method: str = "GET",
    headers: Mapping[str, str] = ALONE,
    body: bytes | None = None,
) -> Answered:
    """Ask once.

    Raises:
        ProbeError: there is no answer. A refused connection is one, without a status.
    """
    here = replace(question, path=path or question.path)
    request = request_for(here, method, headers, body)
    ours: list[str] = []

    def talk(line: wire.Line) -> Heard:
        ours.append(str(line.socket.getsockname()[0]))
        if here.tls:
            secure(line, here)
        return over_http_1(line, request, method=method)

    heard = converse(here, talk)
    return Answered(heard, next(iter(ours), ""))


def header_of(heard: Heard, name: str) -> str:
    """What an answer has under a header; empty where it has none."""
    return ", ".join(value for key, value in heard.headers if key.lower() == name.lower())
